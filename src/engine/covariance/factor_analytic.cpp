#include "henderson/covariance/factor_analytic.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

MatrixXd FactorAnalytic::loading_matrix(const VectorXd& theta, Index q) const {
  MatrixXd g = MatrixXd::Zero(q, rank(q));
  for (Index j = 0, k = 0; j < g.cols(); ++j)
    for (Index i = j; i < q; ++i) g(i, j) = theta[k++];
  return g;
}

MatrixXd FactorAnalytic::loading_unit(Index q, Index k) const {
  return loading_matrix(VectorXd::Unit(loadings(q), k), q);
}

// Not zero: there the loadings have no slope. Columns of loadings differ from each other.
VectorXd FactorAnalytic::start(Index q) const {
  VectorXd out = VectorXd::Constant(static_cast<Index>(parameters(q).size()), 0.8);
  const double unit = specific_ ? 0.5 : 0.9, pi = 3.14159265358979323846;
  for (Index j = 0, k = 0; j < rank(q); ++j)
    for (Index i = j; i < q; ++i) {
      const double turn =
          std::cos(pi * static_cast<double>(j) * (static_cast<double>(i) + 0.5) / static_cast<double>(q));
      out[k++] = unit * turn / std::sqrt(static_cast<double>(j + 1));
    }
  return out;
}

MatrixXd FactorAnalytic::factor(const VectorXd& theta, Index q) const {
  MatrixXd root = MatrixXd::Zero(q, rank(q) + q);
  root.leftCols(rank(q)) = loading_matrix(theta, q);
  if (specific_) root.rightCols(q) = theta.tail(q).asDiagonal();
  return lower_root(root);
}

MatrixXd FactorAnalytic::sigma(const VectorXd& theta, Index q) const {
  const MatrixXd g = loading_matrix(theta, q);
  MatrixXd out = g * g.transpose();
  if (specific_) out.diagonal() += theta.tail(q).cwiseAbs2();
  return out;
}

MatrixXd FactorAnalytic::sigma_derivative(const VectorXd& theta, Index q, Index k) const {
  const Index i = k - loadings(q);
  if (i >= 0) return 2 * theta[k] * MatrixXd(VectorXd::Unit(q, i).asDiagonal());
  const MatrixXd half = loading_unit(q, k) * loading_matrix(theta, q).transpose();
  return half + half.transpose();
}

MatrixXd FactorAnalytic::half_curvature(const VectorXd&, Index q, Index k, Index l) const {
  const Index m = loadings(q);
  if (k < m && l < m) return loading_unit(q, k) * loading_unit(q, l).transpose();
  return k == l ? MatrixXd(VectorXd::Unit(q, k - m).asDiagonal()) : MatrixXd(MatrixXd::Zero(q, q));
}

// Principal factors: specific variances and the leading eigenvectors of what they leave, in turn.
VectorXd FactorAnalytic::project(const MatrixXd& sigma) const {
  const Index q = sigma.rows(), r = rank(q), m = loadings(q);
  VectorXd out = VectorXd::Zero(static_cast<Index>(parameters(q).size()));
  VectorXd specific = VectorXd::Zero(q);
  if (specific_) specific = 0.5 * sigma.diagonal().cwiseMax(0);
  MatrixXd root;
  for (int step = 0; step < (specific_ ? 200 : 1); ++step) {
    const SymmetricEigen eigen(sigma - MatrixXd(specific.asDiagonal()));
    root = eigen.eigenvectors().rightCols(r) * eigen.eigenvalues().tail(r).cwiseMax(0).cwiseSqrt().asDiagonal();
    if (specific_) specific = (sigma.diagonal() - root.rowwise().squaredNorm()).cwiseMax(0);
  }
  const MatrixXd g = lower_root(root);
  for (Index j = 0, k = 0; j < r; ++j)
    for (Index i = j; i < q; ++i) out[k++] = g(i, j);
  if (specific_) out.tail(q) = specific.cwiseSqrt();
  return out.head(m + (specific_ ? q : 0));
}

VectorXd FactorAnalytic::canonical(const VectorXd& theta, Index q) const {
  VectorXd out = theta;
  for (Index j = 0, k = 0; j < rank(q); k += q - j, ++j)
    if (theta[k] < 0) out.segment(k, q - j) = -theta.segment(k, q - j);
  if (specific_) out.tail(q) = theta.tail(q).cwiseAbs();
  return out;
}

VectorXd FactorAnalytic::on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const {
  VectorXd out = theta;
  const double least = std::max(negligible, 1e-14 * sigma(theta, q).diagonal().maxCoeff());
  for (Index j = 0, k = 0; j < rank(q); k += q - j, ++j)
    if (theta.segment(k, q - j).cwiseAbs2().maxCoeff() <= least) {
      out.segment(k, q - j).setZero();
      singular = true;
    }
  for (Index k = loadings(q); k < theta.size(); ++k)
    if (theta[k] * theta[k] <= least) {
      out[k] = 0;
      singular = true;
    }
  return out;
}

std::vector<Parameter> FactorAnalytic::parameters(Index q) const {
  std::vector<Parameter> out;
  for (Index j = 0; j < rank(q); ++j)
    for (Index i = j; i < q; ++i) {
      out.emplace_back();
      out.back().kind = Kind::loading;
      out.back().row = i;
      out.back().col = j;
    }
  for (Index i = 0; specific_ && i < q; ++i) {
    out.emplace_back();
    out.back().row = out.back().col = i;
    out.back().lower = 0;
  }
  return out;
}

MatrixXd FactorAnalytic::sigma_of(const VectorXd& psi, Index q) const {
  const MatrixXd g = loading_matrix(psi, q);
  MatrixXd out = g * g.transpose();
  if (specific_) out.diagonal() += psi.tail(q);
  return out;
}

MatrixXd FactorAnalytic::derivative(const VectorXd& psi, Index q, Index k) const {
  const Index i = k - loadings(q);
  if (i >= 0) return VectorXd::Unit(q, i).asDiagonal();
  const MatrixXd half = loading_unit(q, k) * loading_matrix(psi, q).transpose();
  return half + half.transpose();
}

MatrixXd FactorAnalytic::second_derivative(const VectorXd&, Index q, Index k, Index l) const {
  if (k >= loadings(q) || l >= loadings(q)) return MatrixXd::Zero(q, q);
  const MatrixXd half = loading_unit(q, k) * loading_unit(q, l).transpose();
  return half + half.transpose();
}

VectorXd FactorAnalytic::psi(const VectorXd& theta, Index q) const {
  VectorXd out = theta;
  if (specific_) out.tail(q) = theta.tail(q).cwiseAbs2();
  return out;
}

MatrixXd FactorAnalytic::jacobian(const VectorXd& theta, Index q) const {
  VectorXd slope = VectorXd::Ones(theta.size());
  if (specific_) slope.tail(q) = 2 * theta.tail(q);
  return slope.asDiagonal();
}

VectorXd FactorAnalytic::theta_of(const VectorXd& psi, Index q) const {
  VectorXd out = psi;
  if (specific_) out.tail(q) = psi.tail(q).cwiseMax(0).cwiseSqrt();
  return out;
}

}  // namespace henderson
