// Further starting points of a search, and whether a search approaches an optimum that has already been found.
#ifndef HENDERSON_SEARCH_STARTS_HPP
#define HENDERSON_SEARCH_STARTS_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/search/boundary.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

// Sigma = I.
VectorXd identity_theta(const Layout& layout);

// Variances of which a level says next to nothing. From here the search grows those that the data ask for most.
VectorXd nearly_zero_theta(const Problem& problem);

// Each term in turn, then all of them, with variances from far below to far above that of the residuals.
std::vector<VectorXd> large_thetas(const Layout& layout, const VectorXd& theta);

// One variance and a design in which it divides y into two sums of squares: of one size between the levels, of
// none within. With s the share of the residual variance in the expectation of the first, the criterion is
// -m log s + nu log(a + b s), which falls and then rises.
bool unimodal(const Problem& problem, const CrossProducts& data);

// Columns of one grouping factor with variances of their own that nearly cancel within a level, such as an intercept
// and a covariate far from its origin: effects that show only in their difference have variances of this size or more,
// far above those of what shows in each.
struct Cancelling {
  struct Column {
    Index theta = 0;       // its entry of theta: a standard deviation, or a variance where that has no bounds
    double variance = 0;   // relative to that of the difference
    bool bounded = true;
  };
  std::vector<Column> columns;
};

std::vector<Cancelling> cancelling_columns(const Layout& layout, const CrossProducts& data);

// theta with the variances of these columns `ratio` times as large as the residual variance where they show.
VectorXd with_cancelling(const Cancelling& columns, double ratio, VectorXd theta);

// Starts all over the space: variances over five decades about that of the residuals, any correlation, for columns that
// are turned to be uncorrelated over the rows. The same starts in every fit.
class ScatteredStarts {
 public:
  ScatteredStarts(const Problem& problem, const CrossProducts& data);

  VectorXd next();

 private:
  double uniform(double low, double high);

  MatrixXd factor(Index q);

  const Layout& layout_;
  std::vector<MatrixXd> to_columns_;
  std::uint64_t state_ = 1;
};

// As many effects as rows, or more; with several terms and random slopes, half as many or more.
bool crowded(const Problem& problem);

// How many starts are scattered where it is: what takes about a second, less where the random effects cannot reproduce
// the data.
Index scattered_count(const Problem& problem);

// An optimum that is known, and the rounding error of the criterion.
struct KnownOptimum {
  VectorXd theta;
  double value = 0, noise = 0;
};

enum class Lead { unknown, same, higher };

// Does Newton's step, from theta to `moved`, promise what separates this point from the optimum that is known, and lead
// near it? Or is the search about to end where the criterion is higher?
Lead lead_of(const Problem& problem, const KnownOptimum& known, const VectorXd& theta, double value,
             const NewtonStep& newton, const VectorXd& moved);

}  // namespace henderson

#endif
