// Catch 1, as testthat ships it; its signal handler does not compile with recent C libraries.
#ifndef HENDERSON_TESTS_CATCH_HPP
#define HENDERSON_TESTS_CATCH_HPP

#define CATCH_CONFIG_NO_POSIX_SIGNALS
#include <catch.h>

#endif
