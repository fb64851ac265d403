#include "henderson/covariance/registry.hpp"

#include <memory>
#include <string>
#include <vector>
#include <algorithm>
#include <cmath>

#include "henderson/covariance/diagonal.hpp"
#include "henderson/covariance/unbounded.hpp"
#include "henderson/covariance/unstructured.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

MatrixXd Covariance::sigma(const VectorXd& theta, Index q) const {
  const MatrixXd l = factor(theta, q);
  return l * l.transpose();
}

MatrixXd Covariance::factor_derivative(const VectorXd& theta, Index q, Index k) const {
  return difference(theta, k, [&](const VectorXd& at) { return factor(at, q); });
}

MatrixXd Covariance::factor_second_derivative(const VectorXd& theta, Index q, Index k, Index l) const {
  return difference(theta, l, [&](const VectorXd& at) { return factor_derivative(at, q, k); });
}

template <class F>
MatrixXd Covariance::difference(VectorXd theta, Index k, const F& f) {
  const double h = std::cbrt(2e-16) * std::max(1.0, std::abs(theta[k])), centre = theta[k];
  theta[k] = centre + h;
  const MatrixXd above = f(theta);
  theta[k] = centre - h;
  return (above - f(theta)) / (2 * h);
}

MatrixXd semidefinite_cholesky(const MatrixXd& sigma) {
  const Index q = sigma.rows();
  MatrixXd l = MatrixXd::Zero(q, q);
  for (Index j = 0; j < q; ++j) {
    const double pivot = sigma(j, j) - l.row(j).head(j).squaredNorm();
    if (!(pivot > 1e-14 * std::abs(sigma(j, j)))) continue;
    l(j, j) = std::sqrt(pivot);
    for (Index i = j + 1; i < q; ++i) {
      l(i, j) = (sigma(i, j) - l.row(i).head(j).dot(l.row(j).head(j))) / l(j, j);
    }
  }
  return l;
}

const std::vector<std::shared_ptr<const Covariance>>& covariance_structures() {
  static const std::vector<std::shared_ptr<const Covariance>> all = {
      std::make_shared<Unstructured>(),
      std::make_shared<Diagonal>(),
      std::make_shared<Unbounded>(std::make_shared<Unstructured>()),
      std::make_shared<Unbounded>(std::make_shared<Diagonal>()),
  };
  return all;
}

const Covariance& covariance_structure(const std::string& name) {
  for (const auto& structure : covariance_structures())
    if (structure->name() == name) return *structure;
  throw Error("input", "there is no covariance structure `" + name + "`");
}

}  // namespace henderson
