#include "linalg/multiply_checks.hpp"

TEST_CASE("products by the kernel of this processor are products") { check_products(); }
