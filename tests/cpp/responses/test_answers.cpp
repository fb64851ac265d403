#include "henderson/responses/answers.hpp"

#include <cmath>
#include <limits>

#include "henderson/responses/response_rows.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;

TEST_CASE("a symmetric matrix comes back from its lower triangle") {
  MatrixXd s(3, 3);
  s << 4, 1, 2, 1, 5, 3, 2, 3, 6;
  const Eigen::VectorXd entries = henderson::stacked(s);
  CHECK(entries.size() == henderson::triangle(3));
  CHECK(henderson::unstacked(entries.data(), 3) == s);
}

TEST_CASE("a parameter without information has no variance, the others their inverse") {
  MatrixXd h(3, 3);
  h << 4, 0, 1, 0, 0, 0, 1, 0, 9e8;
  const MatrixXd v = henderson::information_inverse(h);
  const double det = 4 * 9e8 - 1;
  CHECK(v.row(1).norm() == 0);
  CHECK(std::abs(v(0, 0) - 9e8 / det) < 1e-12);
  CHECK(std::abs(v(2, 2) * det - 4) < 1e-9);
  CHECK(std::abs(v(0, 2) * det + 1) < 1e-9);
}

TEST_CASE("a first look tells what cannot be fitted, and which responses have the same rows") {
  const double none = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  MatrixXd y(3, 7);
  y << 1, none, 2, 1, 1e300, 1, 3,
       2, none, 2, infinite, 1, none, 1,
       4, none, 2, 3, 2, 5, 2;
  henderson::ManyResponses all;
  new (&all.design.y) henderson::ConstMatrix(y.data(), 3, 7);
  std::vector<int> outcome;
  for (Eigen::Index j = 0; j < 7; ++j) outcome.push_back(static_cast<int>(henderson::first_look(all, j)));
  CHECK((outcome == std::vector<int>{6, 1, 3, 2, 5, 6, 6}));
  const auto patterns = henderson::find_patterns(all, outcome);
  REQUIRE(patterns.size() == 2);
  CHECK((patterns[0].members == std::vector<Eigen::Index>{0, 6}));
  CHECK(patterns[0].whole);
  CHECK((patterns[1].members == std::vector<Eigen::Index>{5}));
  CHECK_FALSE(patterns[1].whole);
}
