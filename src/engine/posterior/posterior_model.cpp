#include "henderson/posterior/posterior_model.hpp"

#include <Eigen/LU>
#include <cmath>
#include <limits>
#include <utility>

#include "henderson/fit/fit.hpp"
#include "henderson/linalg/decompositions.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {

namespace {

bool is_triangle(const Term& term) { return term.q > 1 && term.structure->closed_under() == Closure::any; }

Index entries_of(const Term& term) { return is_triangle(term) ? term.q * (term.q + 1) / 2 : term.q; }

}  // namespace

PosteriorModel::PosteriorModel(const Layout& layout, CrossProducts data, double memory_limit, Checkpoint& checkpoint)
    : layout_(layout), data_(std::move(data)) {
  if (!layout_.bounded()) throw Error("input", "a posterior needs variances that are not negative");
  by_level_ = make_problem(layout_, data_, memory_limit, checkpoint);
  set_response(by_level_, data_, 0, nullptr);
  const auto classes = levels_by_root(layout_, data_);
  mix_ = fewer_pseudo_levels(by_level_, data_, classes);
  if (mix_) {
    mixed_ = make_problem(layout_, data_, memory_limit, checkpoint);
    set_response(mixed_, data_, 0, &classes);
  }
  for (const Term& term : layout_.terms) point_size_ += entries_of(term);
  for (const MatrixXd& basis : data_.z_basis) to_engine_.push_back(basis.inverse());
}

VectorXd PosteriorModel::theta_of(const Eigen::Ref<const VectorXd>& point) const {
  VectorXd theta(layout_.n_theta);
  Index k = 0;
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
    const Term& term = layout_.terms[t];
    const MatrixXd& basis = data_.z_basis[t];
    if (!is_triangle(term)) {
      for (Index j = 0; j < term.q; ++j) theta[term.theta + j] = point[k++] / std::abs(basis(j, j));
      continue;
    }
    MatrixXd root = MatrixXd::Zero(term.q, term.q);
    for (Index j = 0; j < term.q; ++j)
      for (Index i = j; i < term.q; ++i) root(i, j) = point[k++];
    theta.segment(term.theta, term.n_theta) = term.structure->of_root(to_engine_[t] * root);
  }
  return theta;
}

CoefficientPosterior PosteriorModel::coefficients_at(const Evaluation& at, double sigma,
                                                     const CoefficientPrior& prior) const {
  CoefficientPosterior out;
  out.r2 = at.r2;
  if (prior.flat()) {
    out.mean = at.beta;
    out.root = at.x_root;
    out.log_det = at.log_det_x;
    return out;
  }
  const double s2 = sigma * sigma;
  const MatrixXd x_root = at.x_root.triangularView<Eigen::Lower>();
  const MatrixXd information = x_root * x_root.transpose();
  const Eigen::LLT<MatrixXd> llt(information + s2 * prior.precision);
  out.root = llt.matrixL();
  out.mean = llt.solve(information * at.beta + s2 * prior.precision * prior.mean);
  out.log_det = 2 * out.root.diagonal().array().log().sum();
  const VectorXd from_data = out.mean - at.beta, from_prior = out.mean - prior.mean;
  out.r2 += (x_root.transpose() * from_data).squaredNorm() + s2 * from_prior.dot(prior.precision * from_prior);
  return out;
}

void PosteriorModel::fill(Index column, const Evaluation& at, double sigma, const CoefficientPrior& prior,
                          bool coefficients, TargetValues& out) const {
  out.log_det[column] = std::numeric_limits<double>::infinity();
  out.r2[column] = std::numeric_limits<double>::quiet_NaN();
  if (!at.ok()) return;
  const CoefficientPosterior beta = coefficients_at(at, sigma, prior);
  out.log_det[column] = at.log_det_random + beta.log_det + 2 * data_.x.log_det_r - data_.log_weight;
  out.r2[column] = beta.r2;
  if (!coefficients) return;
  out.beta.col(column) = data_.x.response.col(0) + data_.x.basis * beta.mean;
  const MatrixXd half = beta.root.triangularView<Eigen::Lower>().solve(data_.x.basis.transpose());
  const MatrixXd spread = half.transpose();
  out.spread.col(column) = Eigen::Map<const VectorXd>(spread.data(), spread.size());
}

TargetValues PosteriorModel::evaluate(const MatrixXd& points, const VectorXd& sigma, const CoefficientPrior& prior,
                                      bool coefficients, int threads, Checkpoint& checkpoint) const {
  TargetValues out;
  const Index n = points.cols();
  out.log_det.resize(n);
  out.r2.resize(n);
  if (coefficients) {
    out.beta.setConstant(data_.p(), n, std::numeric_limits<double>::quiet_NaN());
    out.spread.setConstant(data_.p() * data_.p(), n, std::numeric_limits<double>::quiet_NaN());
  }
  const Problem& problem = fastest();
  work_in_blocks(n, threads, checkpoint, [&](Index first, Index last, Checkpoint& own) {
    const Criterion criterion(problem, true, own);
    Evaluation at;
    for (Index i = first; i < last; ++i) {
      at = criterion.evaluate(theta_of(points.col(i)), std::move(at));
      fill(i, at, prior.flat() ? 1 : sigma[i], prior, coefficients, out);
    }
  });
  return out;
}

}  // namespace henderson
