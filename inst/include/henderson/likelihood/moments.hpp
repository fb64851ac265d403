// First and second moments of the derivatives of V at one point: the common stock of gradient, information and tests.
//
// A direction is a change of one group's covariance block, V_i = Z_g (I x E_i) Z_g'. With everything relative to
// sigma^2 and P (for ML traces: V^{-1}) as in the algorithm vignette:
//   trace_i = tr(P V_i)   quadratic_i = y'P V_i P y / sigma^2   t_ij = tr(P V_i P V_j)   ai_ij = y'P V_i P V_j P y /
//   sigma^2
#ifndef HENDERSON_LIKELIHOOD_MOMENTS_HPP
#define HENDERSON_LIKELIHOOD_MOMENTS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/criterion.hpp"

namespace henderson {

struct Direction {
  int group = 0;
  MatrixXd e;   // symmetric, q x q
};

struct Moments {
  VectorXd trace, quadratic;
  MatrixXd ai, t;
  bool has_t = true;
  std::vector<MatrixXd> block_trace;      // per group: sum over levels of the diagonal blocks of Z'PZ
  std::vector<MatrixXd> block_quadratic;  // per group: sum over levels of Z'Py (Z'Py)' / sigma^2
};

// trace and quadratic of each direction from the blocks.
void contract_blocks(const std::vector<Direction>& directions, Moments& out);

}  // namespace henderson

#endif
