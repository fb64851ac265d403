#include "henderson/data/projection.hpp"

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;
using henderson::Projection;

namespace {

Projection project(const MatrixXd& x, const MatrixXd& y, const VectorXd& shift, const VectorXd& constant,
                   double length = 1, double weight = 1) {
  henderson::StreamingQr qr(x.cols(), y.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    auto row = qr.next_row();
    row.head(x.cols()) = weight * (x.row(i) - shift.transpose());
    row.tail(y.cols()) = weight * y.row(i);
  }
  qr.finish();
  Projection out;
  out.shift = shift;
  out.constant = constant;
  henderson::orthogonalize(qr, VectorXd::Zero(y.cols()), length, weight, out);
  return out;
}

MatrixXd kept_columns(const MatrixXd& x, const Projection& p) {
  MatrixXd out(x.rows(), p.kept.size());
  for (std::size_t j = 0; j < p.kept.size(); ++j) out.col(j) = x.col(p.kept[j]);
  return out;
}

}  // namespace

TEST_CASE("rows read one by one have the R and the residual sum of squares of the whole matrix") {
  Rng rng(10);
  for (const Index n : {3, 511, 512, 513, 1500}) {
    const MatrixXd x = normals(rng, n, 3), y = normals(rng, n, 2);
    henderson::StreamingQr qr(3, 2);
    for (Index i = 0; i < n; ++i) {
      auto row = qr.next_row();
      row << x.row(i), y.row(i);
    }
    qr.finish();
    CHECK(relative(MatrixXd(qr.r().transpose() * qr.r()), MatrixXd(x.transpose() * x)) < 1e-12);
    CHECK(relative(MatrixXd(qr.r().transpose() * qr.q_y()), MatrixXd(x.transpose() * y)) < 1e-11);
    const MatrixXd e = y - x * x.householderQr().solve(y);
    CHECK((qr.left_over() - VectorXd(e.colwise().squaredNorm().transpose())).norm() < 1e-11 * n);
  }
}

TEST_CASE("no columns leave all of y, no rows leave nothing") {
  henderson::StreamingQr qr(0, 1);
  qr.next_row()[0] = 3;
  qr.next_row()[0] = 4;
  qr.finish();
  CHECK(qr.left_over()[0] == 25);
  henderson::StreamingQr none(2, 1);
  none.finish();
  CHECK(none.left_over()[0] == 0);
}

TEST_CASE("orthogonal columns, and the way back to the user's coefficients") {
  Rng rng(11);
  const Index n = 40;
  MatrixXd x = normals(rng, n, 4);
  x.col(0).setOnes();
  x.col(2).array() += 1e6;
  x.col(3) *= 1e-5;
  const MatrixXd y = normals(rng, n, 2);
  VectorXd shift = VectorXd::Zero(4);
  shift.tail(3) = x.topRows(5).rightCols(3).colwise().mean().transpose();
  const Projection p = project(x, y, shift, VectorXd::Unit(4, 0), std::sqrt(double(n)));
  REQUIRE(p.kept.size() == 4);
  const MatrixXd o = (x.rowwise() - shift.transpose()) * p.to_orthogonal;
  CHECK(relative(MatrixXd(o.transpose() * o), MatrixXd(n * MatrixXd::Identity(4, 4))) < 1e-12);
  CHECK((x * p.basis - o).norm() < 1e-6);  // 1e6 loses six digits here, in the test
  const MatrixXd e = y - o * o.transpose() * y / n;
  CHECK((p.total - VectorXd(e.colwise().squaredNorm().transpose())).norm() < 1e-10);
  CHECK((p.square - VectorXd(y.colwise().squaredNorm().transpose())).norm() < 1e-10);
  CHECK((y - (x.rowwise() - shift.transpose()) * p.fit - e).norm() < 1e-10);
  CHECK((y - x * p.response - e).norm() < 1e-5);
  const MatrixXd centred =
      x.rightCols(3).rowwise() - x.rightCols(3).colwise().mean();  // log|X'X| does not see the shift
  const double truth = std::log(double(n)) + std::log((centred.transpose() * centred).determinant());
  CHECK(relative(2 * p.log_det_r, truth) < 1e-9);
}

