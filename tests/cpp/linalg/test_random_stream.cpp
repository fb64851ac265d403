#include "henderson/linalg/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/catch.hpp"

using henderson::RandomStream;

namespace {

constexpr int kDraws = 20000;

// Largest distance between the empirical and the given distribution function, times the root of the number of draws:
// above 2.3 with probability 5e-5.
template <class Draw, class Distribution>
double distance(Draw draw, Distribution distribution) {
  std::vector<double> u;
  for (int i = 0; i < kDraws; ++i) u.push_back(distribution(draw()));
  std::sort(u.begin(), u.end());
  double out = 0;
  for (int i = 0; i < kDraws; ++i)
    out = std::max({out, std::abs(u[i] - static_cast<double>(i) / kDraws), std::abs(u[i] - (i + 1.0) / kDraws)});
  return out * std::sqrt(static_cast<double>(kDraws));
}

double normal_distribution(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

// Of an Erlang distribution, whose shape is a whole number.
double erlang_distribution(double x, int shape) {
  double term = 1, sum = 1;
  for (int k = 1; k < shape; ++k) sum += term *= x / k;
  return 1 - std::exp(-x) * sum;
}

}  // namespace

TEST_CASE("random streams have the distributions that they are asked for") {
  RandomStream random(1, 2);
  CHECK(distance([&] { return random.uniform(); }, [](double x) { return x; }) < 2.3);
  CHECK(distance([&] { return random.normal(); }, normal_distribution) < 2.3);
  for (const int shape : {1, 3, 90})
    CHECK(distance([&] { return random.gamma(shape); },
                   [&](double x) { return erlang_distribution(x, shape); }) < 2.3);
  // A gamma number with shape 1/2 is half the square of a normal number.
  CHECK(distance([&] { return random.gamma(0.5); },
                 [](double x) { return 2 * normal_distribution(std::sqrt(2 * x)) - 1; }) < 2.3);
}

TEST_CASE("random streams are reproducible and differ by seed and number") {
  RandomStream first(7, 0), again(7, 0), other(7, 1), seed(8, 0);
  bool all_equal = true, some_equal = false;
  for (int i = 0; i < 100; ++i) {
    const double x = first.normal();
    all_equal = all_equal && x == again.normal();
    some_equal = some_equal || x == other.normal() || x == seed.normal();
  }
  CHECK(all_equal);
  CHECK(!some_equal);
}
