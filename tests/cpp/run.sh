#!/bin/bash
# Builds and runs the engine's unit tests: run.sh [options of Catch]. No optimizer, all assertions, warnings are errors.
# The engine is compiled once for all tests, and again only what changed: objects stay in .build/cpp of the source tree.
# HENDERSON_TEST_FLAGS takes the place of -O0, for instance "-O1 -g -fsanitize=address,undefined".
set -e
cd "$(dirname "$0")"
[ -d ../../src/engine ] || { echo "the engine's tests need the source tree"; exit 1; }
r() { "${R_HOME:+$R_HOME/bin/}R" --no-echo --no-save -e "cat($1)"; }
eigen=$(r 'system.file("include", package = "RcppEigen", mustWork = TRUE)')
catch=$(r 'system.file("include/testthat/vendor", package = "testthat", mustWork = TRUE)')
compiler="$("${R_HOME:+$R_HOME/bin/}R" CMD config CXX17) -std=c++17 ${HENDERSON_TEST_FLAGS:--O0}"
checks="-UNDEBUG -D_GLIBCXX_ASSERTIONS -Wall -Wextra -Wpedantic -include support/assertions.hpp"
[[ $compiler == *clang* ]] || checks="$checks -Werror"   # clang warns of more, and differently in each version
compile="$compiler $checks -I. -I../../inst/include -isystem $eigen -isystem $catch"
build=../../.build/cpp/$(echo "$compile" | cksum | cut -d' ' -f1)
MAKEFLAGS= make -s -j "${HENDERSON_TEST_JOBS:-2}" -f rules BUILD="$build" COMPILE="$compile" LINK="$compiler"
"$build/run" "$@"
