#include "henderson/posterior/posterior_model.hpp"

#include <utility>

#include "henderson/fit/fit.hpp"
#include "henderson/optimize/workers.hpp"
#include "henderson/posterior/effect_draws.hpp"

namespace henderson {

PosteriorModel::PosteriorModel(const Layout& layout, CrossProducts data, double memory_limit, Checkpoint& checkpoint)
    : layout_(layout), data_(std::move(data)), map_(layout_, data_.z_basis) {
  if (!layout_.bounded()) throw Error("input", "a posterior needs variances that are not negative");
  by_level_ = make_problem(layout_, data_, memory_limit, checkpoint);
  set_response(by_level_, data_, 0, nullptr);
  const auto classes = levels_by_root(layout_, data_);
  mix_ = fewer_pseudo_levels(by_level_, data_, classes);
  if (!mix_) return;
  mixed_ = make_problem(layout_, data_, memory_limit, checkpoint);
  set_response(mixed_, data_, 0, &classes);
}

TargetValues PosteriorModel::evaluate(const MatrixXd& points, const VectorXd& sigma, const CoefficientPrior& prior,
                                      bool coefficients, int threads, Checkpoint& checkpoint) const {
  const Index n = points.cols();
  TargetValues out(n, coefficients ? data_.p() : 0);
  const Problem& problem = fastest();
  work_in_blocks(n, threads, checkpoint, [&](Index first, Index last, Checkpoint& own) {
    const Criterion criterion(problem, true, own);
    Evaluation at;
    for (Index i = first; i < last; ++i) {
      const VectorXd theta = theta_of(points.col(i));
      if (!theta.allFinite()) continue;
      at = criterion.evaluate(theta, std::move(at));
      if (!at.ok()) continue;
      out.set(i, coefficients_at(at, prior.flat() ? 1 : sigma[i], prior),
              at.log_det_random + 2 * data_.x.log_det_r - data_.log_weight, data_.x);
    }
  });
  return out;
}

EffectDraws PosteriorModel::draw(const EffectRequest& request, const CoefficientPrior& prior, int threads,
                                 Checkpoint& checkpoint) const {
  return draw_effects(*this, request, prior, threads, checkpoint);
}

}  // namespace henderson
