// What a fit of the iterative solver says in the user's columns.
#ifndef HENDERSON_ITERATIVE_SOLUTION_HPP
#define HENDERSON_ITERATIVE_SOLUTION_HPP

#include "henderson/iterative/point.hpp"
#include "henderson/prediction/solution.hpp"

namespace henderson {
namespace iterative {

Solution solution(const Model& model, const Point& at, double value);

}  // namespace iterative
}  // namespace henderson

#endif
