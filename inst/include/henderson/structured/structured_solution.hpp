// The estimates of a fit with a residual structure at one point, in the coordinates of the user's columns.
#ifndef HENDERSON_STRUCTURED_STRUCTURED_SOLUTION_HPP
#define HENDERSON_STRUCTURED_STRUCTURED_SOLUTION_HPP

#include <vector>

#include "henderson/data/coordinates.hpp"
#include "henderson/prediction/solution.hpp"
#include "henderson/structured/point.hpp"
#include "henderson/structured/predictor.hpp"

namespace henderson {

Solution structured_solution(const StructuredCriterion& criterion, const StructuredPoint& at,
                             const Coordinates& coordinates);

// Var(b | y) of every level of one group, q x q each.
std::vector<MatrixXd> structured_conditional(const StructuredPredictor& predictor, const Layout& layout,
                                             const StructuredPoint& at, const Coordinates& coordinates, int group);

}  // namespace henderson

#endif
