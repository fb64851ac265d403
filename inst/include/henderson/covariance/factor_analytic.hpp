// Factor analysis: Sigma = G G' + diag(psi), loadings G of q rows and `rank` columns with zeros above the diagonal.
//
// theta: loadings column by column, then signed roots of the specific variances, none for a structure of reduced rank.
#ifndef HENDERSON_COVARIANCE_FACTOR_ANALYTIC_HPP
#define HENDERSON_COVARIANCE_FACTOR_ANALYTIC_HPP

#include <string>
#include <utility>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

class FactorAnalytic : public Covariance {
 public:
  FactorAnalytic(std::string name, Index rank, bool specific)
      : name_(std::move(name)), rank_(rank), specific_(specific) {}

  std::string name() const override { return name_; }
  Closure closed_under() const override { return Closure::column_scales; }
  VectorXd start(Index q) const override;
  MatrixXd factor(const VectorXd& theta, Index q) const override;
  bool root_derivatives() const override { return false; }
  MatrixXd sigma(const VectorXd& theta, Index q) const override;
  MatrixXd sigma_derivative(const VectorXd& theta, Index q, Index k) const override;
  MatrixXd half_curvature(const VectorXd& theta, Index q, Index k, Index l) const override;
  VectorXd project(const MatrixXd& sigma) const override;
  bool exact_projection() const override { return !specific_; }
  VectorXd scaled(const VectorXd& theta, Index, double c) const override { return c * theta; }
  VectorXd canonical(const VectorXd& theta, Index q) const override;
  VectorXd on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const override;

  std::vector<Parameter> parameters(Index q) const override;
  bool linear() const override { return false; }
  MatrixXd sigma_of(const VectorXd& psi, Index q) const override;
  MatrixXd derivative(const VectorXd& psi, Index q, Index k) const override;
  MatrixXd second_derivative(const VectorXd& psi, Index q, Index k, Index l) const override;
  VectorXd psi(const VectorXd& theta, Index q) const override;
  MatrixXd jacobian(const VectorXd& theta, Index q) const override;
  VectorXd theta_of(const VectorXd& psi, Index q) const override;

 private:
  Index rank(Index q) const { return rank_ < q ? rank_ : q; }
  Index loadings(Index q) const { return rank(q) * q - rank(q) * (rank(q) - 1) / 2; }
  MatrixXd loading_matrix(const VectorXd& theta, Index q) const;
  MatrixXd loading_unit(Index q, Index k) const;

  std::string name_;
  Index rank_;
  bool specific_;
};

}  // namespace henderson

#endif
