// A fit with some variance parameters held at known values.
#ifndef HENDERSON_CONSTRAINTS_HELD_HPP
#define HENDERSON_CONSTRAINTS_HELD_HPP

#include <Eigen/Core>
#include <utility>
#include <vector>

#include "henderson/constraints/constrained.hpp"
#include "henderson/search/fitter.hpp"
#include "henderson/search/moment_start.hpp"

namespace henderson {

class HeldFitter {
 public:
  HeldFitter(const Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor);

  FitOutcome run();

 private:
  static ConstrainedPoint better(const ConstrainedPoint& a, const ConstrainedPoint& b);

  // A correlation held among others of its term: where these settle depends on where they begin.
  bool holds_one_of_many() const;

  // Nothing but the residual variance held.
  VectorXd free_optimum(FitOutcome& out) const;

  ConstrainedPoint from(const VectorXd& theta, FitOutcome& out);

  // theta and sigma near a given theta that have the held values.
  std::pair<VectorXd, double> obeying(const VectorXd& theta) const;

  // The held correlations of a term in a correlation matrix: the others give way until it is positive definite.
  MatrixXd with_correlations(int t, MatrixXd r) const;

  // Entries of theta that stand alone and end at zero are zero; terms of which nothing is held are exactly singular
  // where they nearly are.
  ConstrainedPoint drop_zeros(const ConstrainedPoint& found, FitOutcome& out);

  // Is a term of which something is held singular, its held standard deviations aside? A small one is no estimate.
  bool without_rank(const ConstrainedPoint& found, int t) const;

  // Where the search has lost what is held, there is no result.
  void fill(const ConstrainedPoint& best, FitOutcome& out) const;

  static void lose(Optimum& optimum);

  // Is a much smaller residual variance, the covariance matrices unchanged, no worse?
  bool falls_to_zero(const ConstrainedPoint& best) const;

  // The terms that cannot be told apart when the held parameters are known.
  std::vector<int> confounded_terms() const;

  Evidence natural_evidence(const Evaluation& at, const std::vector<Direction>& directions) const;

  const Problem& problem_;
  const Layout& layout_;
  const CrossProducts& data_;
  const FitOptions& options_;
  Monitor& monitor_;
  std::vector<Held> held_;
  ConstrainedSearch search_;
};

}  // namespace henderson

#endif
