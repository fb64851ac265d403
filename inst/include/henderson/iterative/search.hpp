// Newton's method for the score: exact but for two traces, which fixed probes make a smooth function of theta. There is
// no line search on the criterion: its value, from a quadrature, and this score are not a function and its gradient.
#ifndef HENDERSON_ITERATIVE_SEARCH_HPP
#define HENDERSON_ITERATIVE_SEARCH_HPP

#include <algorithm>
#include <cstdint>
#include <functional>

#include "henderson/fit/fit.hpp"
#include "henderson/iterative/quadrature.hpp"
#include "henderson/iterative/traces.hpp"
#include "henderson/search/starts.hpp"

namespace henderson {
namespace iterative {

struct SearchOptions {
  bool reml = true;
  int max_evaluations = 200;
  double decrement = 1e-8;     // half the Newton decrement at which the search has converged
  VectorXd start;              // theta, or empty
  int probes = 16, most_probes = 256;
  std::uint64_t seed = 1;
  int threads = 1;
  // evaluation, passes of the slowest solve, probes, half the decrement, twice the largest ratio of Monte Carlo and
  // standard error (NaN where few probes were used).
  std::function<void(int, int, int, double, double)> report;
};

// Half the decrement below which rounding in the solves may end a search: a thousandth of a standard error.
constexpr double kSettled = 1e-6;

// Twice the Monte Carlo error of a parameter must not be more of its standard error.
constexpr double kLargestShare = 0.02;

// Far from the estimates, where half the decrement is above kFar, a few of the probes show the way.
constexpr int kFewProbes = 4;
constexpr double kFar = 1;

// Corrections of the average information that are dropped in one search.
constexpr int kMostForgotten = 4;

// The score and its slope at one point.
struct State {
  Point at;
  TraceEstimate traces;
  Moments moments;             // in the natural directions
  MatrixXd jacobian;           // of the natural parameters in theta
  MatrixXd curvature;          // of theta -> Sigma times the score
  VectorXd gradient;
  MatrixXd hessian;
  NewtonStep newton;
};

// Covariance matrices of the natural parameters, then sigma^2, all relative to sigma^2 = 1.
struct Precision {
  MatrixXd monte_carlo;        // over the signs of the probes
  MatrixXd sampling;           // from the average information
  double share = 0;            // twice the largest ratio of the two errors
};

struct IterativeFit {
  FitOutcome outcome;
  Solution solution;
  Precision precision;
  double value_error = 0;      // of -2 log L
  int probes = 0, passes = 0;
};

class Search {
 public:
  Search(Model& model, const SearchOptions& options);

  IterativeFit run();

  // At any theta, for tests and tools: `traces` may have been given probes.
  State state(const VectorXd& theta);
  Traces& traces() { return traces_; }
  Precision precision(const State& s) const;

 private:
  bool begin();
  bool all_probes() const { return now_.traces.noise.cols() == probes_; }
  void take_all_probes();
  void newton();
  bool has_arrived(int& forgotten);
  // Half the decrement, by the average information where that is larger.
  double left() const {
    return std::max(now_.newton.decrement, newton_step(now_.gradient, now_.hessian).decrement);
  }
  double faint(const Term& term) const;
  bool better(const State& next, const VectorXd& step, double slope) const;
  bool move(const VectorXd& step);
  VectorXd limited(const VectorXd& step) const;
  VectorXd away_from_zero(VectorXd theta) const;
  void settle_boundary();
  void climb();                    // from now_ to a maximum
  double value_at(const VectorXd& theta);
  void search_cancelling(const Cancelling& columns);
  void try_from(const VectorXd& start);
  void finish();
  void report() const;

  Model& model_;
  const SearchOptions& options_;
  Solver solver_;
  Traces traces_;
  std::vector<Direction> natural_;
  HessianCorrection correction_;   // what the average information lacks
  Panel warm_;
  State now_;
  int probes_;      // of this stage; the first steps take fewer
  VectorXd last_;   // where the operator and the probes stand
  IterativeFit out_;
};

IterativeFit fit(const Layout& layout, const CrossProducts& data, Index response, const SearchOptions& options,
                 Checkpoint& checkpoint);

}  // namespace iterative
}  // namespace henderson

#endif
