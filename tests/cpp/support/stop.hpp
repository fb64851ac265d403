// A checkpoint that stops at once.
#ifndef HENDERSON_TESTS_STOP_HPP
#define HENDERSON_TESTS_STOP_HPP

#include "henderson/optimize/monitor.hpp"

namespace henderson_tests {

struct Stopped {};

struct StopAtOnce : henderson::Monitor {
  void check() override { throw Stopped(); }
};

}  // namespace henderson_tests

#endif
