#include "henderson/linalg/dense_cholesky.hpp"

#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/stop.hpp"

using namespace henderson_tests;

namespace {

// Sizes on both sides of a leaf and of the halves above it.
const Index cholesky_sizes[] = {1, 2, 7, henderson::kLeaf, henderson::kLeaf + 1, 64, 65, 150};

}  // namespace

TEST_CASE("the blocked factor is the factor, and the upper triangle is left alone") {
  Rng rng(1);
  henderson::Checkpoint checkpoint;
  for (const Index n : cholesky_sizes) {
    INFO("n = " << n);
    const MatrixXd a = positive_definite(rng, n);
    MatrixXd l = a;
    l.triangularView<Eigen::StrictlyUpper>().setConstant(7);
    REQUIRE(henderson::cholesky_in_place(l, checkpoint));
    CHECK((n == 1 || l(0, n - 1) == 7));
    l.triangularView<Eigen::StrictlyUpper>().setZero();
    CHECK(relative(MatrixXd(l * l.transpose()), a) < 1e-13);
    CHECK(l.diagonal().minCoeff() > 0);
  }
}

TEST_CASE("the inverse in place is the inverse") {
  Rng rng(2);
  henderson::Checkpoint checkpoint;
  for (const Index n : cholesky_sizes) {
    INFO("n = " << n);
    const MatrixXd a = positive_definite(rng, n);
    MatrixXd l = a;
    REQUIRE(henderson::cholesky_in_place(l, checkpoint));
    MatrixXd triangle = l;
    henderson::invert_lower_in_place(triangle, checkpoint);
    const MatrixXd lower = l.triangularView<Eigen::Lower>(), inverse = triangle.triangularView<Eigen::Lower>();
    CHECK(relative(MatrixXd(lower * inverse), MatrixXd::Identity(n, n)) < 1e-12);
    henderson::inverse_from_cholesky_in_place(l, checkpoint);
    CHECK(relative(MatrixXd(symmetric(l) * a), MatrixXd::Identity(n, n)) < 1e-11);
  }
}

TEST_CASE("a matrix that is not positive definite is told apart wherever it shows") {
  henderson::Checkpoint checkpoint;
  for (const Index at : {Index{0}, Index{33}, Index{100}, Index{149}}) {
    MatrixXd a = MatrixXd::Identity(150, 150);
    a(at, at) = -1;
    CHECK_FALSE(henderson::cholesky_in_place(a, checkpoint));
  }
}

TEST_CASE("an empty matrix has a factor") {
  henderson::Checkpoint checkpoint;
  MatrixXd a(0, 0);
  CHECK(henderson::cholesky_in_place(a, checkpoint));
  henderson::inverse_from_cholesky_in_place(a, checkpoint);
}

TEST_CASE("a large factor and inverse can be stopped") {
  Rng rng(3);
  StopAtOnce stop;
  MatrixXd a = positive_definite(rng, 150);
  CHECK_THROWS_AS(henderson::cholesky_in_place(a, stop), Stopped);
  MatrixXd l = MatrixXd::Identity(150, 150);
  CHECK_THROWS_AS(henderson::inverse_from_cholesky_in_place(l, stop), Stopped);
}
