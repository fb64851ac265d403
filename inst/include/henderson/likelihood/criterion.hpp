// The criterion: -2 log (restricted) likelihood with beta and sigma^2 profiled out, at one theta.
#ifndef HENDERSON_LIKELIHOOD_CRITERION_HPP
#define HENDERSON_LIKELIHOOD_CRITERION_HPP

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/likelihood/problem.hpp"
#include "henderson/likelihood/schur_factor.hpp"

namespace henderson {

// One point, complete. In the coordinates of the problem: X orthogonal, Z orthogonal within terms.
struct Evaluation {
  bool reml = true;
  double degrees = 0;             // n - p or n
  VectorXd theta;
  std::vector<MatrixXd> factor;      // L of each group's block, where the layout has bounds
  std::vector<MatrixXd> indefinite;  // elsewhere its covariance matrix Sigma
  double value = std::numeric_limits<double>::infinity();
  double log_det_random = 0;      // log |V| / sigma^2
  double log_det_x = 0;           // log |X'V^{-1}X|, in orthogonal coordinates
  double r2 = 0, sigma2 = 0;      // y'Py sigma^2 and its share
  double cancelled = 1;           // what r2 was subtracted from, relative to it
  VectorXd beta;
  MatrixXd x_root;                // lower Cholesky factor of X'V^{-1}X
  MatrixXd y;                     // H^{-1/2} T of the leading factor: X columns, then y
  VectorXd e;                     // its residual: y - X beta - Z_r b_r
  std::vector<double> y_rest;     // H^{-1/2} T_r
  MatrixXd s_d;                   // Z_r' V_1^{-1} [X y]
  VectorXd b_rest;                // random effects of the other factors
  SchurFactor rest;
  MatrixXd root_z, root_d;        // K^{-1/2} of the dense root's A and [X y]
  bool ok() const { return std::isfinite(value); }
  bool bounded() const { return indefinite.empty(); }
  LevelCovariance level_covariance(const Layout& layout) const {
    return bounded() ? LevelCovariance::of_factor(factor[layout.lead])
                     : LevelCovariance::of_sigma(indefinite[layout.lead]);
  }
  // Covariance of one group's block, relative to sigma^2.
  MatrixXd sigma(int group) const;
};

// Rounding error of the value of the criterion.
double rounding_error(const Evaluation& at);

class Criterion {
 public:
  Criterion(const Problem& problem, bool reml, Checkpoint& checkpoint)
      : problem_(&problem), reml_(reml), checkpoint_(&checkpoint) {}

  const Problem& problem() const { return *problem_; }
  Checkpoint& checkpoint() const { return *checkpoint_; }

  // Scratch of the last evaluation may be handed in to be used again.
  Evaluation evaluate(const VectorXd& theta, Evaluation out = Evaluation()) const;

  // Rows (value, sigma^2), a column for each column of theta; the value is infinite where there is none. `at`: the
  // evaluation at the first column.
  MatrixXd values(const MatrixXd& theta, Evaluation at) const;

 private:
  // L or Sigma of each group's block; false where one is not finite.
  bool set_covariance(Evaluation& out) const;

  // From these to the value, in each regime.
  void evaluate_in(const OneFactor&, Evaluation& out) const;
  void evaluate_in(const Crossed&, Evaluation& out) const;
  void evaluate_in(const Rooted& regime, Evaluation& out) const;

  // Lower root of K = I + left right'; none if K is not positive definite.
  MatrixXd root_factor(const MatrixXd& left, const MatrixXd& right, bool same) const;

  // The leading factor's part of the rows and of log|V|; false where an H is not positive definite.
  bool eliminate_lead(Evaluation& out) const;

  // [X y]' V_1^{-1} [X y], lower triangle.
  static MatrixXd cross(const MatrixXd& y, const MatrixXd& w, double w_yy);

  bool eliminate_rest(Evaluation& out, MatrixXd& s) const;

  // H^{-1/2} T_r for every leading level.
  std::vector<double> scaled_rest(const MatrixXd& lambda) const;

  // From the Schur complement of [X y] to beta, and what X explains of y; false where X loses its rank.
  bool solve_fixed(const MatrixXd& s, double& explained, Evaluation& out) const;

  // The same by QR of the root form's rows, which keeps the digits that X'V^{-1}X loses, with r2.
  bool solve_rooted(const RootForm& root, Evaluation& out) const;

  // From r2 to sigma^2 and the value.
  void profile_sigma(Evaluation& out) const;

  const Problem* problem_;
  bool reml_;
  Checkpoint* checkpoint_;
};

}  // namespace henderson

#endif
