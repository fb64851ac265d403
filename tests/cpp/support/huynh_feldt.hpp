// The structure of Huynh and Feldt (1970), as vignette("architecture") has it: Sigma_ij = (v_i + v_j) / 2 - lambda for
// i != j and v_i on the diagonal. L L' for L = s I + 1 u' is s^2 I + a 1' + 1 a' with a = s u + 1 |u|^2 / 2, which has
// this form with lambda = s^2, and every positive semidefinite one has such a root.
#ifndef HENDERSON_TESTS_HUYNH_FELDT_HPP
#define HENDERSON_TESTS_HUYNH_FELDT_HPP

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson_tests {

class HuynhFeldt : public henderson::Covariance {
 public:
  using Index = henderson::Index;
  using MatrixXd = henderson::MatrixXd;
  using VectorXd = henderson::VectorXd;

  std::string name() const override { return "Huynh-Feldt"; }
  henderson::Closure closed_under() const override { return henderson::Closure::common_scale; }
  // theta: s, then u; one column has s alone.
  VectorXd start(Index q) const override { return VectorXd::Unit(q == 1 ? 1 : q + 1, 0); }
  MatrixXd factor(const VectorXd& theta, Index q) const override {
    MatrixXd l = theta[0] * MatrixXd::Identity(q, q);
    if (q > 1) l.rowwise() += theta.tail(q).transpose();
    for (Index j = 0; j < q; ++j)
      if (l(j, j) < 0) l.col(j) *= -1;                             // which L L' does not see
    return l;
  }
  VectorXd canonical(const VectorXd& theta, Index) const override { return theta[0] < 0 ? VectorXd(-theta) : theta; }
  VectorXd project(const MatrixXd& sigma) const override {
    const Index q = sigma.rows();
    const double n = static_cast<double>(q), trace = sigma.trace();
    if (q == 1) return VectorXd::Constant(1, std::sqrt(std::max(0.0, trace)));
    const double lambda = std::max(0.0, (n * trace - sigma.sum()) / (n * (n - 1)));
    VectorXd a = (sigma.diagonal().array() - lambda) / 2, theta(q + 1);
    const double mean = a.mean(), s = std::sqrt(lambda);
    VectorXd d = a.array() - mean;
    const double most = std::max(0.0, lambda * (lambda + 2 * n * mean)) / n;      // of |d|^2, for a semidefinite matrix
    if (d.squaredNorm() > most) d *= std::sqrt(most / d.squaredNorm());
    const double left = std::sqrt(std::max(0.0, lambda * (lambda + 2 * n * mean) - n * d.squaredNorm()));
    theta[0] = s;
    if (s > 0) {
      const double t = (n * mean * mean + d.squaredNorm()) / (n * mean + lambda + left);   // |u|^2 / 2
      theta.tail(q) = (d.array() + mean - t) / s;
    } else {
      theta.tail(q).setConstant(std::sqrt(std::max(0.0, 2 * mean / n)));
    }
    return theta;
  }
  // psi: the variances, and the covariance of the first two columns.
  std::vector<henderson::Parameter> parameters(Index q) const override {
    std::vector<henderson::Parameter> out(q == 1 ? 1 : q + 1);
    for (Index k = 0; k < q; ++k) {
      out[k].row = out[k].col = k;
      out[k].lower = 0;
    }
    if (q == 1) return out;
    out[q].kind = henderson::Kind::covariance;
    out[q].row = 1;
    return out;
  }
  MatrixXd derivative(const VectorXd&, Index q, Index k) const override {
    if (q == 1) return MatrixXd::Ones(1, 1);
    const MatrixXd beside = MatrixXd::Ones(q, q) - MatrixXd::Identity(q, q);
    if (k == q) return beside;
    MatrixXd out = MatrixXd::Zero(q, q);
    out.row(k).array() += 0.5;
    out.col(k).array() += 0.5;
    return k < 2 ? MatrixXd(out - 0.5 * beside) : out;
  }
};

}  // namespace henderson_tests

#endif
