// Can the random effects be told apart from the fixed effects and from each other, beside a residual structure?
#ifndef HENDERSON_STRUCTURED_CONFOUNDED_HPP
#define HENDERSON_STRUCTURED_CONFOUNDED_HPP

#include <vector>

#include "henderson/structured/derivatives.hpp"

namespace henderson {

// The random terms that the data say nothing about apart from the fixed effects and each other, by the information at
// this point; empty if there are none. A search would follow the rounding error of their likelihood.
std::vector<int> confounded_terms(const StructuredCriterion& criterion, const StructuredPoint& at);

}  // namespace henderson

#endif
