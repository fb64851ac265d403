// Structures from outside the package, written by the contract alone: one that is linear but not diagonal or a full
// triangle, and one that is not linear. register_toys() adds them to the registry, where designs find them by name.
#ifndef HENDERSON_TESTS_TOY_STRUCTURES_HPP
#define HENDERSON_TESTS_TOY_STRUCTURES_HPP

#include <cmath>
#include <memory>
#include <vector>

#include "henderson/covariance/registry.hpp"
#include "henderson/covariance/unbounded.hpp"

namespace henderson_tests {

using henderson::Closure;
using henderson::Index;
using henderson::Kind;
using henderson::MatrixXd;
using henderson::Parameter;
using henderson::VectorXd;

// One variance and one covariance. theta: roots of the eigenvalues of contrasts and of the mean.
class ToyExchangeable : public henderson::Covariance {
 public:
  std::string name() const override { return "toy exchangeable"; }
  Closure closed_under() const override { return Closure::common_scale; }
  VectorXd start(Index q) const override { return VectorXd::Ones(count(q)); }
  MatrixXd factor(const VectorXd& theta, Index q) const override {
    MatrixXd l = MatrixXd::Zero(q, q);
    for (Index k = 0; k < theta.size(); ++k) l += theta[k] * part(q, k);
    return l;
  }
  MatrixXd factor_derivative(const VectorXd&, Index q, Index k) const override { return part(q, k); }
  MatrixXd factor_second_derivative(const VectorXd&, Index q, Index, Index) const override {
    return MatrixXd::Zero(q, q);
  }
  VectorXd project(const MatrixXd& sigma) const override {
    const Index q = sigma.rows();
    const double mean = sigma.sum() / static_cast<double>(q);
    VectorXd theta(count(q));
    theta[0] = std::sqrt(std::max(0.0, mean));
    if (q > 1) theta[1] = std::sqrt(std::max(0.0, (sigma.trace() - mean) / static_cast<double>(q - 1)));
    return theta;
  }
  VectorXd canonical(const VectorXd& theta, Index) const override { return theta.cwiseAbs(); }
  std::vector<Index> pivots(Index q) const override {
    return q == 1 ? std::vector<Index>{0} : std::vector<Index>{0, 1};
  }
  std::optional<Index> alone(Index q, Index) const override { return q == 1 ? std::optional<Index>(0) : std::nullopt; }

  std::vector<Parameter> parameters(Index q) const override {
    std::vector<Parameter> out(count(q));
    out[0].lower = 0;
    if (q > 1) {
      out[1].kind = Kind::covariance;
      out[1].row = 1;
    }
    return out;
  }
  MatrixXd derivative(const VectorXd&, Index q, Index k) const override {
    return k == 0 ? MatrixXd::Identity(q, q) : MatrixXd(MatrixXd::Ones(q, q) - MatrixXd::Identity(q, q));
  }

