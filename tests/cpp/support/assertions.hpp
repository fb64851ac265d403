// Included before everything else (run.sh): a broken precondition of Eigen is an exception, hence a failed test.
#ifndef HENDERSON_TESTS_ASSERTIONS_HPP
#define HENDERSON_TESTS_ASSERTIONS_HPP

#include <stdexcept>

#undef NDEBUG
#define eigen_assert(condition)                       \
  do {                                                \
    if (!(condition)) throw std::logic_error(#condition); \
  } while (false)

#endif
