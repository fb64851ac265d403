// The Matern correlation with a range and a shape: 2^(1 - shape) / Gamma(shape) u^shape K_shape(u), u = distance /
// range.
#ifndef HENDERSON_RESIDUAL_MATERN_HPP
#define HENDERSON_RESIDUAL_MATERN_HPP

#include "henderson/residual/kernels.hpp"

namespace henderson {

// log(u^nu K_nu(u) 2^(1 - nu) / Gamma(nu)) with derivatives in u and nu.
struct MaternLogarithm {
  double value = 0, u = 0, nu = 0, uu = 0, nu_u = 0, nu_nu = 0;
};
MaternLogarithm matern_logarithm(double u, double nu);

class Matern : public Kernel {
 public:
  // `shape`: held at this value, or 0 where it is a parameter.
  explicit Matern(double shape = 0) : shape_(shape) {}
  std::vector<ResidualParameter> parameters() const override;
  KernelValue at(double distance, const VectorXd& psi) const override;
  bool costly() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;

 private:
  double shape_;
};

}  // namespace henderson

#endif
