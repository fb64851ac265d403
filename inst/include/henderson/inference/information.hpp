// All that a method for degrees of freedom or standard errors may ask for, at the estimates.
//
// Natural parameters psi: those of every term's structure (Covariance::parameters()), then sigma^2. V_i is dV / dpsi_i
// at the estimates. Everything is relative to sigma^2 = 1 and in the orthogonal coordinates of X and Z, where neither
// units nor origins are left:
//   phi = (X'V^{-1}X)^{-1}                      p_i = -X'V^{-1} V_i V^{-1} X
//   q_ij = X'V^{-1} V_i V^{-1} V_j V^{-1} X     t_ij = tr(P V_i P V_j)     ai_ij = y'P V_i P V_j P y / sigma^2
// Kenward and Roger (1997); Gilmour, Thompson and Cullis (1995); Fai and Cornelius (1996).
#ifndef HENDERSON_INFERENCE_INFORMATION_HPP
#define HENDERSON_INFERENCE_INFORMATION_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/search/start.hpp"
#include "henderson/likelihood/gradient.hpp"

namespace henderson {

struct Information {
  VectorXd psi;               // natural parameters, sigma^2 = 1 last
  MatrixXd phi;
  std::vector<MatrixXd> p;    // K + 1
  MatrixXd q;                 // (K + 1) x (K + 1) blocks of p x p
  std::vector<MatrixXd> r;    // lower triangle of X'V^{-1} V_ij V^{-1} X over K + 1 parameters, empty for zero
  MatrixXd t, t_ml, ai;       // with P, with V^{-1}, average: (K + 1) x (K + 1)
  bool has_t = true;
  MatrixXd jacobian;          // d psi / d theta, without sigma^2
  MatrixXd natural_curvature; // score times second derivatives of Sigma in psi: zero where V is linear in psi
  MatrixXd curvature;         // score of psi times d2 psi / d theta d theta, for the criterion that was fitted
};

// The rows of sigma^2 follow from V = I + sum weight_i V_i (Covariance::scaling()) and P V P = P.
void add_residual_tests(const VectorXd& weight, const MatrixXd& first, const MatrixXd& second, Index p,
                        Information& out);

void add_theta(const Layout& layout, const Evaluation& at, const Moments& m, Information& out);

// Of crossed factors with any number of levels: psi, phi, ai, jacobian and curvature, nothing else.
Information average_information(const Problem& problem, const Evaluation& at, Checkpoint& checkpoint);

// `problem` must have one class per level; `dense_limit` is the most columns of Z for which Z'PZ is formed.
Information information(const Problem& problem, const Evaluation& at, Index dense_limit, Checkpoint& checkpoint);

}  // namespace henderson

#endif
