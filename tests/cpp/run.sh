#!/bin/bash
# Builds and runs the engine's unit tests: run.sh [options of Catch]. No optimizer, all assertions, warnings are errors.
# HENDERSON_TEST_FLAGS takes the place of -O0, for instance "-O1 -g -fsanitize=address,undefined".
shopt -s nullglob
set -e
cd "$(dirname "$0")"
r() { "${R_HOME:+$R_HOME/bin/}R" --no-echo --no-save -e "cat($1)"; }
engine=../../inst/include
[ -d $engine ] || engine=$(r 'system.file("include", package = "henderson", mustWork = TRUE)')
eigen=$(r 'system.file("include", package = "RcppEigen", mustWork = TRUE)')
catch=$(r 'system.file("include/testthat/vendor", package = "testthat", mustWork = TRUE)')
compiler="$("${R_HOME:+$R_HOME/bin/}R" CMD config CXX17) -std=c++17 ${HENDERSON_TEST_FLAGS:--O0}"
checks="-UNDEBUG -D_GLIBCXX_ASSERTIONS -Wall -Wextra -Wpedantic -include support/assertions.hpp"
[[ $compiler == *clang* ]] || checks="$checks -Werror"   # clang warns of more, and differently in each version
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
# Most of the time goes into the same templates again and again: few units, each of several folders.
unit() { local name=$1; shift; printf '#include "%s"\n' "$@" > "$build/unit_$name.cpp"; }
unit main main.cpp
unit plain linalg/*_plain.cpp
unit lower $(ls {linalg,optimize,covariance,data}/test_*.cpp | grep -v _plain)
unit upper {likelihood,fit,inference}/test_*.cpp
export compile="$compiler $checks -I. -I$engine -isystem $eigen -isystem $catch"
printf '%s\n' "$build"/unit_{upper,lower,main,plain} | xargs -P 2 -I {} bash -c '$compile -c {}.cpp -o {}.o'
$compiler "$build"/*.o -o "$build/tests"
"$build/tests" "$@"
