// Diagonal: one relative standard deviation for each column.
#ifndef HENDERSON_COVARIANCE_DIAGONAL_HPP
#define HENDERSON_COVARIANCE_DIAGONAL_HPP

#include "henderson/covariance/covariance.hpp"

namespace henderson {

class Diagonal : public Covariance {
 public:
  std::string name() const override { return "diagonal"; }
  Index n_parameters(Index q) const override { return q; }
  bool rotatable() const override { return false; }
  VectorXd start(Index q) const override { return VectorXd::Ones(q); }
  MatrixXd factor(const VectorXd& theta, Index) const override { return theta.asDiagonal(); }
  MatrixXd factor_derivative(const VectorXd&, Index q, Index k) const override {
    return VectorXd::Unit(q, k).asDiagonal();
  }
  MatrixXd factor_second_derivative(const VectorXd&, Index q, Index, Index) const override {
    return MatrixXd::Zero(q, q);
  }
  VectorXd nearest(const MatrixXd& sigma) const override { return sigma.diagonal().cwiseMax(0).cwiseSqrt(); }
  std::vector<MatrixXd> span(Index q) const override {
    std::vector<MatrixXd> basis;
    for (Index k = 0; k < q; ++k) basis.push_back(VectorXd::Unit(q, k).asDiagonal());
    return basis;
  }
};

}  // namespace henderson

#endif
