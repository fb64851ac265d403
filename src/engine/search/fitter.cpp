#include "henderson/search/fitter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

constexpr int kBriefSearch = 40;   // evaluations of a search where the residual variance may vanish, and of one of many
constexpr double kFarLower = 4;    // two units of log-likelihood

FitOutcome Fitter::run() {
  const Layout& layout = *problem_.layout;
  VectorXd center = identity_theta(layout);
  if (options_.start.size() == layout.n_theta) {
    search(options_.start);
    center = options_.start;
  } else {
    const Start start = find_start(problem_, data_, monitor_, out_.evaluations);
    out_.identified = start.identified;
    out_.confounded = start.terms;
    if (!start.identified) return out_;
    search(start.theta);
  }
  search_again(center);
  if (saturated(problem_) && out_.optimum.status == "too_many_evaluations" &&
      options_.search.max_evaluations > kBriefSearch)
    search(out_.optimum.theta, options_.search);
  if (std::isfinite(out_.optimum.value)) finish();
  return out_;
}

bool Fitter::intricate() const {
  for (const Term& term : problem_.layout->terms)
    if (correlated(*term.structure, term.q)) return problem_.layout->n_theta > 3;
  return false;
}

void Fitter::search_again(const VectorXd& center) {
  const bool more = options_.restarts != 0 && problem_.layout->bounded();
  if (more && std::isfinite(out_.optimum.value) && can_lack_residual())
    for (const VectorXd& theta : {VectorXd(out_.optimum.theta), center}) search_without_residual(theta);
  const bool lost = !std::isfinite(out_.optimum.value) || out_.optimum.status != "converged";
  std::vector<Cancelling> cancelling;
  if (options_.restarts != 0) cancelling = cancelling_columns(*problem_.layout, data_);
  // Where the residual variance vanished there may be another optimum at which it does not.
  if (lost ? !hopeless() : (out_.zero_sigma || !cancelling.empty() || near_boundary()) && !unimodal(problem_, data_)) {
    const VectorXd starts[] = {nearly_zero_theta(problem_), problem_.layout->scaled(center, 0.2), center,
                               problem_.layout->scaled(center, 5)};
    const bool ours = !options_.restarts || (lost && *options_.restarts > 0);
    const int wanted = ours ? (lost || out_.zero_sigma || intricate() ? 4 : 1) : std::min(*options_.restarts, 4);
    for (int k = 0; k < wanted && affordable(); ++k) search(starts[k]);
    if (!options_.restarts && (problem_.layout->terms.size() > 1 || small_within())) search_large();
  }
  if (!options_.restarts && more && (crowded(problem_) || (options_.no_constant && problem_.layout->n_theta > 1)))
    search_scattered();
  if (options_.known.size() > 0) search(options_.known);
  if (!std::isfinite(out_.optimum.value) || hopeless()) return;
  for (const Cancelling& columns : cancelling) {
    search_cancelling(columns, VectorXd(out_.optimum.theta));
    // A structured term may have taken over what these columns explain.
    if (problem_.layout->terms.size() > 1) search_cancelling(columns, nearly_zero_theta(problem_));
  }
}

// Do levels agree much better within than the optimum says? Then one large variance may be a second optimum.
bool Fitter::small_within() const {
  const Index degrees = residual_degrees(problem_, data_);
  return degrees <= 0 || problem_.w_yy < 0.25 * static_cast<double>(degrees) * final_.last().sigma2;
}

// The one with the smallest criterion below `value`, empty if there is none.
VectorXd Fitter::lowest_of(const std::vector<VectorXd>& thetas, double value) {
  VectorXd best;
  for (const VectorXd& theta : thetas) {
    const double here = criterion_.evaluate(theta).value;
    ++out_.evaluations;
    if (!(here < value)) continue;
    value = here;
    best = theta;
  }
  return best;
}

void Fitter::search_large() {
  if (!affordable() || !std::isfinite(out_.optimum.value)) return;
  const VectorXd best = lowest_of(large_thetas(*problem_.layout, out_.optimum.theta), out_.optimum.value + 10);
  if (best.size() > 0) search(best);
}

void Fitter::search_scattered() {
  const Index wanted = scattered_count(problem_);
  if (wanted == 0) return;
  ScatteredStarts starts(problem_, data_);
  const auto before = static_cast<std::ptrdiff_t>(out_.ends.size());
  Options brief = options_.search;
  brief.max_evaluations = std::min(brief.max_evaluations, kBriefSearch);
  for (Index k = 0; k < wanted && affordable() && !hopeless(); ++k) search(starts.next(), brief);
  // So many starts end at far lower maxima too, which say nothing of the best one.
  const double far = out_.optimum.value + kFarLower;
  const auto is_far = [far](const KnownOptimum& end) { return end.value > far; };
  out_.ends.erase(std::remove_if(out_.ends.begin() + before, out_.ends.end(), is_far), out_.ends.end());
}

