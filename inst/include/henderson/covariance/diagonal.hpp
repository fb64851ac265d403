// Diagonal: one relative standard deviation for each column.
#ifndef HENDERSON_COVARIANCE_DIAGONAL_HPP
#define HENDERSON_COVARIANCE_DIAGONAL_HPP

#include <Eigen/Core>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

class Diagonal : public Covariance {
 public:
  std::string name() const override { return "diagonal"; }
  Closure closed_under() const override { return Closure::column_scales; }
  Index n_parameters(Index q) const override { return q; }
  VectorXd start(Index q) const override { return VectorXd::Ones(q); }
  MatrixXd factor(const VectorXd& theta, Index) const override { return theta.asDiagonal(); }
  MatrixXd factor_derivative(const VectorXd&, Index q, Index k) const override {
    return VectorXd::Unit(q, k).asDiagonal();
  }
  MatrixXd factor_second_derivative(const VectorXd&, Index q, Index, Index) const override {
    return MatrixXd::Zero(q, q);
  }
  VectorXd project(const MatrixXd& sigma) const override { return sigma.diagonal().cwiseMax(0).cwiseSqrt(); }
  VectorXd scaled(const VectorXd& theta, Index, double c) const override { return c * theta; }
  VectorXd canonical(const VectorXd& theta, Index) const override { return theta.cwiseAbs(); }
  std::vector<Index> pivots(Index q) const override {
    std::vector<Index> out(q);
    for (Index k = 0; k < q; ++k) out[k] = k;
    return out;
  }
  std::optional<Index> alone(Index, Index column) const override { return column; }
  std::optional<Entry> entry_of(Index parameter, Index, double value) const override {
    return Entry{parameter, std::sqrt(value)};
  }

  std::vector<Parameter> parameters(Index q) const override {
    std::vector<Parameter> out(q);
    for (Index k = 0; k < q; ++k) {
      out[k].row = out[k].col = k;
      out[k].lower = 0;
    }
    return out;
  }
  MatrixXd derivative(const VectorXd&, Index q, Index k) const override { return VectorXd::Unit(q, k).asDiagonal(); }
};

}  // namespace henderson

#endif
