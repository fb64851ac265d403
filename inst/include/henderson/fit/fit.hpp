// One response fitted: problem, search, solution.
#ifndef HENDERSON_FIT_FIT_HPP
#define HENDERSON_FIT_FIT_HPP

#include <Eigen/Core>
#include <memory>
#include <optional>
#include <vector>

#include "henderson/search/fitter.hpp"
#include "henderson/constraints/held.hpp"
#include "henderson/prediction/solution.hpp"

namespace henderson {

// y is fitted by X and the leading random effects to the last digit: the residual variance is 0. The limit of the
// other estimates is found by giving the residual a share far below what the estimates can see.
bool floor_residual(Problem& problem, const CrossProducts& data);

// The residual variance where it is known before the search; with other parameters held it is one more of them.
std::optional<double> known_sigma2(const FitOptions& options);

// Has the search ended in the rounding of r2 as a difference?
bool lost_digits(const Problem& problem, const CrossProducts& data, const Evaluation& at, const Optimum& optimum);

// A search and what it came to. The fitter holds the evaluation at the optimum; parameters that are held need none.
struct Searched {
  std::unique_ptr<Fitter> fitter;
  FitOutcome outcome;
  Evaluation at;
};

// The optimum; where r2 has lost its digits, sought again in root form. There a response that is fitted exactly by
// fixed and crossed random effects gets a share of residual variance far below what the estimates can see, as in
// floor_residual().
Searched search(Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor);

bool fewer_pseudo_levels(const Problem& problem, const CrossProducts& data,
                  const std::vector<std::vector<Index>>& classes);

struct Fit {
  FitOutcome outcome;
  Solution solution;   // where the model is identified
};

Fit fit(const Layout& layout, const CrossProducts& data, Index response, const FitOptions& options,
        Monitor& monitor);

}  // namespace henderson

#endif
