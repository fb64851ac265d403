#include "henderson/covariance/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

namespace {

double within(double x, double low, double high) { return std::min(std::max(x, low), high); }

Parameter correlation_parameter(Index row, Index col, double lower) {
  Parameter out;
  out.kind = Kind::correlation;
  out.row = row;
  out.col = col;
  out.lower = lower;
  out.upper = 1;
  return out;
}

// Mean of a band of a matrix.
double band_mean(const MatrixXd& r, Index lag) { return r.diagonal(lag).sum() / static_cast<double>(r.rows() - lag); }

class Independent : public Correlation {
 public:
  std::vector<Parameter> parameters(Index) const override { return {}; }
  MatrixXd matrix(const VectorXd&, Index q) const override { return MatrixXd::Identity(q, q); }
  MatrixXd derivative(const VectorXd&, Index q, Index) const override { return MatrixXd::Zero(q, q); }
  MatrixXd second_derivative(const VectorXd&, Index q, Index, Index) const override { return MatrixXd::Zero(q, q); }
  VectorXd nearest(const MatrixXd&) const override { return VectorXd(); }
  VectorXd start(Index) const override { return VectorXd(); }
};

class Exchangeable : public Correlation {
 public:
  std::vector<Parameter> parameters(Index q) const override { return {correlation_parameter(1, 0, lowest(q))}; }
  MatrixXd matrix(const VectorXd& rho, Index q) const override {
    return rho[0] * MatrixXd::Ones(q, q) + (1 - rho[0]) * MatrixXd::Identity(q, q);
  }
  MatrixXd derivative(const VectorXd&, Index q, Index) const override {
    return MatrixXd::Ones(q, q) - MatrixXd::Identity(q, q);
  }
  MatrixXd second_derivative(const VectorXd&, Index q, Index, Index) const override { return MatrixXd::Zero(q, q); }
  VectorXd nearest(const MatrixXd& r) const override {
    const Index q = r.rows();
    const double mean = (r.sum() - r.trace()) / static_cast<double>(q * (q - 1));
    return VectorXd::Constant(1, within(mean, lowest(q), 1));
  }
  VectorXd start(Index) const override { return VectorXd::Zero(1); }

 private:
  static double lowest(Index q) { return -1 / static_cast<double>(q - 1); }
};

class Autoregressive : public Correlation {
 public:
  std::vector<Parameter> parameters(Index) const override { return {correlation_parameter(1, 0, -1)}; }
  MatrixXd matrix(const VectorXd& rho, Index q) const override { return powers(rho[0], q, 0); }
  MatrixXd derivative(const VectorXd& rho, Index q, Index) const override { return powers(rho[0], q, 1); }
  MatrixXd second_derivative(const VectorXd& rho, Index q, Index, Index) const override { return powers(rho[0], q, 2); }
  VectorXd nearest(const MatrixXd& r) const override { return VectorXd::Constant(1, within(band_mean(r, 1), -1, 1)); }
  // Not 0, where R would be the identity, as that of the residuals is.
  VectorXd start(Index) const override { return VectorXd::Constant(1, 0.3); }

 private:
  // Derivative of this order of rho^|i - j|.
  static MatrixXd powers(double rho, Index q, int order) {
    MatrixXd out(q, q);
    for (Index lag = 0; lag < q; ++lag) {
      double value = lag < order ? 0 : std::pow(rho, lag - order);
      for (int k = 0; k < order; ++k) value *= static_cast<double>(lag - k);
      out.diagonal(lag).setConstant(value);
      out.diagonal(-lag).setConstant(value);
    }
    return out;
  }
};

// One correlation for each lag. Free parameters: partial autocorrelations, which are free of each other (Durbin and
// Levinson).
class Toeplitz : public Correlation {
 public:
  std::vector<Parameter> parameters(Index q) const override {
    std::vector<Parameter> out;
    for (Index lag = 1; lag < q; ++lag) out.push_back(correlation_parameter(lag, 0, -1));
    return out;
  }
  MatrixXd matrix(const VectorXd& rho, Index q) const override {
    MatrixXd out = MatrixXd::Identity(q, q);
    for (Index lag = 1; lag < q; ++lag) {
      out.diagonal(lag).setConstant(rho[lag - 1]);
      out.diagonal(-lag).setConstant(rho[lag - 1]);
    }
    return out;
  }
  MatrixXd derivative(const VectorXd&, Index q, Index k) const override {
    return matrix(VectorXd::Unit(q - 1, k), q) - MatrixXd::Identity(q, q);
  }
  MatrixXd second_derivative(const VectorXd&, Index q, Index, Index) const override { return MatrixXd::Zero(q, q); }
  VectorXd nearest(const MatrixXd& r) const override {
    VectorXd rho(r.rows() - 1);
    for (Index lag = 1; lag < r.rows(); ++lag) rho[lag - 1] = band_mean(r, lag);
    return rho;
  }
  VectorXd start(Index q) const override { return VectorXd::Zero(q - 1); }

