#include "henderson/linalg/deflated_spectrum.hpp"

#include <Eigen/Eigenvalues>

#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/stop.hpp"

using namespace henderson_tests;
using henderson::DeflatedSpectrum;

namespace {

VectorXd dense_eigenvalues(const VectorXd& d, const MatrixXd& a) {
  MatrixXd m = -a * a.transpose();
  m.diagonal() += d;
  return Eigen::SelfAdjointEigenSolver<MatrixXd>(m).eigenvalues();
}

}  // namespace

TEST_CASE("counted eigenvalues are those of the dense matrix") {
  Rng rng(3);
  for (const Index p : {0, 1, 4}) {
    const Index n = 30;
    const MatrixXd a = normals(rng, n, p);
    // D - A A' positive semidefinite, as Z'Z less its part in X
    VectorXd d = a.rowwise().squaredNorm() * static_cast<double>(p + 1) + VectorXd::LinSpaced(n, 0.01, 2);
    const VectorXd dense = dense_eigenvalues(d, a);
    const Index positive = (dense.array() > 1e-6).count();
    henderson::Checkpoint checkpoint;
    const VectorXd counted = DeflatedSpectrum(d, a).above(1e-6, checkpoint);
    REQUIRE(counted.size() == positive);
    CHECK(relative(counted, dense.tail(positive).eval()) < 1e-11);
    const DeflatedSpectrum spectrum(d, a);
    for (Index i = 0; i + 1 < n; ++i) CHECK(spectrum.below((dense[i] + dense[i + 1]) / 2) == i + 1);
  }
}

TEST_CASE("equal entries of the diagonal stay eigenvalues, and null directions are left out") {
  // Levels of 5 rows each, X the constant: 5 (I - J/m) has m - 1 eigenvalues 5 and one 0.
  const Index m = 40;
  henderson::Checkpoint checkpoint;
  const VectorXd d = VectorXd::Constant(m, 5);
  const MatrixXd a = MatrixXd::Constant(m, 1, 5 / std::sqrt(5.0 * m));
  const VectorXd counted = DeflatedSpectrum(d, a).above(1e-9, checkpoint);
  REQUIRE(counted.size() == m - 1);
  CHECK(relative(counted, VectorXd::Constant(m - 1, 5)) < 1e-11);
}

TEST_CASE("entries near each other cost digits only") {
  Rng rng(8);
  const Index n = 24;
  const MatrixXd a = normals(rng, n, 3);
  VectorXd d(n);
  for (Index i = 0; i < n; ++i) d[i] = 200 + (i / 6) + 1e-13 * static_cast<double>(i % 6) * 200;
  henderson::Checkpoint checkpoint;
  const VectorXd counted = DeflatedSpectrum(d, a).above(1e-6, checkpoint);
  REQUIRE(counted.size() == n);
  CHECK(relative(counted, dense_eigenvalues(d, a)) < 1e-8);
}

TEST_CASE("counting can be interrupted") {
  StopAtOnce stop;
  const VectorXd d = VectorXd::LinSpaced(5, 1, 2);
  CHECK_THROWS_AS(DeflatedSpectrum(d, MatrixXd(5, 0)).above(0.5, stop), Stopped);
}
