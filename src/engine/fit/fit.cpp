#include "henderson/fit/fit.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace henderson {

bool floor_residual(Problem& problem, const CrossProducts& data) {
  const double epsilon = 64 * std::numeric_limits<double>::epsilon();
  const Index spare = problem.n - leading_rank(*problem.layout, data) - problem.p;
  if (problem.rest.columns() > 0 || spare <= 0 || problem.sigma2 > 0) return false;
  if (problem.w_yy > epsilon * epsilon * problem.square) return false;
  problem.w_yy = 1e-16 * problem.total;
  return true;
}

bool worth_mixing(const Problem& problem, const CrossProducts& data,
                  const std::vector<std::vector<Index>>& classes) {
  if (problem.rest.columns() > 0) return false;
  const Index width = problem.layout->lead_q() * (data.p() + 1);
  Index rows = 0;
  for (const auto& members : classes) rows += std::min<Index>(members.size(), width);
  return 2 * rows < problem.layout->lead_levels();
}

Fit fit(const Layout& layout, const CrossProducts& data, Index response, const FitOptions& options,
        Monitor& monitor) {
  Problem problem = make_problem(layout, data, options.memory_limit, monitor);
  const bool held = !options.held.empty();
  problem.sigma2 = held ? 0 : options.sigma * options.sigma;
  const auto classes = problem.rest.columns() > 0 ? std::vector<std::vector<Index>>() : levels_by_root(layout, data);
  const bool mix = worth_mixing(problem, data, classes);
  set_response(problem, data, response, mix ? &classes : nullptr);
  const bool floored = options.sigma == 0 && floor_residual(problem, data);
  Fitter fitter(problem, data, options, monitor);
  Fit out;
  out.outcome = held ? HeldFitter(problem, data, options, monitor).run() : fitter.run();
  if (!out.outcome.identified) return out;
  out.outcome.zero_residual = floored || out.outcome.zero_residual;
  if (mix) {
    set_response(problem, data, response, nullptr);
    if (floored) floor_residual(problem, data);
  }
  if (!held && !mix) {
    if (fitter.final_evaluation().ok()) out.solution = solve(problem, data, fitter.final_evaluation(), response);
    return out;
  }
  if (held) problem.sigma2 = out.outcome.sigma * out.outcome.sigma;
  const Criterion criterion(problem, options.reml, monitor);
  const Evaluation at = criterion.evaluate(out.outcome.optimum.theta);
  if (!at.ok()) return out;
  out.solution = solve(problem, data, at, response);
  if (held) {
    const Derivatives d = derivatives(criterion, at);
    out.outcome.optimum.gradient = d.gradient;
    out.outcome.optimum.hessian = d.hessian;
  }
  return out;
}

}  // namespace henderson