void Fitter::search_cancelling(const Cancelling& columns, const VectorXd& others) {
  if (!affordable()) return;
  std::vector<VectorXd> thetas;
  for (int k = -2; k <= 4; ++k)
    thetas.push_back(with_cancelling(columns, std::pow(10.0, k), others));
  const VectorXd best = lowest_of(thetas, std::numeric_limits<double>::infinity());
  if (best.size() > 0) search(best);
}

void Fitter::search(const VectorXd& start) {
  Options brief = options_.search;
  if (saturated(problem_)) brief.max_evaluations = std::min(brief.max_evaluations, kBriefSearch);
  search(start, brief);
}

void Fitter::search(const VectorXd& start, const Options& options) {
  SearchFunction f(criterion_);
  const bool brief = !saturated(problem_) && options.max_evaluations < options_.search.max_evaluations;
  const bool first = out_.starts == 0, known = !first && out_.optimum.status == "converged";
  bool vanishing = false;
  Lead lead = Lead::unknown;
  f.leave_if([&](const SearchFunction& g, const VectorXd& theta, double value, const NewtonStep& newton) {
    vanishing = residual_vanishes(theta, value);
    if (known && !vanishing)
      lead = lead_of(problem_, known_optimum(g), theta, value, newton, g.moved(theta, newton.step));
    return vanishing || lead != Lead::unknown;
  });
  Optimum found = minimize(f, start, options, monitor_);
  if (found.status == "too_many_evaluations" && brief && found.value < out_.optimum.value) {
    out_.evaluations += found.evaluations;
    found = minimize(f, found.theta, options_.search, monitor_);
  }
  f.leave_if(nullptr);
  ++out_.starts;
  out_.evaluations += found.evaluations;
  if (vanishing) {
    found = without_residual(found.theta);
    vanishing = !freed(found);
    f.value(found.theta);
  } else if (found.status == "left") {
    if (lead == Lead::higher && f.exact()) out_.ends.push_back({found.theta, found.value, f.noise()});
    return;
  }
  take(std::move(found), std::move(f), vanishing);
}

void Fitter::take(Optimum found, SearchFunction f, bool vanishing) {
  const double noise = 1e-9 * (1 + std::abs(found.value)) * 1e-3 + f.noise();
  const bool first = final_.last().theta.size() == 0;
  // What one of many starts finds in rounding error says nothing against an optimum above it.
  if (!first && out_.optimum.status == "converged" && rounding_only(found.status, f.last()) && !rounding_only()) return;
  if (first || found.value < out_.optimum.value - noise ||
      (out_.optimum.status != "converged" && found.status == "converged" && found.value < out_.optimum.value + noise)) {
    const bool end = !first && out_.optimum.status == "converged";
    if (end) out_.ends.push_back({out_.optimum.theta, out_.optimum.value, noise});
    out_.optimum = std::move(found);
    out_.exact_hessian = f.exact();
    out_.zero_sigma = vanishing;
    final_ = std::move(f);
  } else if (found.status == "converged" && f.exact()) {
    out_.ends.push_back({found.theta, found.value, noise});
  }
}

bool Fitter::can_lack_residual() const {
  return !problem_.known_sigma2 && !out_.zero_sigma && out_.optimum.status != "unbounded" &&
         counts_residual(problem_) && residual_degrees(problem_, data_) <= 0;
}

void Fitter::search_without_residual(const VectorXd& theta) {
  if (!(largest_ratio(problem_, theta) > 0)) return;
  Optimum limit = without_residual(theta);
  ++out_.starts;
  if (limit.status == "unbounded" && out_.optimum.status == "converged") {
    out_.unbounded = true;
    return;
  }
  SearchFunction f(criterion_);
  if (!(limit.value < out_.optimum.value) || !std::isfinite(f.value(limit.theta))) return;
  const bool vanishing = !freed(limit);
  f.value(limit.theta);
  take(std::move(limit), std::move(f), vanishing);
}

bool Fitter::freed(Optimum& limit) {
  const double tiny = 1e-8 * (1 + std::abs(limit.value));
  ++out_.evaluations;
  if (limit.status == "unbounded" ||
      criterion_.evaluate(problem_.layout->scaled(limit.theta, 10)).value <= limit.value + tiny)
    return false;
  SearchFunction f(criterion_);
  Optimum inner = minimize(f, limit.theta, options_.search, monitor_);
  out_.evaluations += inner.evaluations;
  if (inner.status != "converged" || !(inner.value < limit.value - tiny)) return false;
  limit = std::move(inner);
  return true;
}