  std::vector<Jet> rho_of(const VectorXd& eta, Index q) const override {
    const Index m = q - 1;
    std::vector<Jet> rho, weight;
    Jet left(1, m);
    const Jet one(1, m);
    for (Index h = 0; h < m; ++h) {
      const Jet partial = Jet::of_variable(h, m, std::sin(eta[h]), std::cos(eta[h]), -std::sin(eta[h]));
      Jet value = partial * left;
      for (Index j = 0; j < h; ++j) value = value + weight[j] * rho[h - 1 - j];
      const std::vector<Jet> before = weight;
      for (Index j = 0; j < h; ++j) weight[j] = before[j] - partial * before[h - 1 - j];
      weight.push_back(partial);
      left = left * (one - partial * partial);
      rho.push_back(value);
    }
    return rho;
  }
  VectorXd eta_of(const VectorXd& rho, Index q) const override {
    const Index m = q - 1;
    VectorXd eta = VectorXd::Zero(m), weight = VectorXd::Zero(m);
    double left = 1;
    for (Index h = 0; h < m; ++h) {
      double value = rho[h];
      for (Index j = 0; j < h; ++j) value -= weight[j] * rho[h - 1 - j];
      const double partial = left > 1e-14 ? within(value / left, -1, 1) : 0;
      const VectorXd before = weight;
      for (Index j = 0; j < h; ++j) weight[j] = before[j] - partial * before[h - 1 - j];
      weight[h] = partial;
      left *= (1 - partial) * (1 + partial);
      eta[h] = std::asin(partial);
    }
    return eta;
  }
};

// d^order / d range^order of the kernel at a distance.
double kernel(KernelShape shape, double h, double range, int order) {
  const double s = h / range, e = std::exp(-s);
  switch (shape) {
    case KernelShape::exponential:
      if (order == 0) return e;
      return order == 1 ? e * s / range : e * s * (s - 2) / (range * range);
    case KernelShape::gaussian: {
      const double g = std::exp(-s * s);
      if (order == 0) return g;
      return order == 1 ? 2 * g * s * s / range : g * s * s * (4 * s * s - 6) / (range * range);
    }
    case KernelShape::matern32:
      if (order == 0) return (1 + s) * e;
      return order == 1 ? e * s * s / range : e * s * s * (s - 3) / (range * range);
    default:
      if (order == 0) return (1 + s + s * s / 3) * e;
      return order == 1 ? e * s * s * (1 + s) / (3 * range) : e * s * s * (s * s - 3 * s - 3) / (3 * range * range);
  }
}

class Kernel : public Correlation {
 public:
  Kernel(KernelShape shape, const MatrixXd& positions) : shape_(shape), distance_(positions.rows(), positions.rows()) {
    smallest_ = std::numeric_limits<double>::infinity();
    largest_ = 0;
    for (Index i = 0; i < positions.rows(); ++i)
      for (Index j = 0; j < positions.rows(); ++j) {
        distance_(i, j) = (positions.row(i) - positions.row(j)).norm();
        if (distance_(i, j) > 0) smallest_ = std::min(smallest_, distance_(i, j));
        largest_ = std::max(largest_, distance_(i, j));
      }
    if (!(largest_ > 0)) smallest_ = largest_ = 1;
  }
  std::vector<Parameter> parameters(Index) const override {
    Parameter out;
    out.kind = Kind::range;
    out.row = 1;
    out.lower = smallest_ / 20;
    out.upper = 1000 * largest_;
    return {out};
  }
  MatrixXd matrix(const VectorXd& rho, Index q) const override { return filled(rho[0], q, 0); }
  MatrixXd derivative(const VectorXd& rho, Index q, Index) const override { return filled(rho[0], q, 1); }
  MatrixXd second_derivative(const VectorXd& rho, Index q, Index, Index) const override { return filled(rho[0], q, 2); }

