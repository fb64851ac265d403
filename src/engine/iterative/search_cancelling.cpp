#include "henderson/iterative/search_cancelling.hpp"

#include <cmath>
#include <limits>

#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

// The criterion up to the error of its quadrature; infinite where the solves fail.
double Search::value_at(const VectorXd& theta) {
  last_ = VectorXd();
  ++out_.outcome.evaluations;
  try {
    const Point at = evaluate(model_, theta, options_.reml, kTight, &now_.at, solver_);
    if (!(at.sigma2 > 0)) return std::numeric_limits<double>::infinity();
    return criterion(model_, at, log_determinant(model_, traces_, options_.seed, traces_.probes()).value);
  } catch (const Error&) {
    return std::numeric_limits<double>::infinity();
  }
}

// Independent effects of columns that nearly cancel have a second maximum, where their variances are large.
void Search::search_cancelling(const Cancelling& columns) {
  if (out_.outcome.optimum.status != "converged") return;
  const double value = value_at(now_.at.theta);
  double least = value;
  VectorXd best;
  for (const VectorXd& others : {VectorXd(now_.at.theta), nearly_zero_theta(model_.problem)})
    for (int k = -2; k <= 4; ++k) {
      const VectorXd theta = with_cancelling(columns, std::pow(10.0, k), others);
      const double here = value_at(theta);
      if (!(here < least)) continue;
      least = here;
      best = theta;
    }
  if (best.size() > 0) try_from(best);
}

// To the maximum above `start`, if it is the higher one. If not, everything is as before.
void Search::try_from(const VectorXd& start) {
  const State before = now_;
  const IterativeFit found = out_;
  const int probes = probes_;
  try {
    now_ = state(away_from_zero(start));
    climb();
    ++out_.outcome.starts;
    if (out_.outcome.optimum.status == "converged" && value_at(now_.at.theta) < value_at(before.at.theta)) return;
  } catch (const Error&) {
  }
  const int evaluations = out_.outcome.evaluations;
  now_ = before;
  out_ = found;
  out_.outcome.evaluations = evaluations;
  probes_ = probes;
  traces_.set_probes(probes);
  last_ = VectorXd();
}

}  // namespace iterative
}  // namespace henderson
