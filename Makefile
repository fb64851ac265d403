# `make demo` and `make test` are all a new machine needs: both set up what is missing first.

SHELL := /bin/bash
RSCRIPT ?= Rscript

.PHONY: help demo test test-r test-cpp check install develop document bench calibrate fuzz optima parity partners peers setup setup-test coverage sanitize lint format site clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

demo: install    ## set up, install, and print the three worked examples
	@$(RSCRIPT) inst/examples/faraway.R

test: setup-test ## set up and run all that CI runs: C++ tests, R tests, R CMD check
	@$(RSCRIPT) tools/test.R cpp check r

test-r: setup-test ## install and run the R tests only
	@$(RSCRIPT) tools/test.R r

test-cpp: setup  ## run the C++ tests only
	@$(RSCRIPT) tools/test.R cpp

check: setup-test ## R CMD build and R CMD check --as-cran only
	@$(RSCRIPT) tools/test.R check

install: setup   ## install the package into the first library that can be written to
	@$(RSCRIPT) tools/install.R

develop: setup   ## install the working tree, compiling only what changed since the last time
	@$(RSCRIPT) tools/develop.R $(LIBRARY)

document:        ## regenerate RcppExports, NAMESPACE and man/
	@$(RSCRIPT) tools/document.R

bench: install   ## run the timing comparison of bench/
	@$(RSCRIPT) bench/run.R

calibrate: install ## run the rejection rates of bench/calibrate.R; short: make calibrate ARGS=--replicates=100
	@$(RSCRIPT) bench/calibrate.R $(ARGS)

parity:          ## compare every number with those of a commit, bit for bit: make parity BASE=HEAD^
	@$(RSCRIPT) bench/parity.R $(BASE)

partners: install ## compare the calls of partner packages that are installed, and all loading orders
	@$(RSCRIPT) bench/partners.R $(ARGS)

peers: install   ## compare fits with covariance structures with nlme, mmrm and metafor: make peers ARGS="mmrm --part=0.2"
	@$(RSCRIPT) bench/peers_structures.R $(ARGS)

fuzz: install    ## call every function with wrong arguments and damaged fits; short: make fuzz ARGS="--calls=500 --damaged=200"
	@$(RSCRIPT) bench/fuzz.R $(ARGS)

optima: install  ## compare fits of random designs with dense searches; short: make optima ARGS=--designs=100
	@$(RSCRIPT) bench/optima.R $(ARGS)

coverage:        ## print the share of lines that the R tests reach, by file (package 'covr')
	@$(RSCRIPT) tools/coverage.R

sanitize: setup  ## run the C++ tests under the address and undefined-behavior sanitizers
	@HENDERSON_TEST_FLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined" bash tests/cpp/run.sh

lint:            ## check the R code against .lintr (package 'lintr')
	@$(RSCRIPT) -e 'found <- lintr::lint_dir("."); print(found); quit(status = length(found) > 0)'

format:          ## format the C++ code by .clang-format
	@git ls-files 'inst/include/*.hpp' 'src/*.cpp' 'src/*.h' 'tests/cpp/*.?pp' | grep -v RcppExports | xargs clang-format -i

site: install    ## build the documentation site into .build/site (package 'pkgdown')
	@$(RSCRIPT) tools/site.R

setup:           ## install what the package itself needs
	@$(RSCRIPT) tools/setup.R demo

setup-test:      ## install what the tests need as well
	@$(RSCRIPT) tools/setup.R test

clean:           ## remove everything that was built
	@rm -rf .build src/*.o src/engine/*/*.o src/*.so src/*.dll *.Rcheck *.tar.gz
