// The search for (theta, psi): starting values from least-squares residuals, Newton's method with the exact Hessian.
#ifndef HENDERSON_STRUCTURED_SEARCH_HPP
#define HENDERSON_STRUCTURED_SEARCH_HPP

#include <limits>
#include <utility>
#include <vector>

#include "henderson/search/boundary.hpp"
#include "henderson/optimize/minimize.hpp"
#include "henderson/structured/derivatives.hpp"
#include "henderson/structured/residual_moments.hpp"

namespace henderson {

// A shape beyond this is as good as infinite: the correlation is the Gaussian one to a thousandth.
constexpr double kSmoothest = 1000;

inline bool as_good_as_infinite(ResidualKind kind, double value, double farthest) {
  return value > (kind == ResidualKind::exponent ? kSmoothest : farthest) &&
         (kind == ResidualKind::range || kind == ResidualKind::exponent);
}

// The criterion as minimize() wants it. A point is theta followed by psi; a step is one in theta and one in the
// coordinates that the residual structure takes about psi.
class StructuredFunction {
 public:
  // `farthest`: a range beyond it is as good as infinite. (A shape: kSmoothest.)
  StructuredFunction(const StructuredCriterion& criterion, double farthest)
      : criterion_(&criterion), farthest_(farthest), average_(is_average(criterion.problem(), Wanted::search)) {}
  Index n_theta() const { return criterion_->problem().layout.n_theta; }

  double value(const VectorXd& x);
  void derivatives(const VectorXd& x, VectorXd& gradient, MatrixXd& hessian);
  VectorXd moved(const VectorXd& x, const VectorXd& step) const;
  bool leave(const VectorXd& x, double value, const NewtonStep& newton) const;
  bool exact() const { return !average_; }
  void use_exact() { average_ = false; }
  double noise() const;
  const StructuredPoint& last() const { return at_; }

 private:
  std::vector<RandomDirection> directions() const;
  static MatrixXd embedded(const Layout& layout, const Term& term, const MatrixXd& e);
  MatrixXd random_curvature(const StructuredSums& s) const;

  const StructuredCriterion* criterion_;
  double farthest_;
  bool average_;  // the average information in place of the Hessian
  StructuredPoint at_;
};

struct StructuredOptions {
  Options search;
  VectorXd theta, psi;  // start, or empty
  bool more = false;    // the own starts too
};

// Starts that are searched where the best end so far is at the edge of the parameters.
constexpr std::size_t kEdgeStarts = 6;
constexpr std::size_t kMostStarts = 9;   // starts of a structure with several optima that are searched


struct StructuredOutcome {
  Optimum optimum;
  StructuredPoint at;
  std::vector<bool> singular;
  std::vector<int> confounded;       // random terms that cannot be told apart: there was no search
  int starts = 0, evaluations = 0;
  std::vector<double> other_maxima;  // how much higher the criterion is there
  double accidental = 0;             // how much lower it is at nearly singular matrices that were not taken
};

class StructuredSearch {
 public:
  StructuredSearch(const StructuredProblem& problem, const ResidualMoments& moments, const StructuredOptions& options,
                   Monitor& monitor);

  StructuredOutcome run();

 private:
  struct Maximum {
    VectorXd psi;
    double value;
    bool accidental;  // not taken although the likelihood is higher
  };

  std::vector<VectorXd> candidates() const;

  bool identified(const std::vector<VectorXd>& starts);

  std::vector<VectorXd> residual_starts() const;

  MatrixXd covariates() const;

  std::vector<std::size_t> ranked(const std::vector<VectorXd>& starts);
  void apart(std::vector<std::size_t>& order, const std::vector<VectorXd>& starts) const;
  std::size_t each_once(std::vector<std::size_t>& order, const std::vector<VectorXd>& starts) const;
  bool several_optima() const;
  bool single_range() const;
  bool found_alone(const std::vector<VectorXd>& starts);
  void search_all(const std::vector<VectorXd>& starts);
  // Where few subjects have all visits, other correlations may give other maxima, in each group. One that depends on a
  // few subjects by accident is told but not taken.
  void search_alternatives();
  void search_group(Index group, const std::vector<VectorXd>& alternatives);
  VectorXd searched_alone(Index group, const VectorXd& psi);
  void consider(const StructuredFunction& f, Optimum found);
  void remember(Maximum found);
  bool scarce(Index group) const;
  bool accidental(const VectorXd& psi) const;
  bool same_correlations(const VectorXd& one, const VectorXd& other) const;
  std::vector<Index> visits_of(Index group) const;
  Eigen::MatrixXd correlations(Index group, const VectorXd& psi) const;
  bool singular_now() const;
  bool at_edge() const;
  bool separable() const;
  void search(const VectorXd& start);
  void take(const StructuredFunction& f, Optimum found);
  Optimum minimized(StructuredFunction& f, const VectorXd& start);
  static double noise_of(const StructuredFunction& f, const Optimum& found);
  void describe();

  // A criterion with kinks may be lowest at one: the range is tried at the distances beside it.
  void settle_kinks();
  // The limits that a search comes close to: no correlation, where ranges and shares have no other value, and an
  // infinite range, where the other parameters are searched again.
  void settle_ranges();
  double farthest() const { return 1e4 * moments_.longest; }  // a range that is as good as infinite
  std::vector<Index> shape_parameters(Index group) const;
  std::vector<Index> far_ranges(const std::vector<Index>& shape) const;
  std::vector<Index> smoothest() const;
  VectorXd uncorrelated(const std::vector<Index>& shape) const;
  double correlation(Index group, const VectorXd& psi) const;
  VectorXd psi_with(const std::vector<Index>& which, const VectorXd& values) const;
  bool small_subjects() const;
  bool close_by(const std::vector<Index>& which, const VectorXd& values);
  bool try_held(const std::vector<Index>& which, const VectorXd& values);

  // A covariance of random effects this close to singular is tried as exactly singular.
  void move_to_boundary();
  // The canonical one of the points with the same R; a correlation with even powers alone is positive.
  void settle();
  bool take_same(const VectorXd& psi, double most);

  const StructuredProblem& pr_;
  ResidualMoments moments_;
  StructuredOptions options_;
  Monitor& monitor_;
  StructuredCriterion criterion_;
  StructuredOutcome out_;
  std::vector<Maximum> maxima_;  // of the group that is searched now
};

// The same point with sigma^2 = 1, for structures that hold the variances themselves.
StructuredPoint absolute_point(StructuredProblem& problem, const StructuredPoint& at, Checkpoint& checkpoint);

}  // namespace henderson

#endif
