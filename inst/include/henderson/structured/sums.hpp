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
  void start(Index random_directions, Index residual_directions, Index p);
  void add_full(Index a, Index c, const MatrixXd& block);   // directions a >= c; q_full holds both orders of the block
  void add_second(Index i, Index j, const MatrixXd& own);  // to r_full, i >= j
  Index random = 0, residual = 0;
  bool average = false;        // without traces of pairs: the average information is in their place
  VectorXd t;                  // tr(V^{-1} V_i)
  std::vector<MatrixXd> a_xx;  // p x p
  MatrixXd a_xe;               // p x K
  VectorXd a_ee;
  MatrixXd t_two, x_two, e_two;                     // tr(V^{-1} V_i V^{-1} V_j), tr A_ij,xx, A_ij,ee
  MatrixXd second_t, second_x, second_e;            // of V_ij, residual directions: traces, tr of x part, e part
  std::vector<MatrixXd> level_t, level_x, level_e;  // per group: what E_ij of its levels is contracted with
  MatrixXd q_full;                                  // K p x K p: A_ij,xx
  std::vector<MatrixXd> r_full;  // lower triangle over residual directions: p x p of V_ij, empty for zero
};

// What takes columns [X y] to [X x_root^{-T}, y - X beta].
MatrixXd standard_columns(const StructuredPoint& at);

// The whitened rows of one subject, [Z X e] with the columns that `transform` makes of [X y].
MatrixXd standard_rows(const SubjectRows& subject, const Operators& operators, const MatrixXd& transform);

// Derivatives of the criterion with sigma^2 profiled out (or known), in the directions' parameters.
struct StructuredMoments {
  VectorXd trace, quadratic;    // of P and y'P; their difference is the gradient
  MatrixXd t, ai;               // tr(P V_i P V_j), y'P V_i P V_j P y / sigma^2
  MatrixXd residual_curvature;  // of V_ij over psi
};

StructuredMoments structured_moments(const StructuredSums& s, const StructuredPoint& at, bool reml);

}  // namespace henderson

#endif
