// What least-squares residuals say about the residual covariance, for starting values.
#ifndef HENDERSON_STRUCTURED_RESIDUAL_MOMENTS_HPP
#define HENDERSON_STRUCTURED_RESIDUAL_MOMENTS_HPP

#include <algorithm>
#include <limits>

#include "henderson/structured/units.hpp"

namespace henderson {

// What least-squares residuals `e` say about R.
ResidualMoments residual_moments(const StructuredRows& rows, Index visits);

}  // namespace henderson

#endif
