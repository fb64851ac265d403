// What the units add up to, and the derivatives of the criterion that follow from it.
#ifndef HENDERSON_STRUCTURED_SUMS_HPP
#define HENDERSON_STRUCTURED_SUMS_HPP

#include "henderson/structured/point.hpp"

namespace henderson {

// E is q x q in its group's block.
struct RandomDirection {
  int term = 0, group = 0;
  MatrixXd e;
};

// What is summed. K directions: the random effects' first, then psi. `full`: A_ij,xx too, not its trace alone.
struct StructuredSums {
  Index random = 0, residual = 0;
  VectorXd t;                  // tr(V^{-1} V_i)
  std::vector<MatrixXd> a_xx;  // p x p
  MatrixXd a_xe;               // p x K
  VectorXd a_ee;
  MatrixXd t_two, x_two, e_two;                     // tr(V^{-1} V_i V^{-1} V_j), tr A_ij,xx, A_ij,ee
  MatrixXd second_t, second_x, second_e;            // of V_ij, residual directions: traces, tr of x part, e part
  std::vector<MatrixXd> level_t, level_x, level_e;  // per group: what E_ij of its levels is contracted with
  MatrixXd q_full;                                  // K p x K p: A_ij,xx
  std::vector<MatrixXd> r_full;                     // lower triangle over residual directions: p x p of V_ij
};

// Derivatives of the criterion with sigma^2 profiled out (or known), in the directions' parameters.
struct StructuredMoments {
  VectorXd trace, quadratic;    // of P and y'P; their difference is the gradient
  MatrixXd t, ai;               // tr(P V_i P V_j), y'P V_i P V_j P y / sigma^2
  MatrixXd residual_curvature;  // of V_ij over psi
};

inline StructuredMoments structured_moments(const StructuredSums& s, const StructuredPoint& at, bool reml) {
  const Index k = s.t.size();
  StructuredMoments out;
  out.trace = s.t;
  out.quadratic = s.a_ee / at.sigma2;
  out.t = s.t_two;
  out.ai = (s.e_two - s.a_xe.transpose() * s.a_xe) / at.sigma2;
  out.residual_curvature = s.second_t - s.second_e / at.sigma2;
  if (!reml) return out;
  out.t -= 2 * s.x_two;
  out.residual_curvature -= s.second_x;
  for (Index i = 0; i < k; ++i) {
    out.trace[i] -= s.a_xx[i].trace();
    for (Index j = 0; j <= i; ++j) {
      const double both = s.a_xx[i].cwiseProduct(s.a_xx[j].transpose()).sum();
      out.t(i, j) += both;
      if (i != j) out.t(j, i) += both;
    }
  }
  return out;
}

}  // namespace henderson

#endif
