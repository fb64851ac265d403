#include "henderson/fit/fit.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "henderson/search/boundary.hpp"
#include "henderson/search/other_optima.hpp"

namespace henderson {

static std::optional<double> square(const std::optional<double>& x) {
  return x ? std::optional<double>(*x * *x) : std::nullopt;
}

bool floor_residual(Problem& problem, const CrossProducts& data) {
  if (!one_factor(problem) || problem.known_sigma2 || problem.w_yy > problem.rounding) return false;
  if (residual_degrees(problem, data) <= 0) return false;
  problem.w_yy = 1e-16 * problem.total;
  return true;
}

bool lost_digits(const Problem& problem, const CrossProducts& data, const Evaluation& at, const Optimum& optimum) {
  if (!at.ok()) return false;
  return at.cancelled > most_cancelled(problem, data) || optimum.rough ||
         (optimum.status != "converged" && optimum.status != "unbounded");
}

std::optional<double> known_sigma2(const FitOptions& options) {
  return options.held.empty() ? square(options.sigma) : std::nullopt;
}

namespace {

Searched search_once(Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor) {
  Searched out;
  if (options.held.empty()) {
    out.fitter = std::make_unique<Fitter>(problem, data, options, monitor);
    out.outcome = out.fitter->run();
    keep_optima(problem, options, monitor, out.outcome);
    if (out.outcome.identified) out.at = out.fitter->final_evaluation();
    return out;
  }
  problem.known_sigma2.reset();
  out.outcome = HeldFitter(problem, data, options, monitor).run();
  problem.known_sigma2 = square(out.outcome.sigma);
  if (out.outcome.identified) out.at = Criterion(problem, options.reml, monitor).evaluate(out.outcome.optimum.theta);
  return out;
}

}  // namespace

Searched search(Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor) {
  Searched out = search_once(problem, data, options, monitor);
  const bool exact = out.outcome.zero_residual;
  if (options.restarts == 0 && out.outcome.optimum.status == "too_many_evaluations")
    return out;  // one short search was asked for
  FitOptions again = options;
  if (exact && !in_root_form(problem)) find_saturated_root(problem, data, kSaturatedRoot);
  if (exact && saturated(problem)) {   // not fitted exactly: without residual variance
    set_root_response(problem, data);
    again.start = out.outcome.optimum.theta;
    again.restarts = 0;
    return search_once(problem, data, again, monitor);
  }
  if (!out.outcome.identified || !(exact || lost_digits(problem, data, out.at, out.outcome.optimum)) ||
      !take_root(problem, data))
    return out;
  (options.held.empty() ? again.known : again.start) = out.outcome.optimum.theta;
  if (exact) {
    problem.w_yy += 1e-14 * problem.total;
    set_root_response(problem, data);
  }
  out = search_once(problem, data, again, monitor);
  out.outcome.zero_residual = exact || out.outcome.zero_residual;
  return out;
}

bool fewer_pseudo_levels(const Problem& problem, const CrossProducts& data,
                  const std::vector<std::vector<Index>>& classes) {
  if (!one_factor(problem)) return false;
  const Index width = problem.layout->lead_q() * (data.p() + 1);
  Index rows = 0;
  for (const auto& members : classes) rows += std::min<Index>(members.size(), width);
  return 2 * rows < problem.layout->lead_levels();
}

Fit fit(const Layout& layout, const CrossProducts& data, Index response, const FitOptions& options,
        Monitor& monitor) {
  Problem problem = make_problem(layout, data, options.memory_limit, monitor);
  const bool held = !options.held.empty();
  problem.known_sigma2 = known_sigma2(options);
  const auto classes = one_factor(problem) ? levels_by_root(layout, data) : std::vector<std::vector<Index>>();
  const bool mix = fewer_pseudo_levels(problem, data, classes);
  set_response(problem, data, response, mix ? &classes : nullptr);
  const bool floored = !options.sigma && floor_residual(problem, data);
  Searched found = search(problem, data, options, monitor);
  Fit out;
  out.outcome = std::move(found.outcome);
  if (!out.outcome.identified) return out;
  out.outcome.zero_residual = floored || out.outcome.zero_residual;
  if (mix) {
    set_response(problem, data, response, nullptr);
    if (floored) floor_residual(problem, data);
  }
  const Criterion criterion(problem, options.reml, monitor);
  const Evaluation at = mix ? criterion.evaluate(out.outcome.optimum.theta) : std::move(found.at);
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
