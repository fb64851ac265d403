// Standard deviations around a correlation matrix: Sigma = D R(rho) D, one standard deviation for each column or for
// all.
//
// theta: the standard deviation, signed, or the root of each, then eta of the correlation. With several
// variances a signed standard deviation would change the signs of correlations; its root leaves Sigma an even function.
// psi: variances, then rho. `linear` takes the covariances in place of the correlations where all variances are one and
// R is linear in rho.
#ifndef HENDERSON_COVARIANCE_SCALED_CORRELATION_HPP
#define HENDERSON_COVARIANCE_SCALED_CORRELATION_HPP

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "henderson/covariance/correlation.hpp"
#include "henderson/covariance/covariance.hpp"

namespace henderson {

class ScaledCorrelation : public Covariance {
 public:
  enum class Variances { one, each };

  ScaledCorrelation(std::string name, std::shared_ptr<const Correlation> correlation, Variances variances,
                    bool linear = false)
      : name_(std::move(name)),
        correlation_(std::move(correlation)),
        each_(variances == Variances::each),
        linear_(linear) {}

  std::string name() const override { return name_; }
  Closure closed_under() const override { return each_ ? Closure::column_scales : Closure::common_scale; }
  Index n_parameters(Index q) const override { return deviations(q) + correlation_->size(q); }
  VectorXd start(Index q) const override;
  MatrixXd factor(const VectorXd& theta, Index q) const override;
  bool root_derivatives() const override { return false; }
  MatrixXd sigma(const VectorXd& theta, Index q) const override;
  MatrixXd sigma_derivative(const VectorXd& theta, Index q, Index k) const override;
  MatrixXd half_curvature(const VectorXd& theta, Index q, Index k, Index l) const override;
  VectorXd project(const MatrixXd& sigma) const override;
  VectorXd scaled(const VectorXd& theta, Index q, double c) const override;
  VectorXd canonical(const VectorXd& theta, Index q) const override;
  VectorXd on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const override;
  std::vector<Index> pivots(Index q) const override;
  std::optional<Index> alone(Index q, Index column) const override;
  std::optional<Entry> entry_of(Index parameter, Index q, double value) const override;

  std::vector<Parameter> parameters(Index q) const override;
  bool linear() const override { return linear_; }
  MatrixXd sigma_of(const VectorXd& psi, Index q) const override;
  MatrixXd derivative(const VectorXd& psi, Index q, Index k) const override;
  MatrixXd second_derivative(const VectorXd& psi, Index q, Index k, Index l) const override;
  VectorXd psi(const VectorXd& theta, Index q) const override;
  MatrixXd jacobian(const VectorXd& theta, Index q) const override;

 private:
  Index deviations(Index q) const { return each_ ? q : 1; }
  VectorXd deviation_of(const VectorXd& first, Index q) const;
  VectorXd deviations_at(const VectorXd& theta, Index q) const;
  MatrixXd correlation_matrix(const VectorXd& rho, Index q) const;
  VectorXd rho_of(const VectorXd& theta, Index q) const;
  // d (d_i d_j) / d s_k and its derivative in s_l, for the standard deviations d of all columns.
  MatrixXd product_slope(const VectorXd& d, Index k) const;
  MatrixXd product_bend(Index q, Index k, Index l) const;
  // The same in theta.
  MatrixXd theta_slope(const VectorXd& theta, Index q, Index k) const;
  MatrixXd theta_bend(const VectorXd& theta, Index q, Index k, Index l) const;

  std::string name_;
  std::shared_ptr<const Correlation> correlation_;
  bool each_, linear_;
};

}  // namespace henderson

#endif
