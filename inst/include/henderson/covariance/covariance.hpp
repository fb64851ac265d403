// The contract of a covariance structure: Sigma = L(theta) L(theta)', relative to the residual variance.
#ifndef HENDERSON_COVARIANCE_COVARIANCE_HPP
#define HENDERSON_COVARIANCE_COVARIANCE_HPP

#include <Eigen/Core>
#include <string>
#include <vector>

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// theta is what the search moves: unconstrained, with zero variances and perfect correlations inside reach.
class Covariance {
 public:
  virtual ~Covariance() = default;
  virtual std::string name() const = 0;
  virtual Index n_parameters(Index q) const = 0;
  virtual VectorXd start(Index q) const = 0;  // Sigma = I
  virtual MatrixXd factor(const VectorXd& theta, Index q) const = 0;  // L, lower triangular

  // False: Sigma need not be positive semidefinite, there is no L, and theta holds the coefficients of span().
  virtual bool bounded() const { return true; }
  virtual MatrixXd sigma(const VectorXd& theta, Index q) const;

  // dL / dtheta_k.
  virtual MatrixXd factor_derivative(const VectorXd& theta, Index q, Index k) const;
  // d2L / dtheta_k dtheta_l.
  virtual MatrixXd factor_second_derivative(const VectorXd& theta, Index q, Index k, Index l) const;
  // The parameters whose Sigma is nearest to a given positive semidefinite one; used for start values.
  virtual VectorXd nearest(const MatrixXd& sigma) const = 0;
  // The same for sigma = root root'; a structure that can do so without squaring the root keeps its small digits.
  virtual VectorXd of_root(const MatrixXd& root) const { return nearest(root * root.transpose()); }
  // A fixed basis of the linear space that holds every Sigma of this structure.
  virtual std::vector<MatrixXd> span(Index q) const = 0;
  // May the columns of Z be replaced by linear combinations of each other?
  virtual bool rotatable() const = 0;

 private:
  template <class F>
  static MatrixXd difference(VectorXd theta, Index k, const F& f);
};

// Lower factor of a positive semidefinite matrix; a pivot lost in rounding becomes an exact zero column.
MatrixXd semidefinite_cholesky(const MatrixXd& sigma);

}  // namespace henderson

#endif
