// One pass over the pairs, part by part.
#ifndef HENDERSON_ITERATIVE_SWEEP_HPP
#define HENDERSON_ITERATIVE_SWEEP_HPP

#include "henderson/iterative/incidence.hpp"

namespace henderson {
namespace iterative {

struct Pass {
  const Incidence& pairs;
  const double *g, *ft;   // G_l and F_l' of the leading levels
  const double *u, *p;    // m columns row by row, as in Operator::sweep(); null where there is none
  Index m;
};

// Adds part k of parts() to `rest`, and writes the rows of its leading levels in `lead`; either may be null.
void sweep_part(const Pass& pass, int part, double* rest, double* lead);

}  // namespace iterative
}  // namespace henderson

#endif
