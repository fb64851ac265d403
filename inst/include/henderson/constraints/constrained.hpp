// -2 log likelihood minimized with some variance parameters held: standard deviations and correlations of the user's
// columns, the residual standard deviation. (Coefficients are held by a change of the cross-products.)
//
// Sequential quadratic programming in (theta, log sigma) with exact derivatives. What a step leaves of the constraints
// is restored at once, by Newton's method on them alone, which costs no evaluation of the criterion: every point that
// counts has the held values. One parameter held at a row of values is its profile; Venzon and Moolgavkar (1988) for
// following it.
//
// A column with a held correlation ends its set at a standard deviation of 0, like the apex of a cone: beyond it the
// correlation has the other sign. No step shortens its row to less than a tenth; where steps keep asking for that, the
// model without the column is tried, in which its correlations are not parameters, and left again if that pays.
#ifndef HENDERSON_CONSTRAINTS_CONSTRAINED_HPP
#define HENDERSON_CONSTRAINTS_CONSTRAINED_HPP

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "henderson/constraints/held_rows.hpp"
#include "henderson/constraints/null_space.hpp"
#include "henderson/likelihood/gradient.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

struct ConstrainedPoint {
  double value = std::numeric_limits<double>::infinity();
  VectorXd theta;
  double sigma = 0;
  double decrement = 0;
  int evaluations = 0;
  bool converged = false;
  std::string status = "no_further_progress";
  std::vector<TermColumn> zero;   // columns with held correlations whose standard deviation is 0
};

class ConstrainedSearch {
 public:
  ConstrainedSearch(const Problem& problem, const CrossProducts& data, bool reml, Monitor& monitor,
                    const Options& options = profile_options());

  static Options profile_options();
  const HeldRows& rows() const { return rows_; }

  // From a nearby point; theta and sigma need not satisfy the constraints. Rows with held correlations that are 0 there
  // stay 0 unless leaving pays. Not `early`: others are tried at 0 only when next to nothing is left of them.
  ConstrainedPoint run(const std::vector<Held>& held, const VectorXd& theta, double sigma, bool early = true) const;

  // Are the held parameters at their values? Those of rows at 0 have none.
  bool obeys(const std::vector<Held>& held, const ConstrainedPoint& at) const;

  // Gradients of the held parameters in (theta, log sigma), one column each.
  MatrixXd constraint_gradients(const std::vector<Held>& held, const VectorXd& theta, double sigma) const;

 private:
  struct Task {
    std::vector<Held> held;
    std::vector<TermColumn> zero;   // rows kept at 0
    std::vector<TermColumn> firm;   // rows that are not to be tried at 0 until they are next to nothing
    int used = 0;                   // evaluations so far
  };
  struct Point {
    VectorXd theta;
    double log_sigma = 0, value = std::numeric_limits<double>::infinity();
    double degrees = 0;
    VectorXd gradient;
    MatrixXd hessian;
    bool exact = true;
    Constraints held;
  };
  struct Step {
    VectorXd theta;
    double log_sigma = 0, decrement = 0;
  };
  struct Exit {
    bool found = false;
    TermColumn column;
    VectorXd row;
  };

  // Restoration goes as far as rounding lets it, mostly to 1e-15; where the basis mixes a large and a tiny row, less
  // far.
  static constexpr double kMet = 1e-8;
  static double noise(double value) { return 1e-11 * (1 + std::abs(value)); }

  // The optimum from here; rows that vanish on the way are tried at 0.
  ConstrainedPoint settle(Task task, const VectorXd& theta, double sigma) const;

  bool negligible(const TermColumn& column, const VectorXd& theta) const { return rows_.weight(column, theta) < 1e-12; }

  ConstrainedPoint follow(const Task& task, VectorXd theta, double sigma) const;

  // The longest half of `length` times the step, restored, that does not raise the criterion where `here` obeys.
  bool search_line(const Task& task, const Point& here, const Step& step, double length, bool obeys, Point& trial,
                   int& evaluations) const;

  // The held values, from a point near to them: Newton's method on the constraints, by the shortest steps.
  bool restore(const Task& task, VectorXd& theta, double& log_sigma) const;

  // Small as asked; or in the rounding of the criterion's derivatives, where it stops falling.
  bool enough(double decrement, double before, const Point& here) const;

  // The part of a step that leaves each row with a held correlation a tenth of its length; rows that want to lose more.
  double longest(const Task& task, const Point& here, const Step& step, std::vector<TermColumn>& vanishing) const;

  // Rows to be tried at 0: two steps in turn wanted that, or nothing is left of them.
  std::vector<TermColumn> leaving(const Task& task, const Point& here, const std::vector<TermColumn>& before,
                                  const std::vector<TermColumn>& now) const;

  // From an optimum with rows at 0: one that had better be longer, and where it should point. For a small length s the
  // criterion changes by 2 s c'u + s^2 g, where u is the direction of the row; held correlations are its angles with
  // other rows, and free ones are chosen so that the slope is steepest.
  Exit way_out(const std::vector<Held>& held, const ConstrainedPoint& at) const;

  Point evaluate(const VectorXd& theta, double log_sigma, const Task& task) const;

  static void learn(const Point& from, const Point& to, HessianCorrection& correction);

  // Newton step of the Lagrangian: along the constraints by its curvature made positive, across them by restoration.
  Step solve(const Point& here, const MatrixXd& correction) const;

  HeldRows rows_;
  Criterion criterion_;
  Monitor& monitor_;
  Options options_;
};

}  // namespace henderson

#endif
