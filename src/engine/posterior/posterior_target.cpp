#include "henderson/posterior/posterior_target.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <cmath>
#include <limits>
#include <utility>

namespace henderson {

CoefficientPosterior::CoefficientPosterior(const VectorXd& beta, const MatrixXd& x_root, double log_det_x, double r2,
                                           double sigma, const CoefficientPrior& prior)
    : mean(beta), root(x_root), log_det(log_det_x), r2(r2) {
  if (prior.flat()) return;
  const double s2 = sigma * sigma;
  const MatrixXd lower = x_root.triangularView<Eigen::Lower>();
  const MatrixXd information = lower * lower.transpose();
  const Eigen::LLT<MatrixXd> llt(information + s2 * prior.precision);
  root = llt.matrixL();
  mean = llt.solve(information * beta + s2 * prior.precision * prior.mean);
  log_det = 2 * root.diagonal().array().log().sum();
  const VectorXd from_data = mean - beta, from_prior = mean - prior.mean;
  this->r2 += (lower.transpose() * from_data).squaredNorm() + s2 * from_prior.dot(prior.precision * from_prior);
}

TargetValues::TargetValues(Index points, Index p) {
  log_det.setConstant(points, std::numeric_limits<double>::infinity());
  r2.setConstant(points, std::numeric_limits<double>::quiet_NaN());
  if (p == 0) return;
  beta.setConstant(p, points, std::numeric_limits<double>::quiet_NaN());
  spread.setConstant(p * p, points, std::numeric_limits<double>::quiet_NaN());
}

void TargetValues::set(Index point, const CoefficientPosterior& own, double constant, const Projection& x) {
  log_det[point] = constant + own.log_det;
  r2[point] = own.r2;
  if (beta.cols() == 0) return;
  beta.col(point) = x.response.col(0) + x.basis * own.mean;
  const MatrixXd half = own.root.triangularView<Eigen::Lower>().solve(x.basis.transpose());
  const MatrixXd s = half.transpose();
  spread.col(point) = Eigen::Map<const VectorXd>(s.data(), s.size());
}

namespace {

enum class Entries { none, deviations, triangle, natural };

Entries entries_of(const Term& term) {
  if (term.n_theta == 0) return Entries::none;
  if (!correlated(*term.structure, term.q) && term.structure->exact_projection()) return Entries::deviations;
  return term.structure->closed_under() == Closure::any ? Entries::triangle : Entries::natural;
}

Index count_of(const Term& term) {
  switch (entries_of(term)) {
    case Entries::none: return 0;
    case Entries::deviations: return term.n_theta;
    case Entries::triangle: return term.q * (term.q + 1) / 2;
    default: return static_cast<Index>(term.structure->parameters(term.q).size());
  }
}

}  // namespace

PointMap::PointMap(const Layout& layout, std::vector<MatrixXd> z_basis)
    : layout_(&layout), z_basis_(std::move(z_basis)) {
  for (const Term& term : layout.terms) size_ += count_of(term);
  for (const MatrixXd& basis : z_basis_) to_engine_.push_back(basis.inverse());
}

VectorXd PointMap::theta(const Eigen::Ref<const VectorXd>& point) const {
  VectorXd out(layout_->n_theta);
  Index k = 0;
  for (std::size_t t = 0; t < layout_->terms.size(); ++t) {
    const Term& term = layout_->terms[t];
    const Entries entries = entries_of(term);
    if (entries == Entries::natural) {
      const Index size = count_of(term);
      out.segment(term.theta, term.n_theta) = term.structure->theta_of(point.segment(k, size), term.q);
      k += size;
      continue;
    }
    if (entries == Entries::none) continue;
    if (entries == Entries::deviations) {
      Index at = term.theta;
      for (const Parameter& own : term.structure->parameters(term.q))
        out[at++] = point[k++] / std::abs(z_basis_[t](own.row, own.row));
      continue;
    }
    MatrixXd root = MatrixXd::Zero(term.q, term.q);
    for (Index j = 0; j < term.q; ++j)
      for (Index i = j; i < term.q; ++i) root(i, j) = point[k++];
    out.segment(term.theta, term.n_theta) = term.structure->of_root(to_engine_[t] * root);
  }
  return out;
}

}  // namespace henderson
