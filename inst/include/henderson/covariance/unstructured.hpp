// Unstructured: the lower triangle of L, column by column.
#ifndef HENDERSON_COVARIANCE_UNSTRUCTURED_HPP
#define HENDERSON_COVARIANCE_UNSTRUCTURED_HPP

#include <Eigen/Core>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

class Unstructured : public Covariance {
 public:
  std::string name() const override { return "unstructured"; }
  Closure closed_under() const override { return Closure::any; }
  Index n_parameters(Index q) const override { return q * (q + 1) / 2; }
  VectorXd start(Index q) const override { return project(MatrixXd::Identity(q, q)); }

  MatrixXd factor(const VectorXd& theta, Index q) const override {
    MatrixXd l = MatrixXd::Zero(q, q);
    for (Index j = 0, k = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) l(i, j) = theta[k++];
    return l;
  }
  MatrixXd factor_derivative(const VectorXd&, Index q, Index k) const override {
    return factor(VectorXd::Unit(n_parameters(q), k), q);
  }
  MatrixXd factor_second_derivative(const VectorXd&, Index q, Index, Index) const override {
    return MatrixXd::Zero(q, q);
  }

  VectorXd project(const MatrixXd& sigma) const override { return stacked(semidefinite_cholesky(sigma)); }
  VectorXd of_root(const MatrixXd& root) const override { return stacked(lower_root(root)); }
  VectorXd scaled(const VectorXd& theta, Index, double c) const override { return c * theta; }
  VectorXd canonical(const VectorXd& theta, Index q) const override {
    MatrixXd l = factor(theta, q);
    for (Index j = 0; j < q; ++j)
      if (l(j, j) < 0) l.col(j).tail(q - j) = -l.col(j).tail(q - j);
    return stacked(l);
  }
  std::vector<Index> pivots(Index q) const override {
    std::vector<Index> out;
    for (Index j = 0, k = 0; j < q; k += q - j, ++j) out.push_back(k);
    return out;
  }
  std::optional<Index> alone(Index q, Index column) const override {
    return q == 1 ? std::optional<Index>(column) : std::nullopt;
  }
  std::optional<Entry> entry_of(Index parameter, Index q, double value) const override {
    return q == 1 ? std::optional<Entry>(Entry{parameter, std::sqrt(value)}) : std::nullopt;
  }

  // The lower triangle of Sigma, column by column.
  std::vector<Parameter> parameters(Index q) const override {
    std::vector<Parameter> out;
    for (Index j = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) {
        out.emplace_back();
        out.back().kind = i == j ? Kind::variance : Kind::covariance;
        out.back().row = i;
        out.back().col = j;
        if (i == j) out.back().lower = 0;
      }
    return out;
  }
  MatrixXd derivative(const VectorXd&, Index q, Index k) const override {
    MatrixXd out = factor(VectorXd::Unit(n_parameters(q), k), q);
    return out.selfadjointView<Eigen::Lower>();
  }

 private:
  static VectorXd stacked(const MatrixXd& l) {
    const Index q = l.rows();
    VectorXd theta(q * (q + 1) / 2);
    for (Index j = 0, k = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) theta[k++] = l(i, j);
    return theta;
  }
};

}  // namespace henderson

#endif
