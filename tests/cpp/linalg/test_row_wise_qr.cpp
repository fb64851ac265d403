#include "henderson/linalg/row_wise_qr.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;

namespace {

VectorXd decades(Rng& rng, Index n, double width) {
  std::uniform_real_distribution<double> any(-width, width);
  VectorXd out(n);
  for (Index i = 0; i < n; ++i) out[i] = std::pow(10, any(rng));
  return out;
}

// Rows of whole numbers, so that combinations of columns are exact.
MatrixXd whole(Rng& rng, Index rows, Index columns) {
  return (3 * normals(rng, rows, columns)).array().round().matrix();
}

}  // namespace

TEST_CASE("sums of squares and products do not change") {
  Rng rng(41);
  const MatrixXd z = normals(rng, 20, 6), x = normals(rng, 20, 3), y = normals(rng, 20, 2);
  const henderson::RowWiseQr qr = henderson::row_wise_qr(z, x, y);
  MatrixXd before(20, 11), after(20, 11);
  before << z, x, y;
  after << qr.z, qr.x, qr.y;
  CHECK((before.transpose() * before - after.transpose() * after).norm() < 1e-12);
  CHECK(qr.z_rank == 6);
  CHECK(qr.x_rank == 3);
  CHECK(qr.z.bottomRows(14).norm() == 0);
  CHECK(qr.x.bottomRows(11).norm() == 0);
}

TEST_CASE("what a fit leaves is small beside each row, and ranks do not depend on the sizes of rows") {
  Rng rng(42);
  for (int trial = 0; trial < 20; ++trial) {
    const Index n = 25;
    const VectorXd size = decades(rng, n, 6);
    MatrixXd z = whole(rng, n, 7);
    z.col(6) = z.col(0) - 2 * z.col(3);
    MatrixXd x = whole(rng, n, 3);
    x.col(1) = z.col(2) + z.col(5);
    const MatrixXd y = z * whole(rng, 7, 1) + x * whole(rng, 3, 1);
    const henderson::RowWiseQr qr =
        henderson::row_wise_qr(size.asDiagonal() * z, size.asDiagonal() * x, size.asDiagonal() * y);
    CHECK(qr.z_rank == 6);
    CHECK(qr.x_rank == 2);
    // Rows are sorted: the smallest stand last.
    VectorXd sorted = size.cwiseProduct(z.rowwise().norm());
    std::sort(sorted.data(), sorted.data() + n, std::greater<double>());
    for (Index i = 8; i < n; ++i) CHECK(std::abs(qr.y(i, 0)) < 1e-11 * sorted[i]);
  }
}

TEST_CASE("matrices without rows or columns") {
  const henderson::RowWiseQr none = henderson::row_wise_qr(MatrixXd(3, 0), MatrixXd::Identity(3, 1), MatrixXd(3, 0));
  CHECK(none.z_rank == 0);
  CHECK(none.x_rank == 1);
  const henderson::RowWiseQr zero =
      henderson::row_wise_qr(MatrixXd::Zero(4, 2), MatrixXd::Zero(4, 1), MatrixXd::Ones(4, 1));
  CHECK(zero.z_rank == 0);
  CHECK(zero.x_rank == 0);
}
