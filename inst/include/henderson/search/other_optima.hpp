// Are the points at which further searches ended local optima, or did they stop on the way?
#ifndef HENDERSON_SEARCH_OTHER_OPTIMA_HPP
#define HENDERSON_SEARCH_OTHER_OPTIMA_HPP

#include "henderson/search/fitter.hpp"

namespace henderson {

// Is the criterion higher all around this point? In each direction (every entry of theta, a residual variance that
// grows from 0, a variance of 0 that grows with one of several correlations or ranges) the first change above the
// rounding error decides. Where a residual variance or the variance of a term is 0, a search has no slope to follow.
class OptimumTest {
 public:
  OptimumTest(const Problem& problem, const Criterion& criterion) : problem_(problem), criterion_(criterion) {}

  bool operator()(const KnownOptimum& at);

 private:
  // Is the criterion lower at the first of these points at which it is another one?
  template <class Path>
  bool falls(Path path, int points);
  bool falls_along_entries();
  bool falls_with_residual();
  bool falls_with_variance(const Term& term);
  std::vector<VectorXd> shapes(const Term& term) const;

  const Problem& problem_;
  const Criterion& criterion_;
  KnownOptimum at_;
};

// Searches that ended above the optimum are completed from where they were left; `others` has the values of those that
// ended at another local optimum.
void keep_optima(const Problem& problem, const FitOptions& options, Monitor& monitor, FitOutcome& out);

}  // namespace henderson

#endif
