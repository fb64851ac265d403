// MIVQUE0 for large crossed designs: the equations of search/moment_start.hpp, whose traces are sums over the pairs.
#ifndef HENDERSON_ITERATIVE_START_HPP
#define HENDERSON_ITERATIVE_START_HPP

#include "henderson/search/start.hpp"
#include "henderson/iterative/point.hpp"

namespace henderson {
namespace iterative {

// Where the search begins, and whether the variances can be told apart. Sets the operator to Sigma = 0.
Start find_start(Model& model);

}  // namespace iterative
}  // namespace henderson

#endif
