// Draws of the coefficients and the random effects, exactly, for given variances.
#ifndef HENDERSON_POSTERIOR_EFFECT_DRAWS_HPP
#define HENDERSON_POSTERIOR_EFFECT_DRAWS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/posterior/posterior_model.hpp"

namespace henderson {

// What is to be drawn. Draws of the same point stand side by side in `point_of`, which ascends.
struct EffectRequest {
  MatrixXd points;              // a column for each point
  std::vector<Index> point_of;  // the point of each draw
  VectorXd sigma;               // of each draw
  MatrixXd normals_beta;        // coefficients x draws, standard normal
  MatrixXd normals_b;           // random effects x draws, or empty: the random effects are not wanted
};

struct EffectDraws {
  MatrixXd beta;  // kept coefficients x draws, in the user's columns
  MatrixXd b;     // random effects x draws: term by term, column by column, level by level
};

EffectDraws draw_effects(const PosteriorModel& model, const EffectRequest& request, const CoefficientPrior& prior,
                         int threads, Checkpoint& checkpoint);

}  // namespace henderson

#endif