  // The range at which the correlations have the same sum.
  VectorXd nearest(const MatrixXd& r) const override {
    const Index q = r.rows();
    const Parameter bounds = parameters(q)[0];
    double low = std::log(bounds.lower), high = std::log(bounds.upper);
    for (int step = 0; step < 200 && high - low > 1e-16; ++step) {
      const double middle = (low + high) / 2;
      if (filled(std::exp(middle), q, 0).sum() < r.sum()) low = middle;
      else high = middle;
    }
    return VectorXd::Constant(1, within(std::exp((low + high) / 2), bounds.lower, bounds.upper));
  }
  VectorXd start(Index) const override { return VectorXd::Constant(1, std::sqrt(smallest_ * largest_) / 2); }

  // log(range) between its bounds.
  std::vector<Jet> rho_of(const VectorXd& eta, Index q) const override {
    const Parameter bounds = parameters(q)[0];
    const double half = std::log(bounds.upper / bounds.lower) / 2;
    const double range = std::sqrt(bounds.lower * bounds.upper) * std::exp(half * std::sin(eta[0]));
    const double slope = half * std::cos(eta[0]), bend = -half * std::sin(eta[0]);
    return {Jet::of_variable(0, 1, range, range * slope, range * (slope * slope + bend))};
  }
  VectorXd eta_of(const VectorXd& rho, Index q) const override {
    const Parameter bounds = parameters(q)[0];
    const double half = std::log(bounds.upper / bounds.lower) / 2;
    const double at = std::log(rho[0] / std::sqrt(bounds.lower * bounds.upper)) / half;
    return VectorXd::Constant(1, std::asin(within(at, -1, 1)));
  }

 private:
  MatrixXd filled(double range, Index q, int order) const {
    MatrixXd out(q, q);
    for (Index i = 0; i < q; ++i)
      for (Index j = 0; j <= i; ++j) {
        const double h = distance_(i, j);
        out(i, j) = out(j, i) = h > 0 ? kernel(shape_, h, range, order) : (order == 0 ? 1.0 : 0.0);
      }
    return out;
  }

  KernelShape shape_;
  MatrixXd distance_;
  double smallest_, largest_;
};

}  // namespace

std::vector<Jet> Correlation::rho_of(const VectorXd& eta, Index q) const {
  std::vector<Jet> out;
  const std::vector<Parameter> own = parameters(q);
  for (Index k = 0; k < eta.size(); ++k) {
    const double half = (own[k].upper - own[k].lower) / 2, middle = (own[k].upper + own[k].lower) / 2;
    const double s = std::sin(eta[k]);
    out.push_back(Jet::of_variable(k, eta.size(), middle + half * s, half * std::cos(eta[k]), -half * s));
  }
  return out;
}

VectorXd Correlation::eta_of(const VectorXd& rho, Index q) const {
  const std::vector<Parameter> own = parameters(q);
  VectorXd eta(rho.size());
  for (Index k = 0; k < rho.size(); ++k) {
    const double half = (own[k].upper - own[k].lower) / 2, middle = (own[k].upper + own[k].lower) / 2;
    eta[k] = std::asin(within((rho[k] - middle) / half, -1, 1));
  }
  return eta;
}

std::shared_ptr<const Correlation> independent_columns() { return std::make_shared<Independent>(); }
std::shared_ptr<const Correlation> exchangeable_correlation() { return std::make_shared<Exchangeable>(); }
std::shared_ptr<const Correlation> autoregressive_correlation() { return std::make_shared<Autoregressive>(); }
std::shared_ptr<const Correlation> toeplitz_correlation() { return std::make_shared<Toeplitz>(); }
std::shared_ptr<const Correlation> kernel_correlation(KernelShape shape, const MatrixXd& positions) {
  return std::make_shared<Kernel>(shape, positions);
}

}  // namespace henderson
