// What is kept of each of many responses: a column per response.
//
// phi, slopes and adjusted are in the orthogonal coordinates of the whole design, whichever rows a response has. With
// the natural variance parameters psi (sigma^2 last, relative to it) of which there are K + 1, phi = (X'V^-1X)^-1 and
// P_i:
//   phi       lower triangle of phi                       slopes    those of -d phi / d psi_i = phi P_i phi, one after
//   the other spread    lower triangle of Var(psi) (Satterthwaite)  spread_kr that of Kenward and Roger adjusted  lower
//   triangle of Kenward and Roger's covariance matrix of the estimates
#ifndef HENDERSON_RESPONSES_ANSWERS_HPP
#define HENDERSON_RESPONSES_ANSWERS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/inference/information.hpp"

namespace henderson {

// What became of a response. `own`: something about it is unusual, and it is to be fitted by itself.
enum class Outcome : int { fitted = 0, all_missing = 1, infinite = 2, constant = 3, exact = 4, magnitude = 5, own = 6 };

struct Answers {
  MatrixXd theta;       // engine's coordinates of the response's own rows
  MatrixXd beta;        // all columns of X, user's coordinates; NaN without estimate
  MatrixXd covariance;  // per term the lower triangle of its covariance matrix, absolute, one term after another
  MatrixXd phi, slopes, spread, spread_kr, adjusted;
  VectorXd sigma, value;
  std::vector<int> n, evaluations, converged, outcome, pattern;   // pattern: which rows, from 0
  Eigen::MatrixXi singular;                                       // terms x responses
  MatrixXd pattern_basis;                                         // of each pattern, column-major

  void resize(const Layout& layout, Index x_columns, Index kept, Index responses, bool tests);
};

// Entries of the lower triangle, column by column.
VectorXd stacked(const MatrixXd& symmetric);
MatrixXd unstacked(const double* entries, Index size);

inline Index triangle(Index size) { return size * (size + 1) / 2; }

// Symmetric inverse; directions without information (relative to the size of their parameters) get none.
MatrixXd information_inverse(const MatrixXd& h);

// phi, slopes, spread, spread_kr and adjusted of response j; `to_common` leads from the coordinates of its rows to the
// common ones.
void keep_tests(const Information& info, bool reml, const MatrixXd& to_common, Index j, Answers& out);

}  // namespace henderson

#endif
