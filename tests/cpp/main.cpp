// The test runner: every test_*.cpp below this folder is linked to it.
#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"
