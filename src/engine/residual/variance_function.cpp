#include "henderson/residual/variance_function.hpp"

#include <cmath>
#include <utility>

namespace henderson {

namespace {

// 2 log(constant + x^power) with its derivatives in the constant and the power.
struct ConstantPower {
  ConstantPower(double constant, double exponent, double x) {
    const double power = std::pow(x, exponent), sd = constant + power, log_x = x > 0 ? std::log(x) : 0;
    const double slope = x > 0 ? power * log_x : 0;
    v = 2 * std::log(sd);
    d[0] = 2 / sd;
    d[1] = 2 * slope / sd;
    dd[0] = -2 / (sd * sd);
    dd[1] = -2 * slope / (sd * sd);
    dd[2] = 2 * slope * log_x * constant / (sd * sd);
  }
  double v, d[2], dd[3];
};

// Adds 2 log(constant + x^power) of the rows with this term, from all rows less its value at the reference; the
// parameters have numbers k and k + 1.
void add_constant_power(const VectorXd& gamma, const VectorXd& x, double reference, Index k, int order,
                        LogVariances& out) {
  const Index n = x.size();
  std::vector<VectorXd> d(2, VectorXd::Zero(n)), dd(3, VectorXd::Zero(n));
  const auto add = [&](Index a, const ConstantPower& own, double sign) {
    out.v[a] += sign * own.v;
    for (int i = 0; i < 2; ++i) d[i][a] += sign * own.d[i];
    for (int i = 0; i < 3; ++i) dd[i][a] += sign * own.dd[i];
  };
  for (Index a = 0; a < n; ++a)
    if (x[a] >= 0) add(a, ConstantPower(gamma[k], gamma[k + 1], x[a]), 1);
  if (reference > 0) {
    const ConstantPower there(gamma[k], gamma[k + 1], reference);
    for (Index a = 0; a < n; ++a) add(a, there, -1);
  }
  if (order > 0) out.d.insert(out.d.end(), d.begin(), d.end());
  if (order < 2) return;
  out.dd.push_back({k, k, dd[0]});
  out.dd.push_back({k + 1, k, dd[1]});
  out.dd.push_back({k + 1, k + 1, dd[2]});
}

// Adds log(1 + (proportion x)^2).
void add_proportion(const VectorXd& gamma, const VectorXd& x, Index k, int order, LogVariances& out) {
  const Index n = x.size();
  VectorXd d = VectorXd::Zero(n), dd = VectorXd::Zero(n);
  for (Index a = 0; a < n; ++a) {
    if (x[a] < 0) continue;
    const double u = gamma[k] * x[a], below = 1 + u * u;
    out.v[a] += std::log(below);
    d[a] = 2 * u * x[a] / below;
    dd[a] = 2 * x[a] * x[a] * (1 - u * u) / (below * below);
  }
  if (order > 0) out.d.push_back(d);
  if (order > 1) out.dd.push_back({k, k, dd});
}

}  // namespace

VarianceFunction::VarianceFunction(Index linear, std::vector<VarianceTerm> terms, std::vector<double> references)
    : linear_(linear), terms_(std::move(terms)), references_(std::move(references)) {
  references_.resize(terms_.size());
  for (Index j = 0; j < linear; ++j)
    parameters_.push_back({ResidualKind::log_ratio, j, 0, Step::natural});
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const Index at = static_cast<Index>(t);
    if (terms_[t] == VarianceTerm::constant_power) {
      parameters_.push_back({ResidualKind::constant, at, 0, Step::logarithm, 0});
      parameters_.push_back({ResidualKind::power, at, 0, Step::natural});
    } else {
      parameters_.push_back({ResidualKind::proportion, at, 0, Step::logarithm, 0});
    }
  }
}

LogVariances VarianceFunction::at(const VectorXd& gamma, const MatrixXd& w, int order) const {
  LogVariances out;
  out.v = w.leftCols(linear_) * gamma.head(linear_);
  for (Index j = 0; order > 0 && j < linear_; ++j)
    out.d.push_back(w.col(j));
  Index k = linear_;
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const VectorXd x = w.col(linear_ + static_cast<Index>(t));
    if (terms_[t] == VarianceTerm::constant_power) {
      add_constant_power(gamma, x, references_[t], k, order, out);
      k += 2;
    } else {
      add_proportion(gamma, x, k, order, out);
      k += 1;
    }
  }
  return out;
}

// The linear predictor starts at zero, a power at 0.5 and 1 beside a constant of half the size, the proportion at one
// half of the mean.
std::vector<VectorXd> VarianceFunction::starts(const MatrixXd& w) const {
  std::vector<VectorXd> out;
  for (const double power : {0.5, 1.0}) {
    VectorXd own = VectorXd::Zero(size());
    Index k = linear_;
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const VectorXd x = w.col(linear_ + static_cast<Index>(t)).cwiseMax(0);
      const double mean = std::max(x.mean(), std::numeric_limits<double>::min());
      if (terms_[t] == VarianceTerm::constant_power) {
        own[k++] = 0.5 * std::pow(mean, power);
        own[k++] = power;
      } else {
        own[k++] = power / mean;
      }
    }
    out.push_back(own);
    if (terms_.empty()) break;
  }
  return out;
}

}  // namespace henderson
