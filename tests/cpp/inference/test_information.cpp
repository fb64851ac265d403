#include "henderson/inference/information.hpp"

#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

bool close_to(const MatrixXd& a, const MatrixXd& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a - b).norm() < 1e-9 * (1 + b.norm());
}

void check_information(const Point& point, const henderson::Information& own) {
  const Design& d = point.design;
  const Dense truth = point.dense();
  const auto directions = henderson::natural_directions(d.layout, point.at.theta);
  const Index k = static_cast<Index>(directions.size()), p = truth.x.cols();
  std::vector<MatrixXd> v;
  for (const auto& direction : directions) v.push_back(direction_matrix(d, point.data, direction));
  VectorXd residual = VectorXd::Ones(truth.y.size());
  for (Index i = 0; i < residual.size() && d.weight.size() > 0; ++i) residual[i] = 1 / d.weight[truth.row[i]];
  v.push_back(residual.asDiagonal());
  const MatrixXd x = truth.x * point.data.x.basis;
  const MatrixXd vx = truth.v_inverse * x;
  const VectorXd py = truth.p * truth.y;
  MatrixXd t(k + 1, k + 1), t_ml(k + 1, k + 1), ai(k + 1, k + 1), q((k + 1) * p, (k + 1) * p);
  std::vector<MatrixXd> pv, iv;
  for (const MatrixXd& m : v) {
    pv.push_back(truth.p * m);
    iv.push_back(truth.v_inverse * m);
  }
  for (Index i = 0; i <= k; ++i) {
    CHECK(close_to(own.p[i], -vx.transpose() * v[i] * vx));
    for (Index j = 0; j <= k; ++j) {
      t(i, j) = pv[i].cwiseProduct(pv[j].transpose()).sum();
      t_ml(i, j) = iv[i].cwiseProduct(iv[j].transpose()).sum();
      ai(i, j) = (v[i] * py).dot(truth.p * (v[j] * py)) / truth.sigma2;
      q.block(i * p, j * p, p, p) = vx.transpose() * v[i] * (truth.v_inverse * (v[j] * vx));
    }
  }
  CHECK(close_to(own.t, t));
  CHECK(close_to(own.t_ml, t_ml));
  CHECK(close_to(own.ai, ai));
  CHECK(close_to(own.q, q));
  CHECK(close_to(own.phi, (x.transpose() * vx).llt().solve(MatrixXd::Identity(p, p))));
  CHECK(own.psi[k] == 1);
}

// The Hessian in theta follows from the information in the natural parameters.
void check_chain_rule(const Point& point, const henderson::Information& own) {
  const henderson::Derivatives d = henderson::derivatives(point.criterion, point.at);
  if (!d.exact) return;
  const Index k = own.psi.size() - 1;
  const auto m =
      henderson::moments(point.criterion, point.at, henderson::natural_directions(point.design.layout, point.at.theta));
  const MatrixXd t = (point.at.reml ? own.t : own.t_ml).topLeftCorner(k, k), ai = own.ai.topLeftCorner(k, k);
  const VectorXd slope = own.jacobian.transpose() * m.quadratic;
  const MatrixXd hessian = own.jacobian.transpose() * (2 * ai - t + own.natural_curvature) * own.jacobian -
                           slope * slope.transpose() / point.at.degrees + own.curvature;
  CHECK(close_to(hessian, d.hessian));
}

}  // namespace

TEST_CASE("information at a point is that of the dense formulas") {
  Rng rng(54);
  std::vector<Shape> all = shapes();
  for (const Shape& s : structured_shapes()) all.push_back(s);
  for (const Shape& s : all) {
    Design d = shaped(rng, s);
    for (const bool reml : {true, false}) {
      INFO(s.name << (reml ? ", REML" : ", ML, weighted"));
      if (!reml) random_weights(rng, d);
      Point point(d, random_theta(rng, d.layout), reml);
      const henderson::Information own = henderson::information(point.problem, point.at, 5000, point.checkpoint);
      check_information(point, own);
      check_chain_rule(point, own);
    }
  }
}
