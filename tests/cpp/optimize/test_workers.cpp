#include "henderson/optimize/workers.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

namespace {

struct Interrupt {};

struct Interrupting : henderson::Monitor {
  void check() override { throw Interrupt(); }
};

}  // namespace

TEST_CASE("every piece is done once, whatever the number of threads") {
  for (const int threads : {1, 2, 5}) {
    std::vector<int> seen(100, 0);
    henderson::Monitor monitor;
    Eigen::Index last = 0;
    henderson::share_work(
        100, threads, monitor, [&](Eigen::Index k, henderson::Monitor&) { ++seen[k]; },
        [&](Eigen::Index k) { last = k; });
    for (const int n : seen) CHECK(n == 1);
    CHECK(last == 100);
  }
}

TEST_CASE("an error of a piece and an interrupt end the work and reach the caller") {
  for (const int threads : {1, 3}) {
    henderson::Monitor monitor;
    const auto fails = [](Eigen::Index k, henderson::Monitor&) {
      if (k == 7) throw std::runtime_error("seven");
    };
    CHECK_THROWS_AS(henderson::share_work(50, threads, monitor, fails, [](Eigen::Index) {}), std::runtime_error);
    Interrupting interrupting;
    const auto endless = [](Eigen::Index, henderson::Monitor& own) {
      while (true) own.check();
    };
    CHECK_THROWS_AS(henderson::share_work(2, threads, interrupting, endless, [](Eigen::Index) {}), Interrupt);
  }
}
