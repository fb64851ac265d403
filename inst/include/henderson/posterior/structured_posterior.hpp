// The posterior of a model with a residual structure. A point ends with the structure's natural parameters.
#ifndef HENDERSON_POSTERIOR_STRUCTURED_POSTERIOR_HPP
#define HENDERSON_POSTERIOR_STRUCTURED_POSTERIOR_HPP

#include "henderson/posterior/posterior_target.hpp"
#include "henderson/structured/point.hpp"

namespace henderson {

class StructuredPosterior : public PosteriorTarget {
 public:
  StructuredPosterior(const StructuredProblem& problem, const Coordinates& coordinates);
  StructuredPosterior(const StructuredPosterior&) = delete;
  StructuredPosterior& operator=(const StructuredPosterior&) = delete;

  const StructuredProblem& problem() const { return problem_; }
  const Coordinates& coordinates() const { return coordinates_; }
  const std::vector<MatrixXd>& bases() const { return bases_; }

  Index point_size() const override { return map_.size() + problem_.residual.size(); }
  Index coefficients() const override { return problem_.p; }
  Index random_columns() const override;
  TargetValues evaluate(const MatrixXd& points, const VectorXd& sigma, const CoefficientPrior& prior, bool coefficients,
                        int threads, Checkpoint& checkpoint) const override;
  EffectDraws draw(const EffectRequest& request, const CoefficientPrior& prior, int threads,
                   Checkpoint& checkpoint) const override;

  StructuredPoint point(const StructuredCriterion& criterion, const Eigen::Ref<const VectorXd>& x) const;

 private:
  StructuredProblem problem_;
  Coordinates coordinates_;
  std::vector<MatrixXd> bases_;  // of the terms' columns
  PointMap map_;
};

}  // namespace henderson

#endif
