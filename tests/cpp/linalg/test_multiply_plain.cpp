// The version for other compilers and processors, under another name beside the one that everything else uses.
#define HENDERSON_PLAIN_MULTIPLY
#define henderson henderson_plain
#include "linalg/multiply_checks.hpp"

#include "../../../src/engine/linalg/multiply.cpp"

TEST_CASE("products without a kernel are products") { check_products(); }
