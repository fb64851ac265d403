# `make demo` and `make test` are all a new machine needs: both set up what is missing first.

SHELL := /bin/bash
RSCRIPT ?= Rscript

.PHONY: help demo test test-r test-cpp check install develop document bench calibrate fuzz parity partners setup setup-test clean

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

fuzz: install    ## call every function with wrong arguments and damaged fits; short: make fuzz ARGS="--calls=500 --damaged=200"
	@$(RSCRIPT) bench/fuzz.R $(ARGS)

setup:           ## install what the package itself needs
	@$(RSCRIPT) tools/setup.R demo

setup-test:      ## install what the tests need as well
	@$(RSCRIPT) tools/setup.R test

clean:           ## remove everything that was built
	@rm -rf .build src/*.o src/engine/*/*.o src/*.so src/*.dll *.Rcheck *.tar.gz
