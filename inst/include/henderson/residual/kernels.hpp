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
  virtual bool kinked() const { return false; }  // at the range
  virtual bool costly() const { return false; }  // are equal distances worth looking up?
  virtual bool searches_every_start() const { return false; }  // has the criterion several optima, as a rule?
};

ResidualParameter correlation_parameter(Index row = 1, Index col = 0);
inline ResidualParameter range_parameter() { return {ResidualKind::range, 0, 0, Step::logarithm, 0}; }

// Ratio of the mean covariance at lag 1 to the mean variance, kept away from the edges.
double lag_one_correlation(const ResidualMoments& moments);

// Positions are whole numbers; gaps count.
class Autoregressive : public Kernel {
 public:
  std::vector<ResidualParameter> parameters() const override { return {correlation_parameter()}; }
  bool multiplicative() const override { return true; }
  KernelValue at(double h, const VectorXd& psi) const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
};

// ARMA(1, 1): gamma rho^(h - 1) at lag h.
class AutoregressiveMovingAverage : public Kernel {
 public:
  bool costly() const override { return true; }
  std::vector<ResidualParameter> parameters() const override;
  KernelValue at(double h, const VectorXd& psi) const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
};

// Kernels with one range.
class RangeKernel : public Kernel {
 public:
  std::vector<ResidualParameter> parameters() const override { return {range_parameter()}; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;

 private:
  double nearest(const ResidualMoments& moments, double low, double high) const;
};

class Exponential : public RangeKernel {
 public:
  bool multiplicative() const override { return true; }
  KernelValue at(double h, const VectorXd& psi) const override;
};

class Gaussian : public RangeKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override;
};

// No correlation beyond the range: each stretch between two distances may have an optimum of its own.
class CompactKernel : public RangeKernel {
 public:
  bool searches_every_start() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
};

class Spherical : public CompactKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override;
};

class LinearDecay : public CompactKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override;
  bool kinked() const override { return true; }
};

class RationalQuadratic : public RangeKernel {
 public:
  KernelValue at(double h, const VectorXd& psi) const override;
};

// Distance of two positions in several coordinates.
enum class Metric { euclidean, manhattan, maximum };

// R of one subject from a kernel.
class Stationary : public ResidualStructure {
 public:
  explicit Stationary(std::shared_ptr<const Kernel> kernel, Metric metric = Metric::euclidean)
      : kernel_(std::move(kernel)), metric_(metric) {}
  std::vector<ResidualParameter> parameters() const override { return kernel_->parameters(); }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override { return kernel_->starts(moments); }
  bool markov() const override { return kernel_->multiplicative() && kernel_->parameters().size() == 1; }
  std::vector<KernelValue> links(const VectorXd& psi, const VectorXd& positions) const override;
  bool kinked() const override { return kernel_->kinked(); }
  bool searches_every_start() const override { return kernel_->searches_every_start(); }
  void beside(double range, const MatrixXd& positions, double& below, double& above) const override;

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;

 private:
  double distance(const MatrixXd& positions, Index a, Index b) const;
  std::shared_ptr<const Kernel> kernel_;
  Metric metric_;
};

}  // namespace henderson

#endif
