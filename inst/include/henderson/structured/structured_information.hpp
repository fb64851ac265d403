// What tests ask for, in natural parameters: the entries of the random effects' covariance matrices, psi, then sigma^2
// where it is estimated; relative to sigma^2 = 1, in the orthogonal coordinates of X.
//
// V = sigma^2 R(psi) + sum of random effects, so that the row of sigma^2 follows from V and the random effects' rows
// (Euler's relation). So do its second derivatives: V_(sigma^2, i) = (1 - w_i) V_i - sum_j w_j psi_j V_ij over the
// residual parameters, where w_j is 1 for those in the units of sigma^2 (covariances) and 0 for others.
#ifndef HENDERSON_STRUCTURED_STRUCTURED_INFORMATION_HPP
#define HENDERSON_STRUCTURED_STRUCTURED_INFORMATION_HPP

#include "henderson/structured/derivatives.hpp"

namespace henderson {

struct StructuredInformation {
  VectorXd natural;            // then 1 for sigma^2
  std::vector<double> weight;  // of each parameter in Euler's relation
  MatrixXd phi;                // p x p
  std::vector<MatrixXd> p;     // -X'V^{-1} V_i V^{-1} X
  MatrixXd q;                  // blocks X'V^{-1} V_i V^{-1} V_j V^{-1} X, empty where they were not made
  std::vector<MatrixXd> r;     // lower triangle: X'V^{-1} V_ij V^{-1} X, empty for zero
  MatrixXd t, t_ml, ai, curvature;
  VectorXd trace, trace_ml, quadratic;
  MatrixXd jacobian, theta_curvature;  // of psi in theta, random effects; score of psi times its second derivatives
};

class StructuredInformer {
 public:
  StructuredInformer(const StructuredCriterion& criterion, const StructuredPoint& at);

  // `pairs`: `q` is wanted.
  StructuredInformation run(bool pairs);

  // sum_ij W_ij X'V^{-1} V_i V^{-1} V_j V^{-1} X for parameters and sigma^2, where `q` is not made.
  MatrixXd weighted_pairs(const MatrixXd& w);

 private:
  // dV / dpsi_k of the random effects, at the estimates.
  std::vector<RandomDirection> directions() const;
  void add_direction(int t, const MatrixXd& e, std::vector<RandomDirection>& out) const;

  MatrixXd inverse_root() const;

  void start();
  void fill_natural();

  MatrixXd bordered(const MatrixXd& information, const VectorXd& first, double degrees) const;

  // Back from the columns X x_root^{-T}, and the row of sigma^2 from V = I-part + weighted sum.
  void fill_tests(const StructuredSums& s);

  void add_sigma_tests(const MatrixXd& information);

  // Second derivatives in sigma^2 and a residual parameter.
  void add_sigma_bends();

  // Score times second derivatives of V, in natural parameters.
  void fill_curvature(const StructuredMoments& m);

  // What second derivatives of the random effects' covariance matrices add, in psi and in theta.
  void add_random_bends(const StructuredSums& s);
  void add_natural_bends(int t, const MatrixXd& score);

  const StructuredCriterion& criterion_;
  const StructuredProblem& pr_;
  const StructuredPoint& at_;
  Index u_ = 0, k_ = 0;
  bool sigma_ = false;  // is sigma^2 estimated? Else its row is zero
  VectorXd weighted_;
  StructuredInformation out_;
};

}  // namespace henderson

#endif
