// Correlations that depend on the distance between two positions alone.
#ifndef HENDERSON_RESIDUAL_KERNELS_HPP
#define HENDERSON_RESIDUAL_KERNELS_HPP

#include <algorithm>
#include <memory>
#include <utility>

#include "henderson/residual/structure.hpp"

namespace henderson {

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::vector<ResidualParameter> parameters() const = 0;
  virtual KernelValue at(double distance, const VectorXd& psi) const = 0;  // distance > 0
  virtual std::vector<VectorXd> starts(const ResidualMoments& moments) const = 0;
  // Is the correlation over two gaps the product of those over each?
  virtual bool multiplicative() const { return false; }
};

inline ResidualParameter correlation_parameter(Index row = 1, Index col = 0) {
  return {ResidualKind::correlation, row, col, Step::hyperbolic, -1, 1};
}
inline ResidualParameter range_parameter() { return {ResidualKind::range, 0, 0, Step::logarithm, 0}; }

// Ratio of the mean covariance at lag 1 to the mean variance, kept away from the edges.
inline double lag_one_correlation(const ResidualMoments& moments) {
  const MatrixXd& s = moments.covariance;
  if (s.rows() < 2) return 0.2;
  const VectorXd sd = s.diagonal().cwiseSqrt();
  double sum = 0;
  for (Index a = 1; a < s.rows(); ++a)
    sum += s(a, a - 1) / (sd[a] * sd[a - 1]);
  return std::min(0.9, std::max(-0.5, sum / static_cast<double>(s.rows() - 1)));
}

// Positions are whole numbers; gaps count.
class Autoregressive : public Kernel {
 public:
  std::vector<ResidualParameter> parameters() const override { return {correlation_parameter()}; }
  bool multiplicative() const override { return true; }
  KernelValue at(double h, const VectorXd& psi) const override {
    KernelValue out;
    out.value = std::pow(psi[0], h);
    out.d[0] = h * std::pow(psi[0], h - 1);
    out.dd[0] = h < 2 ? 0 : h * (h - 1) * std::pow(psi[0], h - 2);
    return out;
  }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override {
    return {VectorXd::Constant(1, lag_one_correlation(moments))};
  }
};

// ARMA(1, 1): gamma rho^(h - 1) at lag h.
class AutoregressiveMovingAverage : public Kernel {
 public:
  std::vector<ResidualParameter> parameters() const override {
    return {correlation_parameter(1), correlation_parameter(2)};
  }
  KernelValue at(double h, const VectorXd& psi) const override {
    const double rho = psi[0], gamma = psi[1], power = std::pow(rho, h - 1);
    const double slope = h < 2 ? 0 : (h - 1) * std::pow(rho, h - 2);
    KernelValue out;
    out.value = gamma * power;
    out.d[0] = gamma * slope;
    out.d[1] = power;
    out.dd[0] = h < 3 ? 0 : gamma * (h - 1) * (h - 2) * std::pow(rho, h - 3);
    out.dd[1] = slope;
    return out;
  }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override {
    const double r = lag_one_correlation(moments);
    VectorXd a(2), b(2);
    a << 0.9 * r, r;
    b << 0.5, 0.3 * (r < 0 ? -1 : 1);
    return {a, b};
  }
};

// Kernels with one range.
class RangeKernel : public Kernel {
 public:
  std::vector<ResidualParameter> parameters() const override { return {range_parameter()}; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override {
    std::vector<VectorXd> out;
    const double low = reach() * moments.shortest, high = reach() * moments.longest;
    for (const double share : {0.25, 0.0, 0.6}) {
      out.push_back(VectorXd::Constant(1, low * std::pow(std::max(1.5, high / low), share)));
    }
    return out;
  }

 protected:
  virtual double reach() const { return 1; }  // the range of one unit of correlation length
};

class Exponential : public RangeKernel {
 public:
  bool multiplicative() const override { return true; }
  KernelValue at(double h, const VectorXd& psi) const override {
    const double s = psi[0], x = h / s;
    KernelValue out;
    out.value = std::exp(-x);
    out.d[0] = out.value * x / s;
    out.dd[0] = out.value * (x * x - 2 * x) / (s * s);
    return out;
  }
};

class Gaussian : public RangeKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override {
    const double s = psi[0], u = (h / s) * (h / s);
    KernelValue out;
    out.value = std::exp(-u);
    out.d[0] = out.value * 2 * u / s;
    out.dd[0] = out.value * (4 * u * u - 6 * u) / (s * s);
    return out;
  }
};

class Spherical : public RangeKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override {
    const double s = psi[0], x = h / s;
    KernelValue out;
    out.value = 0;
    if (x >= 1) return out;
    out.value = 1 - 1.5 * x + 0.5 * x * x * x;
    out.d[0] = 1.5 * (x - x * x * x) / s;
    out.dd[0] = 1.5 * (4 * x * x * x - 2 * x) / (s * s);
    return out;
  }

 protected:
  double reach() const override { return 2; }
};

class LinearDecay : public RangeKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override {
    const double s = psi[0], x = h / s;
    KernelValue out;
    out.value = 0;
    if (x >= 1) return out;
    out.value = 1 - x;
    out.d[0] = x / s;
    out.dd[0] = -2 * x / (s * s);
    return out;
  }

 protected:
  double reach() const override { return 2; }
};

class RationalQuadratic : public RangeKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override {
    const double s = psi[0], u = (h / s) * (h / s), below = 1 + u;
    KernelValue out;
    out.value = 1 / below;
    out.d[0] = 2 * u / (s * below * below);
    out.dd[0] = 2 * u * (u - 3) / (s * s * below * below * below);
    return out;
  }
};

// R of one subject from a kernel.
class Stationary : public ResidualStructure {
 public:
  explicit Stationary(std::shared_ptr<const Kernel> kernel) : kernel_(std::move(kernel)) {}
  std::vector<ResidualParameter> parameters() const override { return kernel_->parameters(); }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override { return kernel_->starts(moments); }
  bool markov() const override { return kernel_->multiplicative() && kernel_->parameters().size() == 1; }
  std::vector<KernelValue> links(const VectorXd& psi, const VectorXd& positions) const override {
    std::vector<KernelValue> out;
    for (Index t = 1; t < positions.size(); ++t)
      out.push_back(kernel_->at(positions[t] - positions[t - 1], psi));
    return out;
  }

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override {
    const Index n = positions.rows(), k = psi.size();
    out.resize(k, order);
    out.r = MatrixXd::Identity(n, n);
    for (MatrixXd& d : out.d)
      d = MatrixXd::Zero(n, n);
    for (MatrixXd& d : out.dd)
      d = MatrixXd::Zero(n, n);
    for (Index a = 0; a < n; ++a)
      for (Index b = 0; b < a; ++b) {
        const KernelValue v = kernel_->at((positions.row(a) - positions.row(b)).norm(), psi);
        out.r(a, b) = out.r(b, a) = v.value;
        for (Index i = 0; i < static_cast<Index>(out.d.size()); ++i)
          out.d[i](a, b) = out.d[i](b, a) = v.d[i];
        for (std::size_t i = 0; i < out.dd.size(); ++i)
          out.dd[i](a, b) = out.dd[i](b, a) = v.dd[i];
      }
  }

 private:
  std::shared_ptr<const Kernel> kernel_;
};

}  // namespace henderson

#endif
