#include "henderson/covariance/covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

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

MatrixXd Covariance::sigma_derivative(const VectorXd& theta, Index q, Index k) const {
  const MatrixXd d = factor_derivative(theta, q, k) * factor(theta, q).transpose();
  return d + d.transpose();
}

MatrixXd Covariance::half_curvature(const VectorXd& theta, Index q, Index k, Index l) const {
  return factor_second_derivative(theta, q, k, l) * factor(theta, q).transpose() +
         factor_derivative(theta, q, k) * factor_derivative(theta, q, l).transpose();
}

VectorXd Covariance::on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const {
  const MatrixXd l = factor(theta, q);
  const SymmetricEigen eigen(l * l.transpose());
  const double least = std::max(negligible, 1e-14 * eigen.eigenvalues().maxCoeff());
  VectorXd values = eigen.eigenvalues();
  bool any = false;
  for (Index i = 0; i < values.size(); ++i)
    if (values[i] <= least) {
      values[i] = 0;
      any = true;
    }
  if (!any) return theta;
  singular = true;
  return project(eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose());
}

VectorXd Covariance::scaled(const VectorXd& theta, Index q, double c) const { return of_root(c * factor(theta, q)); }

MatrixXd Covariance::second_derivative(const VectorXd&, Index q, Index, Index) const { return MatrixXd::Zero(q, q); }

MatrixXd Covariance::sigma_of(const VectorXd& psi, Index q) const {
  MatrixXd out = MatrixXd::Zero(q, q);
  for (Index k = 0; k < psi.size(); ++k) out += psi[k] * derivative(psi, q, k);
  return out;
}

VectorXd Covariance::scaling(const VectorXd& psi, Index q) const {
  const std::vector<Parameter> own = parameters(q);
  VectorXd out(psi.size());
  for (Index k = 0; k < psi.size(); ++k) out[k] = scale_weight(own[k].kind) * psi[k];
  return out;
}

VectorXd Covariance::psi(const VectorXd& theta, Index q) const {
  const std::vector<Parameter> own = parameters(q);
  const MatrixXd at = sigma(theta, q);
  VectorXd out(own.size());
  for (std::size_t k = 0; k < own.size(); ++k) out[k] = at(own[k].row, own[k].col);
  return out;
}

MatrixXd Covariance::jacobian(const VectorXd& theta, Index q) const {
  const std::vector<Parameter> own = parameters(q);
  MatrixXd out(own.size(), theta.size());
  for (Index j = 0; j < theta.size(); ++j) {
    const MatrixXd d = sigma_derivative(theta, q, j);
    for (std::size_t k = 0; k < own.size(); ++k) out(k, j) = d(own[k].row, own[k].col);
  }
  return out;
}

VectorXd Covariance::theta_of(const VectorXd& psi, Index q) const {
  const MatrixXd at = sigma_of(psi, q);
  const bool valid = at.allFinite() && Eigen::LLT<MatrixXd>(at).info() == Eigen::Success;
  return valid ? project(at) : VectorXd::Constant(n_parameters(q), std::numeric_limits<double>::quiet_NaN());
}

bool correlated(const Covariance& structure, Index q) {
  const std::vector<Parameter> own = structure.parameters(q);
  return std::any_of(own.begin(), own.end(), [](const Parameter& p) { return p.kind != Kind::variance; });
}

MatrixXd lower_root(const MatrixXd& root) {
  const Eigen::HouseholderQR<MatrixXd> qr(root.transpose());
  const MatrixXd whole = MatrixXd(qr.matrixQR().triangularView<Eigen::Upper>()).transpose();
  MatrixXd l = whole.leftCols(std::min(root.rows(), root.cols()));
  for (Index j = 0; j < l.cols(); ++j)
    if (l(j, j) < 0) l.col(j) = -l.col(j);
  return l;
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

}  // namespace henderson
