// The contract of a covariance structure: Sigma = L(theta) L(theta)', relative to the residual variance.
//
// A structure has two sets of parameters. The search varies `theta`, which has no constraints and can reach zero
// variances and perfect correlations. `psi` contains the natural parameters, listed by parameters(); they are reported,
// and the information matrix is computed for them. A structure is one header that keeps this contract;
// testing/covariance_contract.hpp tests whether it does.
#ifndef HENDERSON_COVARIANCE_COVARIANCE_HPP
#define HENDERSON_COVARIANCE_COVARIANCE_HPP

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "henderson/covariance/parameter.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// q is the number of columns; Sigma is q x q throughout.
class Covariance {
 public:
  virtual ~Covariance() = default;
  virtual std::string name() const = 0;

  // ---- theta ----

  virtual Index n_parameters(Index q) const { return static_cast<Index>(parameters(q).size()); }
  virtual VectorXd start(Index q) const = 0;   // of Sigma = I, or of what is nearest to it
  virtual MatrixXd factor(const VectorXd& theta, Index q) const = 0;   // L, any q x q root of Sigma
  virtual MatrixXd sigma(const VectorXd& theta, Index q) const;
  // False: Sigma need not be positive semidefinite, there is no L, and theta is psi.
  virtual bool bounded() const { return true; }

  // dL / dtheta_k, d2L / dtheta_k dtheta_l and dSigma / dtheta_k. Those of L are differences unless given.
  virtual MatrixXd factor_derivative(const VectorXd& theta, Index q, Index k) const;
  virtual MatrixXd factor_second_derivative(const VectorXd& theta, Index q, Index k, Index l) const;
  virtual MatrixXd sigma_derivative(const VectorXd& theta, Index q, Index k) const;
  // A matrix whose symmetric part is half of d2Sigma / dtheta_k dtheta_l.
  virtual MatrixXd half_curvature(const VectorXd& theta, Index q, Index k, Index l) const;
  // False: the structure gives derivatives of Sigma itself, and those of L are not asked for.
  virtual bool root_derivatives() const { return true; }

  // theta of the Sigma of this structure nearest to a positive semidefinite matrix; exact where that is of the
  // structure.
  virtual VectorXd project(const MatrixXd& sigma) const = 0;
  virtual bool exact_projection() const { return true; }   // false: project() comes close only
  // The same for sigma = root root'; a structure that can do so without squaring the root keeps its small digits.
  virtual VectorXd of_root(const MatrixXd& root) const { return project(root * root.transpose()); }
  // theta of c^2 Sigma, c > 0.
  virtual VectorXd scaled(const VectorXd& theta, Index q, double c) const;
  // One of the theta that have the same Sigma: no negative entry on the diagonal of L.
  virtual VectorXd canonical(const VectorXd& theta, Index) const { return theta; }

  // theta with what is at most `negligible` set to its boundary; `singular` becomes true where anything is.
  virtual VectorXd on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const;

  // Entries of theta on the diagonal of L: Sigma is singular where one of them is 0.
  virtual std::vector<Index> pivots(Index) const { return {}; }
  // The entry of theta that determines this natural parameter, and its value there; none if other entries matter too.
  struct Entry {
    Index place;
    double value;
  };
  virtual std::optional<Entry> entry_of(Index /*parameter*/, Index /*q*/, double /*value*/) const {
    return std::nullopt;
  }
  // The entry of theta that is the standard deviation of this column and nothing else, where there is one.
  virtual std::optional<Index> alone(Index /*q*/, Index /*column*/) const { return std::nullopt; }

  // ---- psi ----

  virtual std::vector<Parameter> parameters(Index q) const = 0;
  // dSigma / dpsi_k and d2Sigma / dpsi_k dpsi_l. linear(): the first do not depend on psi, the second are zero.
  virtual MatrixXd derivative(const VectorXd& psi, Index q, Index k) const = 0;
  virtual MatrixXd second_derivative(const VectorXd& psi, Index q, Index k, Index l) const;
  virtual bool linear() const { return true; }
  virtual MatrixXd sigma_of(const VectorXd& psi, Index q) const;   // must be given unless linear()
  // Euler's weights: Sigma = sum_k weight_k dSigma / dpsi_k.
  virtual VectorXd scaling(const VectorXd& psi, Index q) const;

  // psi of theta and its derivatives, psi x theta. Both must be given unless all parameters are entries of Sigma.
  virtual VectorXd psi(const VectorXd& theta, Index q) const;
  virtual MatrixXd jacobian(const VectorXd& theta, Index q) const;
  // theta of psi; NaN where Sigma is not positive definite. Must be given where project() comes close only or Sigma is
  // always singular.
  virtual VectorXd theta_of(const VectorXd& psi, Index q) const;

  // May the columns of Z be replaced by combinations or multiples of each other?
  virtual Closure closed_under() const = 0;

 private:
  template <class F>
  static MatrixXd difference(VectorXd theta, Index k, const F& f) {
    const double h = std::cbrt(2e-16) * std::max(1.0, std::abs(theta[k])), centre = theta[k];
    theta[k] = centre + h;
    const MatrixXd above = f(theta);
    theta[k] = centre - h;
    return (above - f(theta)) / (2 * h);
  }
};

// Is any parameter something other than a variance?
bool correlated(const Covariance& structure, Index q);

// The lower triangular root of root root', no negative entry on its diagonal, without squaring.
MatrixXd lower_root(const MatrixXd& root);

// Lower factor of a positive semidefinite matrix; a pivot lost in rounding becomes an exact zero column.
MatrixXd semidefinite_cholesky(const MatrixXd& sigma);

}  // namespace henderson

#endif
