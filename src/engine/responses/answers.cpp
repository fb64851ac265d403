#include "henderson/responses/answers.hpp"

#include <limits>

#include "henderson/responses/refit.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

void Answers::resize(const Layout& layout, Index x_columns, Index kept, Index responses, bool tests) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const Index m = responses, terms = static_cast<Index>(layout.terms.size());
  theta = MatrixXd::Constant(layout.n_theta, m, none);
  beta = MatrixXd::Constant(x_columns, m, none);
  covariance = MatrixXd::Constant(covariance_entries(layout), m, none);
  sigma = value = VectorXd::Constant(m, none);
  n.assign(m, 0);
  evaluations.assign(m, 0);
  converged.assign(m, 0);
  outcome.assign(m, static_cast<int>(Outcome::own));
  pattern.assign(m, -1);
  singular = Eigen::MatrixXi::Zero(terms, m);
  if (!tests) return;
  const Index k = layout.n_psi + 1;
  phi = MatrixXd::Constant(triangle(kept), m, none);
  slopes = MatrixXd::Constant(k * triangle(kept), m, none);
  spread = spread_kr = MatrixXd::Constant(triangle(k), m, none);
  adjusted = phi;
}

VectorXd stacked(const MatrixXd& symmetric) {
  VectorXd out(triangle(symmetric.rows()));
  for (Index j = 0, k = 0; j < symmetric.cols(); ++j)
    for (Index i = j; i < symmetric.rows(); ++i) out[k++] = (symmetric(i, j) + symmetric(j, i)) / 2;
  return out;
}

MatrixXd unstacked(const double* entries, Index size) {
  MatrixXd out(size, size);
  for (Index j = 0; j < size; ++j)
    for (Index i = j; i < size; ++i) out(i, j) = out(j, i) = *entries++;
  return out;
}

MatrixXd information_inverse(const MatrixXd& h) {
  const Index k = h.rows();
  const VectorXd size = h.diagonal().cwiseMax(0).cwiseSqrt();
  std::vector<Index> use;
  for (Index i = 0; i < k; ++i)
    if (size[i] > 0) use.push_back(i);
  MatrixXd out = MatrixXd::Zero(k, k);
  if (use.empty()) return out;
  const Index r = static_cast<Index>(use.size());
  MatrixXd scaled(r, r);
  for (Index i = 0; i < r; ++i)
    for (Index j = 0; j < r; ++j) scaled(i, j) = h(use[i], use[j]) / (size[use[i]] * size[use[j]]);
  const SymmetricEigen eigen(scaled);
  const double least = 1e-10 * eigen.eigenvalues()[r - 1];
  MatrixXd inverse = MatrixXd::Zero(r, r);
  for (Index v = 0; v < r; ++v) {
    if (!(eigen.eigenvalues()[v] > least)) continue;
    inverse += eigen.eigenvectors().col(v) * eigen.eigenvectors().col(v).transpose() / eigen.eigenvalues()[v];
  }
  for (Index i = 0; i < r; ++i)
    for (Index j = 0; j < r; ++j) out(use[i], use[j]) = inverse(i, j) / (size[use[i]] * size[use[j]]);
  return out;
}

namespace {

// Var(psi) through theta, in which a variance of zero has no slope and drops out.
MatrixXd satterthwaite_spread(const Information& info, bool reml) {
  const Index k = info.jacobian.rows(), own = info.jacobian.cols();
  MatrixXd j = MatrixXd::Zero(k + 1, own + 1);
  j.topLeftCorner(k, own) = info.jacobian;
  j(k, own) = 1;
  MatrixXd h = j.transpose() * (2 * info.ai - (reml ? info.t : info.t_ml)) * j;
  h.topLeftCorner(own, own) += info.curvature;
  return 2 * j * information_inverse(h) * j.transpose();
}

// phi + 2 phi [sum W_ij (Q_ij - P_i phi P_j)] phi.
MatrixXd adjusted_covariance(const Information& info, const MatrixXd& w) {
  const Index p = info.phi.rows(), k = w.rows();
  MatrixXd middle = MatrixXd::Zero(p, p);
  for (Index i = 0; i < k; ++i) {
    MatrixXd weighted = MatrixXd::Zero(p, p);
    for (Index j = 0; j < k; ++j) {
      weighted += w(i, j) * info.p[j];
      middle += w(i, j) * info.q.block(i * p, j * p, p, p);
    }
    middle -= info.p[i] * info.phi * weighted;
  }
  return info.phi + info.phi * (middle + middle.transpose()) * info.phi;
}

}  // namespace

void keep_tests(const Information& info, bool reml, const MatrixXd& to_common, Index j, Answers& out) {
  const Index size = triangle(info.phi.rows());
  const auto common = [&](const MatrixXd& m) { return stacked(to_common * m * to_common.transpose()); };
  out.phi.col(j) = common(info.phi);
  for (std::size_t i = 0; i < info.p.size(); ++i)
    out.slopes.col(j).segment(static_cast<Index>(i) * size, size) = common(info.phi * info.p[i] * info.phi);
  out.spread.col(j) = stacked(satterthwaite_spread(info, reml));
  if (!reml) return;
  const MatrixXd w = 2 * information_inverse(info.t);
  out.spread_kr.col(j) = stacked(w);
  out.adjusted.col(j) = common(adjusted_covariance(info, w));
}

}  // namespace henderson