 private:
  static Index count(Index q) { return q == 1 ? 1 : 2; }
  static MatrixXd part(Index q, Index k) {
    const MatrixXd mean = MatrixXd::Ones(q, q) / static_cast<double>(q);
    return k == 0 ? mean : MatrixXd(MatrixXd::Identity(q, q) - mean);
  }
};

// One variance and a correlation that falls geometrically. theta: standard deviation, and rho / sqrt(1 - rho^2).
class ToyAutoregressive : public henderson::Covariance {
 public:
  std::string name() const override { return "toy autoregressive"; }
  Closure closed_under() const override { return Closure::common_scale; }
  VectorXd start(Index q) const override {
    return q == 1 ? VectorXd(VectorXd::Ones(1)) : VectorXd(VectorXd::Unit(2, 0));
  }
  MatrixXd factor(const VectorXd& theta, Index q) const override {
    const double w = left(theta), rho = q == 1 ? 0 : theta[1] * w;
    MatrixXd l = MatrixXd::Zero(q, q);
    for (Index j = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) l(i, j) = theta[0] * std::pow(rho, i - j) * (j == 0 ? 1 : w);
    return l;
  }
  MatrixXd factor_derivative(const VectorXd& theta, Index q, Index k) const override {
    if (k == 0) {
      VectorXd unit = theta;
      unit[0] = 1;
      return factor(unit, q);
    }
    const double w = left(theta), rho = theta[1] * w, slope = w * w * w;     // d rho; dw = -x w^3
    MatrixXd d = MatrixXd::Zero(q, q);
    for (Index j = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) {
        const double power = std::pow(rho, i - j);
        if (i > j) d(i, j) = static_cast<double>(i - j) * std::pow(rho, i - j - 1) * slope * (j == 0 ? 1 : w);
        if (j > 0) d(i, j) -= power * theta[1] * slope;
      }
    return theta[0] * d;
  }
  VectorXd project(const MatrixXd& sigma) const override {
    const Index q = sigma.rows();
    const double variance = sigma.trace() / static_cast<double>(q);
    VectorXd theta = start(q);
    theta[0] = std::sqrt(std::max(0.0, variance));
    if (q == 1) return theta;
    theta[1] = 0;
    if (!(variance > 0)) return theta;
    const double mean = sigma.diagonal(1).sum() / static_cast<double>(q - 1) / variance;
    const double edge = 1 - 1e-15, rho = std::min(std::max(mean, -edge), edge);     // where theta is still finite
    theta[1] = rho / std::sqrt((1 - rho) * (1 + rho));
    return theta;
  }
  VectorXd scaled(const VectorXd& theta, Index, double c) const override {
    VectorXd out = theta;
    out[0] *= c;
    return out;
  }
  VectorXd canonical(const VectorXd& theta, Index) const override {
    VectorXd out = theta;
    out[0] = std::abs(theta[0]);
    return out;
  }
  std::vector<Index> pivots(Index) const override { return {0}; }
  std::optional<Index> alone(Index q, Index) const override { return q == 1 ? std::optional<Index>(0) : std::nullopt; }

  std::vector<Parameter> parameters(Index q) const override {
    std::vector<Parameter> out(q == 1 ? 1 : 2);
    out[0].lower = 0;
    if (q == 1) return out;
    out[1].kind = Kind::correlation;
    out[1].row = 1;
    out[1].lower = -1;
    out[1].upper = 1;
    return out;
  }
  bool linear() const override { return false; }
  MatrixXd sigma_of(const VectorXd& psi, Index q) const override { return psi[0] * powers(psi, q, 0); }
  MatrixXd derivative(const VectorXd& psi, Index q, Index k) const override {
    return k == 0 ? powers(psi, q, 0) : MatrixXd(psi[0] * powers(psi, q, 1));
  }
  MatrixXd second_derivative(const VectorXd& psi, Index q, Index k, Index l) const override {
    if (k == 0 && l == 0) return MatrixXd::Zero(q, q);
    return k + l == 1 ? powers(psi, q, 1) : MatrixXd(psi[0] * powers(psi, q, 2));
  }
  VectorXd psi(const VectorXd& theta, Index q) const override {
    VectorXd out(theta.size());
    out[0] = theta[0] * theta[0];
    if (q > 1) out[1] = theta[1] * left(theta);
    return out;
  }
  MatrixXd jacobian(const VectorXd& theta, Index q) const override {
    MatrixXd out = MatrixXd::Zero(theta.size(), theta.size());
    out(0, 0) = 2 * theta[0];
    if (q > 1) out(1, 1) = std::pow(left(theta), 3);
    return out;
  }

 private:
  static double left(const VectorXd& theta) { return theta.size() == 1 ? 1 : 1 / std::sqrt(1 + theta[1] * theta[1]); }
  // Derivative of order `order` of rho^|i - j|.
  static MatrixXd powers(const VectorXd& psi, Index q, int order) {
    MatrixXd out(q, q);
    for (Index i = 0; i < q; ++i)
      for (Index j = 0; j < q; ++j) {
        const Index h = std::abs(i - j);
        double falling = 1;
        for (int k = 0; k < order; ++k) falling *= static_cast<double>(h - k);
        out(i, j) = falling == 0 ? 0 : falling * std::pow(psi.size() == 1 ? 0.0 : psi[1], h - order);
      }
    return out;
  }
};

inline void register_toys() {
  static const bool done = [] {
    henderson::add_covariance_structure(std::make_shared<ToyExchangeable>());
    henderson::add_covariance_structure(std::make_shared<henderson::Unbounded>(std::make_shared<ToyExchangeable>()));
    henderson::add_covariance_structure(std::make_shared<ToyAutoregressive>());
    return true;
  }();
  (void)done;
}

}  // namespace henderson_tests

#endif
