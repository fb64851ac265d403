// One response fitted: problem, search, solution.
#ifndef HENDERSON_FIT_FIT_HPP
#define HENDERSON_FIT_FIT_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/fit/fitter.hpp"
#include "henderson/fit/held.hpp"
#include "henderson/fit/solution.hpp"

namespace henderson {

// y is fitted by X and the leading random effects to the last digit: the residual variance is 0. The limit of the
// other estimates is found by giving the residual a share far below what the estimates can see.
bool floor_residual(Problem& problem, const CrossProducts& data);

bool worth_mixing(const Problem& problem, const CrossProducts& data,
                  const std::vector<std::vector<Index>>& classes);

struct Fit {
  FitOutcome outcome;
  Solution solution;   // where the model is identified
};

Fit fit(const Layout& layout, const CrossProducts& data, Index response, const FitOptions& options,
        Monitor& monitor);

}  // namespace henderson

#endif
