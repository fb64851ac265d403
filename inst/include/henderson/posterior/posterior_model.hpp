// The posterior of a model with independent residuals.
#ifndef HENDERSON_POSTERIOR_POSTERIOR_MODEL_HPP
#define HENDERSON_POSTERIOR_POSTERIOR_MODEL_HPP

#include "henderson/likelihood/criterion.hpp"
#include "henderson/posterior/posterior_target.hpp"

namespace henderson {

class PosteriorModel : public PosteriorTarget {
 public:
  PosteriorModel(const Layout& layout, CrossProducts data, double memory_limit, Checkpoint& checkpoint);
  PosteriorModel(const PosteriorModel&) = delete;
  PosteriorModel& operator=(const PosteriorModel&) = delete;

  const Layout& layout() const { return layout_; }
  const CrossProducts& data() const { return data_; }
  // With every level of the leading factor, which random effects need; and the one that is evaluated fastest.
  const Problem& by_level() const { return by_level_; }
  const Problem& fastest() const { return mix_ ? mixed_ : by_level_; }
  VectorXd theta_of(const Eigen::Ref<const VectorXd>& point) const { return map_.theta(point); }
  CoefficientPosterior coefficients_at(const Evaluation& at, double sigma, const CoefficientPrior& prior) const {
    return {at.beta, at.x_root, at.log_det_x, at.r2, sigma, prior};
  }

  Index point_size() const override { return map_.size(); }
  Index coefficients() const override { return data_.p(); }
  Index random_columns() const override { return layout_.random_columns(); }
  TargetValues evaluate(const MatrixXd& points, const VectorXd& sigma, const CoefficientPrior& prior, bool coefficients,
                        int threads, Checkpoint& checkpoint) const override;
  EffectDraws draw(const EffectRequest& request, const CoefficientPrior& prior, int threads,
                   Checkpoint& checkpoint) const override;

 private:
  Layout layout_;
  CrossProducts data_;
  PointMap map_;
  Problem by_level_, mixed_;
  bool mix_ = false;
};

}  // namespace henderson

#endif
