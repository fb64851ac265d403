#include "henderson/search/local_parameters.hpp"

#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

LocalParameters::LocalParameters(const Layout& layout, const VectorXd& theta)
    : layout_(&layout), theta_(theta), local_(theta), basis_(layout.terms.size()) {
  if (!layout.bounded()) return;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    if (term.q < 2 || term.structure->closed_under() != Closure::any) continue;
    const MatrixXd l = term.structure->factor(own(theta, term), term.q);
    const double largest = l.squaredNorm();
    if (!(l.diagonal().head(term.q - 1).cwiseAbs2().minCoeff() < 1e-2 * largest)) continue;
    const Eigen::JacobiSVD<MatrixXd> svd(l, Eigen::ComputeFullU);
    basis_[t] = svd.matrixU();
    const MatrixXd root = svd.singularValues().asDiagonal();
    local_.segment(term.theta, term.n_theta) = term.structure->of_root(root);
    rotated_ = true;
  }
}

VectorXd LocalParameters::moved(const VectorXd& step) const {
  VectorXd out = local_ + step;
  if (!rotated_) return out;
  for (std::size_t t = 0; t < basis_.size(); ++t) {
    if (basis_[t].size() == 0) continue;
    const Term& term = layout_->terms[t];
    const MatrixXd root = basis_[t] * term.structure->factor(own(out, term), term.q);
    out.segment(term.theta, term.n_theta) = term.structure->of_root(root);
  }
  return out;
}

Derivatives LocalParameters::derivatives(const Criterion& criterion, const Evaluation& at) const {
  if (!rotated_) return henderson::derivatives(criterion, at);
  std::vector<Direction> directions = theta_directions(*layout_, local_);
  std::size_t k = 0;
  for (std::size_t t = 0; t < basis_.size(); ++t)
    for (Index i = 0; i < layout_->terms[t].n_theta; ++i, ++k)
      if (basis_[t].size() > 0) rotate(directions[k].e, layout_->terms[t], basis_[t]);
  Moments m = moments(criterion, at, directions);
  Moments turned = m;
  for (std::size_t t = 0; t < basis_.size(); ++t) {
    if (basis_[t].size() == 0) continue;
    const Term& term = layout_->terms[t];
    rotate(turned.block_trace[term.group], term, basis_[t].transpose());
    rotate(turned.block_quadratic[term.group], term, basis_[t].transpose());
  }
  return assembled(criterion.problem(), at, m, factor_curvature(*layout_, local_, turned, &criterion.checkpoint()));
}

void LocalParameters::rotate(MatrixXd& e, const Term& term, const MatrixXd& by) {
  const MatrixXd inner = by * e.block(term.column, term.column, term.q, term.q) * by.transpose();
  e.block(term.column, term.column, term.q, term.q) = inner;
}

}  // namespace henderson
