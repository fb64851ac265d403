// Any symmetric matrix of a structure's linear space, definite or not: variances may be negative.
//
// The search moves the natural parameters themselves; what keeps them in bounds is that V must stay positive definite.
#ifndef HENDERSON_COVARIANCE_UNBOUNDED_HPP
#define HENDERSON_COVARIANCE_UNBOUNDED_HPP

#include <Eigen/Core>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "henderson/covariance/covariance.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

// `of` is linear, and its parameters are entries of Sigma.
class Unbounded : public Covariance {
 public:
  explicit Unbounded(std::shared_ptr<const Covariance> of) : of_(std::move(of)) {
    if (!of_->linear()) throw Error("input", "only a linear structure can be without bounds");
  }
  std::string name() const override { return of_->name() + " unbounded"; }
  bool bounded() const override { return false; }
  Closure closed_under() const override { return of_->closed_under(); }
  VectorXd start(Index q) const override { return project(MatrixXd::Identity(q, q)); }

  MatrixXd factor(const VectorXd&, Index) const override {
    throw Error("input", "a covariance matrix without bounds has no factor");
  }
  MatrixXd sigma(const VectorXd& theta, Index q) const override { return sigma_of(theta, q); }
  MatrixXd sigma_derivative(const VectorXd& theta, Index q, Index k) const override { return derivative(theta, q, k); }
  VectorXd project(const MatrixXd& sigma) const override {
    const std::vector<Parameter> own = of_->parameters(sigma.rows());
    VectorXd theta(own.size());
    for (std::size_t k = 0; k < own.size(); ++k) theta[k] = sigma(own[k].row, own[k].col);
    return theta;
  }
  VectorXd scaled(const VectorXd& theta, Index, double c) const override { return c * c * theta; }

  std::vector<Parameter> parameters(Index q) const override {
    std::vector<Parameter> out = of_->parameters(q);
    for (Parameter& p : out) p.lower = -std::numeric_limits<double>::infinity();
    return out;
  }
  MatrixXd derivative(const VectorXd& psi, Index q, Index k) const override { return of_->derivative(psi, q, k); }
  VectorXd psi(const VectorXd& theta, Index) const override { return theta; }
  MatrixXd jacobian(const VectorXd& theta, Index) const override {
    return MatrixXd::Identity(theta.size(), theta.size());
  }

 private:
  std::shared_ptr<const Covariance> of_;
};

}  // namespace henderson

#endif
