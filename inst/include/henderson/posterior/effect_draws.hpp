// Draws of the coefficients and the random effects, exactly, for given variances.
#ifndef HENDERSON_POSTERIOR_EFFECT_DRAWS_HPP
#define HENDERSON_POSTERIOR_EFFECT_DRAWS_HPP

#include "henderson/posterior/posterior_model.hpp"

namespace henderson {

EffectDraws draw_effects(const PosteriorModel& model, const EffectRequest& request, const CoefficientPrior& prior,
                         int threads, Checkpoint& checkpoint);

}  // namespace henderson

#endif
