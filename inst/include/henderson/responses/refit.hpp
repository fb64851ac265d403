// Many responses on one design: everything that does not depend on y is prepared once.
#ifndef HENDERSON_RESPONSES_REFIT_HPP
#define HENDERSON_RESPONSES_REFIT_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/fit/fit.hpp"

namespace henderson {

// One column per response.
struct Refits {
  MatrixXd theta;      // engine's coordinates
  MatrixXd beta;       // kept columns, user's coordinates
  MatrixXd covariance; // per term the lower triangle of its covariance matrix, absolute, one term after another
  VectorXd sigma, value;
  std::vector<int> evaluations;
  std::vector<bool> converged, singular;

  void fill_missing(Index j);
};

// y is a combination of the columns of X to the last digit (a constant, say): no variance is left to estimate.
inline bool fitted_exactly(const Problem& problem) { return !(problem.total > problem.rounding); }

Index covariance_entries(const Layout& layout);

VectorXd stacked_covariance(const Layout& layout, const CrossProducts& data, const Evaluation& at);

Refits refit(const Layout& layout, const CrossProducts& data, const FitOptions& options, Monitor& monitor);

}  // namespace henderson

#endif
