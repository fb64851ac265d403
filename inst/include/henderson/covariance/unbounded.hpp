// Any symmetric matrix of a structure's linear space, definite or not: variances may be negative.
//
// The search moves the entries themselves; what keeps them in bounds is that V must stay positive definite.
#ifndef HENDERSON_COVARIANCE_UNBOUNDED_HPP
#define HENDERSON_COVARIANCE_UNBOUNDED_HPP

#include <memory>
#include <utility>

#include "henderson/covariance/covariance.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

class Unbounded : public Covariance {
 public:
  explicit Unbounded(std::shared_ptr<const Covariance> of) : of_(std::move(of)) {}
  std::string name() const override { return of_->name() + " unbounded"; }
  bool bounded() const override { return false; }
  bool rotatable() const override { return of_->rotatable(); }
  Index n_parameters(Index q) const override { return static_cast<Index>(of_->span(q).size()); }
  std::vector<MatrixXd> span(Index q) const override { return of_->span(q); }
  VectorXd start(Index q) const override { return nearest(MatrixXd::Identity(q, q)); }

  MatrixXd factor(const VectorXd&, Index) const override {
    throw Error("input", "a covariance matrix without bounds has no factor");
  }
  MatrixXd sigma(const VectorXd& theta, Index q) const override {
    MatrixXd out = MatrixXd::Zero(q, q);
    const std::vector<MatrixXd> basis = of_->span(q);
    for (std::size_t k = 0; k < basis.size(); ++k) out += theta[k] * basis[k];
    return out;
  }
  VectorXd nearest(const MatrixXd& sigma) const override {
    const std::vector<MatrixXd> basis = of_->span(sigma.rows());
    VectorXd theta(basis.size());
    for (std::size_t k = 0; k < basis.size(); ++k) {
      Index row, col;
      basis[k].cwiseAbs().maxCoeff(&row, &col);
      theta[k] = sigma(row, col);
    }
    return theta;
  }

 private:
  std::shared_ptr<const Covariance> of_;
};

}  // namespace henderson

#endif