TEST_CASE("dependent columns are left out, later ones first, and told as combinations") {
  Rng rng(12);
  const Index n = 30;
  MatrixXd x(n, 6);
  x << VectorXd::Ones(n), normals(rng, n, 2), MatrixXd::Zero(n, 3);
  x.col(3) = 2 * x.col(1) + 3 * VectorXd::Ones(n);   // of x1 and the constant
  x.col(4).setConstant(5);                           // constant
  x.col(5) = normals(rng, n, 1);
  VectorXd shift = VectorXd::Zero(6);
  for (Index j = 1; j < 6; ++j) shift[j] = x.col(j).mean();
  for (const bool shifted : {true, false}) {
    const Projection p = shifted ? project(x, MatrixXd(n, 0), shift, VectorXd::Unit(6, 0))
                                 : project(x, MatrixXd(n, 0), VectorXd::Zero(6), VectorXd());
    CHECK(p.kept == (std::vector<Index>{0, 1, 2, 5}));
    CHECK(p.novelty[3] == 0);
    CHECK(p.novelty[4] == 0);
    CHECK(p.novelty[5] > 0.1);
    const MatrixXd k = kept_columns(x, p);
    CHECK(relative(MatrixXd(k * p.alias.col(3)), MatrixXd(x.col(3))) < 1e-12);
    CHECK(relative(MatrixXd(k * p.alias.col(4)), MatrixXd(x.col(4))) < 1e-12);
    CHECK(std::abs(p.alias(1, 3) - 2) < 1e-12);
    CHECK(p.alias(2, 3) == 0);  // rounding is zero
  }
}

TEST_CASE("nearly dependent columns stay, with their novelty") {
  Rng rng(13);
  const Index n = 50;
  MatrixXd x(n, 3);
  x << VectorXd::Ones(n), normals(rng, n, 2);
  x.col(2) = x.col(1) + 1e-5 * x.col(2);
  const Projection p = project(x, MatrixXd(n, 0), VectorXd::Zero(3), VectorXd::Unit(3, 0));
  CHECK(p.kept.size() == 3);
  CHECK(p.novelty[2] > 1e-6);
  CHECK(p.novelty[2] < 1e-4);
  x.col(2) = x.col(1) + 1e-9 * normals(rng, n, 1);
  CHECK(project(x, MatrixXd(n, 0), VectorXd::Zero(3), VectorXd::Unit(3, 0)).kept.size() == 2);
}

TEST_CASE("a covariate far from zero is not taken for a constant") {
  Rng rng(14);
  const Index n = 60;
  MatrixXd x(n, 2);
  x << VectorXd::Ones(n), normals(rng, n, 1);
  x.col(1).array() += 1e8;
  VectorXd shift = VectorXd::Zero(2);
  shift[1] = x(0, 1);
  CHECK(project(x, MatrixXd(n, 0), shift, VectorXd::Unit(2, 0)).kept.size() == 2);
  x.col(1).setConstant(1e8 + 1);
  shift[1] = 1e8;
  CHECK(project(x, MatrixXd(n, 0), shift, VectorXd::Unit(2, 0)).kept.size() == 1);
}

TEST_CASE("which columns are kept does not depend on the unit of the weights") {
  Rng rng(21);
  const Index n = 50;
  MatrixXd x(n, 4);
  x.col(0).setOnes();
  x.col(1) = 2000 + normals(rng, n, 1).array();       // years
  x.col(2) = 3 * x.col(1);                            // dependent but for rounding
  x.col(3) = normals(rng, n, 1);
  const VectorXd shift = (VectorXd(4) << 0, x.col(1).mean(), x.col(2).mean(), 0).finished();
  const MatrixXd y = normals(rng, n, 1);
  for (const double length : {1.0, std::sqrt(static_cast<double>(n))})
    for (const double weight : {1.0, 1e-70, 1e-12, 1e12, 1e70}) {
      const Projection p = project(x, y, shift, VectorXd::Unit(4, 0), length, weight);
      CHECK((p.kept == std::vector<Index>{0, 1, 3}));
    }
}