bool Fitter::residual_vanishes(const VectorXd& theta, double value) {
  if (problem_.known_sigma2 || !problem_.layout->bounded() || !counts_residual(problem_)) return false;
  if (largest_ratio(problem_, theta) < 1e5 || residual_degrees(problem_, data_) > 0) return false;
  ++out_.evaluations;
  return criterion_.evaluate(problem_.layout->scaled(theta, 100)).value < value;
}

Optimum Fitter::without_residual(const VectorXd& from) {
  const double farthest = in_root_form(problem_) ? 1e11 : 1e10;
  const VectorXd start = problem_.layout->scaled(from, std::sqrt(farthest / largest_ratio(problem_, from)));
  Problem held = problem_;
  held.known_sigma2 = criterion_.evaluate(start).sigma2;
  const Criterion criterion(held, options_.reml, monitor_);
  SearchFunction f(criterion);
  Optimum out = minimize(f, start, options_.search, monitor_);
  out_.evaluations += out.evaluations + 2;
  out.value = criterion_.evaluate(out.theta).value;
  if (criterion_.evaluate(problem_.layout->scaled(out.theta, 10)).value < out.value - 0.5) out.status = "unbounded";
  return out;
}

bool Fitter::rounding_only(const std::string& status, const Evaluation& at) const {
  const double share = status != "converged" ? 1e-10 : in_root_form(problem_) ? 1e-24 : 1e-13;
  return !problem_.known_sigma2 && !counts_residual(problem_) && !(at.r2 > share * problem_.total);
}

bool Fitter::hopeless() const {
  if (!std::isfinite(out_.optimum.value)) return options_.start.size() > 0;
  return out_.optimum.status == "unbounded" || rounding_only();
}

bool Fitter::near_boundary() const {
  const Layout& layout = *problem_.layout;
  if (!layout.bounded()) return false;
  std::vector<bool> singular;
  on_boundary(problem_, out_.optimum.theta, singular);
  if (std::find(singular.begin(), singular.end(), true) != singular.end() || !final_.plain()) return true;
  if (!exact_moments(problem_)) return false;
  const Eigen::LDLT<MatrixXd> factor(out_.optimum.hessian);
  if (factor.info() != Eigen::Success || !factor.isPositive()) return true;
  const VectorXd variance = 2 * factor.solve(MatrixXd::Identity(layout.n_theta, layout.n_theta)).diagonal();
  for (const Term& term : layout.terms)
    for (const Index pivot : term.structure->pivots(term.q)) {
      const Index k = term.theta + pivot;
      if (!(std::pow(out_.optimum.theta[k], 2) > 2 * variance[k])) return true;
    }
  return false;
}

void Fitter::finish() {
  std::vector<bool> singular;
  const double far = out_.zero_sigma ? 1e-2 * largest_ratio(problem_, out_.optimum.theta) : 1;
  const VectorXd candidate = on_boundary(problem_, out_.optimum.theta, singular, far);
  out_.singular.assign(singular.size(), false);
  VectorXd theta = out_.optimum.theta;
  if (candidate == theta || is_optimum(candidate)) {
    theta = candidate;
    out_.singular = singular;
  }
  theta = canonical(*problem_.layout, theta);
  if (theta != final_.last().theta || theta != out_.optimum.theta || !final_.plain()) move_to(theta);
  out_.optimum.evaluations = out_.evaluations;
  out_.rounding = final_.noise();
  out_.zero_sigma = out_.zero_sigma || falls_to_zero();
  out_.zero_residual = rounding_only();
}

bool Fitter::falls_to_zero() const {
  if (problem_.known_sigma2 || !problem_.layout->bounded() || largest_ratio(problem_, out_.optimum.theta) < 1e8)
    return false;
  return criterion_.evaluate(problem_.layout->scaled(out_.optimum.theta, 1e3)).value <=
         out_.optimum.value + 1e-8 * (1 + std::abs(out_.optimum.value));
}

bool Fitter::is_optimum(const VectorXd& candidate) {
  const double value = final_.value(candidate);
  if (!std::isfinite(value) || value > out_.optimum.value + 1e-7 + final_.noise()) return false;
  VectorXd gradient;
  MatrixXd hessian;
  final_.derivatives(candidate, gradient, hessian);
  const NewtonStep newton = newton_step(gradient, hessian);
  return newton.convex && newton.decrement < 1e-7;
}

void Fitter::move_to(const VectorXd& theta) {
  out_.optimum.theta = theta;
  out_.optimum.value = final_.value(theta);
  final_.derivatives(theta, out_.optimum.gradient, out_.optimum.hessian);
  out_.optimum.decrement = newton_step(out_.optimum.gradient, out_.optimum.hessian).decrement;
  if (!final_.plain()) final_.plain_derivatives(theta, out_.optimum.gradient, out_.optimum.hessian);
}

}  // namespace henderson
