// Stationary ARMA(p, q) over whole steps: x_t = sum phi_i x_(t-i) + e_t + sum theta_j e_(t-j).
#ifndef HENDERSON_RESIDUAL_ARMA_HPP
#define HENDERSON_RESIDUAL_ARMA_HPP

#include "henderson/residual/structure.hpp"

namespace henderson {

// A number with its first and second derivatives in the parameters; without parameters a number alone.
struct SeriesJet {
  double value = 0;
  VectorXd d;
  MatrixXd dd;
};

// Correlations at lags 0, 1, ..., `lags` of an ARMA process with these coefficients. Not finite where the
// autoregression is not stationary. `derivatives`: in (phi, theta).
std::vector<SeriesJet> arma_correlations(const VectorXd& phi, const VectorXd& theta, Index lags, bool derivatives);

// psi: phi_1, ..., phi_p, theta_1, ..., theta_q.
class ArmaSeries : public ResidualStructure {
 public:
  ArmaSeries(Index p, Index q) : p_(p), q_(q) {}
  std::vector<ResidualParameter> parameters() const override;
  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
  bool searches_every_start() const override { return q_ > 1 || (p_ > 0 && q_ > 0); }
  // The invertible one of the moving averages that have the same correlations.
  VectorXd canonical(const VectorXd& psi) const override;

 private:
  Index p_, q_;
};

}  // namespace henderson

#endif
