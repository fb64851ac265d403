// Draws from the null distribution of the (restricted) likelihood ratio for one variance, in its spectral form
// (Crainiceanu and Ruppert 2004): the maximum over lambda >= 0 of
//
//   f(lambda) = nu log(total / D(lambda)) - P(lambda),   D = v + sum_k w_k / (1 + lambda mu_k),  total = D(0)
//
// with P = sum_k c_k log(1 + lambda xi_k), and independent chi-squares w_k and v.
//
// In s = log(lambda), -log D and P are mixtures of logistic functions: analytic where |Im s| < pi, so that a feature of
// f narrower than the spacing h of a grid is smaller than its large ones by exp(-pi^2 / h). On a grid of spacing 0.6
// every maximum has a grid point that is higher than its neighbours. There a safeguarded Newton's method starts, from
// all of them. To compare grid points needs no logarithms: f is a decreasing function of D exp(P / nu), which for many
// draws is one product of matrices.
#ifndef HENDERSON_INFERENCE_SPECTRAL_DRAWS_HPP
#define HENDERSON_INFERENCE_SPECTRAL_DRAWS_HPP

#include <Eigen/Core>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/multiply.hpp"

namespace henderson {

using Eigen::VectorXd;

// Where random numbers come from.
struct RandomSource {
  virtual ~RandomSource() = default;
  virtual double uniform() = 0;                 // on (0, 1)
  virtual double chi_square(double df) = 0;
};

// Distinct eigenvalues with their multiplicities. The largest of `value` is 1.
struct Spectrum {
  VectorXd value, count;                        // mu: positive eigenvalues of Z'(I - P_X)Z
  VectorXd penalty_value, penalty_count;        // xi, c: the same by REML, eigenvalues of Z'Z by ML
  double nu = 0;                                // factor of the logarithm: n - p or n
  double rest = 0;                              // degrees of freedom of v
  double tested = 0;                            // number of coefficients that are zero under the hypothesis, too
};

// Independent chi-squares with these degrees of freedom.
void fill_chi_squares(RandomSource& random, const VectorXd& df, Eigen::Ref<VectorXd> out);

class SpectralRatio {
 public:
  // Needs nu > 0 and at least one eigenvalue.
  explicit SpectralRatio(const Spectrum& spectrum);

  // The maximum for each column of w, with eigenvalues as rows, and entry of v.
  VectorXd maxima(const Eigen::Ref<const MatrixXd>& w, const VectorXd& v, Checkpoint& checkpoint) const;

  VectorXd draws(Index n, RandomSource& random, Checkpoint& checkpoint) const;

 private:
  struct Slope {
    double lambda, denominator, first, second;   // exp(s), D; derivatives of f in s
  };

  // Beyond this s there is practically never a maximum: (sum w / df) / (v / rest) would have to be above 30 * 10^(16 /
  // rest). Searches may leave the grid, so that little depends on it.
  double upper_end() const;

  // Row i: the weights of w and v in D exp(P / nu) at grid point i. The last row has those of df/dlambda at 0 by total.
  void fill_grid(Index points);

  double at(Index i) const { return first_ + step_ * static_cast<double>(i); }

  double penalty(double lambda) const;

  // `height`: D exp(P / nu) at the grid points, then the slope at lambda = 0.
  double highest(const Eigen::Ref<const VectorXd>& w, double v, const double* height, Index points) const;

  // The maximum of f between low and high, from s. Near lambda = 0, where f is a parabola in lambda rather than in s,
  // Newton's steps are those in lambda.
  double climb(const Eigen::Ref<const VectorXd>& w, double v, double total, double low, double high, double s) const;

  Slope slope(const Eigen::Ref<const VectorXd>& w, double v, double s) const;

  Spectrum spectrum_;
  bool shares_penalty_;
  double first_ = 0, step_ = 0;
  MatrixXd grid_;
};

}  // namespace henderson

#endif
