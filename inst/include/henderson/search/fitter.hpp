// From a problem to its optimum: start, search, boundary, restarts.
#ifndef HENDERSON_SEARCH_FITTER_HPP
#define HENDERSON_SEARCH_FITTER_HPP

#include <Eigen/Core>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "henderson/search/boundary.hpp"
#include "henderson/search/search_function.hpp"
#include "henderson/search/start.hpp"
#include "henderson/search/starts.hpp"
#include "henderson/linalg/limits.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

struct FitOptions {
  Options search;
  bool reml = true;
  std::optional<int> restarts;  // further starts where the optimum is at or near the boundary; none: what it takes
  bool no_constant = false;     // X does not span the constant: the random effects hold the mean of y
  double memory_limit = std::numeric_limits<double>::infinity();  // bytes
  VectorXd start;               // theta, or empty
  VectorXd known;               // where another search has ended, or empty
  std::optional<double> sigma;  // the residual standard deviation where it is known
  std::vector<Held> held;       // other variance parameters that are known
};

struct FitOutcome {
  Optimum optimum;
  bool identified = true;
  std::vector<int> confounded;
  std::vector<bool> singular;     // per term
  bool zero_residual = false;     // y is fitted exactly by fixed and random effects
  bool zero_sigma = false;        // the residual variance is estimated as 0: the criterion falls as theta grows
  bool exact_hessian = true;
  int starts = 0, evaluations = 0;
  std::vector<KnownOptimum> ends;   // where further searches ended, or were about to end, above the optimum
  std::vector<double> others;       // values of those that are optima themselves: see keep_optima()
  double rounding = 0;            // rounding error of the criterion at the optimum
  bool unbounded = false;  // beside this optimum the criterion falls without bound as the residual variance goes to 0
  std::optional<double> sigma;    // the residual standard deviation where parameters are held
};

class Fitter {
 public:
  Fitter(const Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor)
      : problem_(problem),
        data_(data),
        options_(options),
        monitor_(monitor),
        criterion_(problem, options.reml, monitor),
        final_(criterion_) {}

  // Where the criterion is finite at no start, the evaluation is not ok() and there are no derivatives.
  FitOutcome run();

  // At the optimum that run() returned.
  const Evaluation& final_evaluation() const { return final_.last(); }

 private:
  // Covariances beside other parameters make optima that a single further start can miss. Variances alone, or one term
  // of two columns, have not been seen to.
  bool intricate() const;

  bool affordable() const { return problem_.rest.factor_entries() < kAffordableEntries; }

  void search_again(const VectorXd& center);

  // From the best of variances of all sizes for one term, or for all of them, unless that is far from the best optimum.
  bool small_within() const;
  void search_large();

  // From many places, where there are as many effects as rows: such criteria have many optima.
  void search_scattered();

  VectorXd lowest_of(const std::vector<VectorXd>& thetas, double value);

  // From the best of variances of all sizes for these columns, beside `others`.
  void search_cancelling(const Cancelling& columns, const VectorXd& others);

  // Where the residual variance may vanish a search may follow it without end; that is looked at apart.
  void search(const VectorXd& start);

  void search(const VectorXd& start, const Options& options);

  KnownOptimum known_optimum(const SearchFunction& f) const {
    return {out_.optimum.theta, out_.optimum.value, f.noise()};
  }

  // The better of what is known and what was found.
  void take(Optimum found, SearchFunction f, bool vanishing);

  // Random and fixed effects can fit any response.
  bool can_lack_residual() const;

  // The criterion as the residual variance goes to 0. Without a lower bound there, the optimum that is known is a local
  // one.
  void search_without_residual(const VectorXd& theta);

  // The fixed and random effects can fit any response, so that no sum of squares holds the residual variance up, and
  // the criterion falls as the others grow against it.
  bool residual_vanishes(const VectorXd& theta, double value);

  // The other estimates as the residual variance goes to 0: it is held far below what they can see, but above the
  // rounding. Where less of it is better by far, the criterion has no lower bound: some level's V is singular in a
  // direction that beta can fit.
  Optimum without_residual(const VectorXd& from);
  // If the criterion is lower with a residual variance than without it: the search goes on from `limit` with it, and
  // takes its place.
  bool freed(Optimum& limit);

  // With other factors r2 is a difference; this little of it is what rounding has left.
  bool rounding_only() const { return rounding_only(out_.optimum.status, final_.last()); }
  bool rounding_only(const std::string& status, const Evaluation& at) const;

  // Further starts will not help, or were not asked for: a start that cannot be used is to be told.
  bool hopeless() const;

  // Is a covariance matrix singular, or a pivot of its factor within sqrt(2) standard errors of zero? All optima of
  // simulated fits that were not the best ones were such.
  bool near_boundary() const;

  // Exactly singular where that is as good; signs fixed; derivatives at the point that is returned.
  void finish();

  // The residual variance is identified by weights alone (one row per level), or hardly: is less of it no worse?
  bool falls_to_zero() const;

  bool is_optimum(const VectorXd& candidate);

  void move_to(const VectorXd& theta);

  const Problem& problem_;
  const CrossProducts& data_;
  const FitOptions options_;
  Monitor& monitor_;
  Criterion criterion_;
  SearchFunction final_;
  FitOutcome out_;
};

}  // namespace henderson

#endif
