// A structure with some of its natural parameters held at known values: those that one entry of theta makes alone.
//
// Sigma is relative to the residual variance, so a variance is held only where that is known. Multiples of Sigma are
// then not of the structure.
#ifndef HENDERSON_COVARIANCE_HELD_PARAMETERS_HPP
#define HENDERSON_COVARIANCE_HELD_PARAMETERS_HPP

#include <Eigen/Core>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

class HeldParameters : public Covariance {
 public:
  // `which`: numbers among whole->parameters(q).
  HeldParameters(std::shared_ptr<const Covariance> whole, Index q, const std::vector<Index>& which,
                 const VectorXd& values);

  std::string name() const override { return whole_->name(); }
  Closure closed_under() const override { return scale_held_ ? Closure::none : whole_->closed_under(); }
  bool bounded() const override { return whole_->bounded(); }
  bool root_derivatives() const override { return whole_->root_derivatives(); }
  bool exact_projection() const override { return false; }

  Index n_parameters(Index) const override { return static_cast<Index>(entry_.size()); }
  VectorXd start(Index q) const override { return free(whole_->start(q)); }
  MatrixXd factor(const VectorXd& theta, Index q) const override { return whole_->factor(all(theta), q); }
  MatrixXd sigma(const VectorXd& theta, Index q) const override { return whole_->sigma(all(theta), q); }
  MatrixXd factor_derivative(const VectorXd& theta, Index q, Index k) const override {
    return whole_->factor_derivative(all(theta), q, entry_[k]);
  }
  MatrixXd factor_second_derivative(const VectorXd& theta, Index q, Index k, Index l) const override {
    return whole_->factor_second_derivative(all(theta), q, entry_[k], entry_[l]);
  }
  MatrixXd sigma_derivative(const VectorXd& theta, Index q, Index k) const override {
    return whole_->sigma_derivative(all(theta), q, entry_[k]);
  }
  MatrixXd half_curvature(const VectorXd& theta, Index q, Index k, Index l) const override {
    return whole_->half_curvature(all(theta), q, entry_[k], entry_[l]);
  }
  VectorXd project(const MatrixXd& sigma) const override { return free(whole_->project(sigma)); }
  VectorXd of_root(const MatrixXd& root) const override { return free(whole_->of_root(root)); }
  VectorXd scaled(const VectorXd& theta, Index q, double c) const override {
    return free(whole_->scaled(all(theta), q, c));
  }
  VectorXd canonical(const VectorXd& theta, Index q) const override { return free(whole_->canonical(all(theta), q)); }
  VectorXd on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const override {
    return free(whole_->on_boundary(all(theta), q, negligible, singular));
  }
  std::vector<Index> pivots(Index q) const override;
  std::optional<Index> alone(Index q, Index column) const override;

  std::vector<Parameter> parameters(Index q) const override;
  bool linear() const override { return false; }
  MatrixXd derivative(const VectorXd& psi, Index q, Index k) const override {
    return whole_->derivative(all_psi(psi), q, parameter_[k]);
  }
  MatrixXd second_derivative(const VectorXd& psi, Index q, Index k, Index l) const override {
    return whole_->second_derivative(all_psi(psi), q, parameter_[k], parameter_[l]);
  }
  MatrixXd sigma_of(const VectorXd& psi, Index q) const override { return whole_->sigma_of(all_psi(psi), q); }
  VectorXd scaling(const VectorXd& psi, Index q) const override;
  VectorXd psi(const VectorXd& theta, Index q) const override;
  MatrixXd jacobian(const VectorXd& theta, Index q) const override;
  VectorXd theta_of(const VectorXd& psi, Index q) const override { return free(whole_->theta_of(all_psi(psi), q)); }

 private:
  std::optional<Index> place(Index entry) const;    // of an entry of the whole theta
  VectorXd all(const VectorXd& theta) const;
  VectorXd free(const VectorXd& theta) const;
  VectorXd all_psi(const VectorXd& psi) const;
  VectorXd free_psi(const VectorXd& psi) const;

  std::shared_ptr<const Covariance> whole_;
  VectorXd theta_, psi_;             // of the whole structure, with the held values
  std::vector<Index> entry_, parameter_;  // what is free of them
  bool scale_held_ = false;
};

}  // namespace henderson

#endif
