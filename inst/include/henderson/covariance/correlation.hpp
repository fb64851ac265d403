// Correlation matrices with a few parameters rho: the part of structures with separate standard deviations.
//
// The search moves eta, without constraints; rho_of() is rho and its derivatives in eta. Both ends of a bounded rho are
// even points of that map (a sine), so that a correlation of 1 and a variance of zero are found in the same way.
#ifndef HENDERSON_COVARIANCE_CORRELATION_HPP
#define HENDERSON_COVARIANCE_CORRELATION_HPP

#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

#include "henderson/covariance/jet.hpp"
#include "henderson/covariance/parameter.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

class Correlation {
 public:
  virtual ~Correlation() = default;
  virtual std::vector<Parameter> parameters(Index q) const = 0;   // for q > 1; none for one column
  virtual MatrixXd matrix(const VectorXd& rho, Index q) const = 0;
  virtual MatrixXd derivative(const VectorXd& rho, Index q, Index k) const = 0;
  virtual MatrixXd second_derivative(const VectorXd& rho, Index q, Index k, Index l) const = 0;
  // rho of the nearest correlation matrix, inside the bounds; exact where `r` is of this form.
  virtual VectorXd nearest(const MatrixXd& r) const = 0;
  // rho where the search begins, and where the information shows what the data can tell apart.
  virtual VectorXd start(Index q) const = 0;

  virtual std::vector<Jet> rho_of(const VectorXd& eta, Index q) const;
  virtual VectorXd eta_of(const VectorXd& rho, Index q) const;

  Index size(Index q) const { return q < 2 ? 0 : static_cast<Index>(parameters(q).size()); }
};

std::shared_ptr<const Correlation> independent_columns();
std::shared_ptr<const Correlation> exchangeable_correlation();
std::shared_ptr<const Correlation> autoregressive_correlation();
std::shared_ptr<const Correlation> toeplitz_correlation();

enum class KernelShape { exponential, gaussian, matern32, matern52 };

// Falls with the distance of positions, one row for each column of Z.
std::shared_ptr<const Correlation> kernel_correlation(KernelShape shape, const MatrixXd& positions);

}  // namespace henderson

#endif
