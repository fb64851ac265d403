#include "henderson/structured/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/search/starts.hpp"
#include "henderson/structured/confounded.hpp"

namespace henderson {

double StructuredFunction::value(const VectorXd& x) {
  at_ = criterion_->evaluate(x.head(n_theta()), x.tail(x.size() - n_theta()));
  return at_.value;
}

void StructuredFunction::derivatives(const VectorXd& x, VectorXd& gradient, MatrixXd& hessian) {
  if (x.head(n_theta()) != at_.theta || x.tail(x.size() - n_theta()) != at_.psi) value(x);
  const StructuredProblem& pr = criterion_->problem();
  const std::vector<RandomDirection> random = directions();
  const StructuredSums s = structured_sums(*criterion_, at_, random, average_ ? Wanted::search : Wanted::exact);
  const StructuredMoments m = structured_moments(s, at_, pr.reml);
  const VectorXd slope = m.trace - m.quadratic;
  MatrixXd h = 2 * m.ai - m.t;
  if (!pr.known_sigma2) h -= m.quadratic * m.quadratic.transpose() / at_.degrees;
  const Index u = s.random, r = s.residual;
  h.topLeftCorner(u, u) += random_curvature(s);
  h.bottomRightCorner(r, r) += m.residual_curvature;
  MatrixXd j = MatrixXd::Identity(u + r, u + r);
  j.bottomRightCorner(r, r) = pr.residual.jacobian(at_.psi);
  gradient = j.transpose() * slope;
  hessian = j.transpose() * h * j;
  hessian.bottomRightCorner(r, r) += pr.residual.curvature(at_.psi, slope.tail(r));
}

VectorXd StructuredFunction::moved(const VectorXd& x, const VectorXd& step) const {
  const Index u = n_theta(), r = x.size() - u;
  VectorXd out(x.size());
  out << x.head(u) + step.head(u), criterion_->problem().residual.moved(x.tail(r), step.tail(r));
  return out;
}

double StructuredFunction::noise() const {
  return 16 * std::numeric_limits<double>::epsilon() *
         (std::abs(at_.log_det_v) + std::abs(at_.log_det_x) + at_.degrees * (1 + std::abs(std::log(at_.sigma2))));
}

std::vector<RandomDirection> StructuredFunction::directions() const {
  std::vector<RandomDirection> out;
  const Layout& layout = criterion_->problem().layout;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const VectorXd own = term.own(at_.theta);
    for (Index k = 0; k < term.n_theta; ++k)
      out.push_back({static_cast<int>(t), term.group,
                     embedded(layout, term, term.structure->sigma_derivative(own, term.q, k))});
  }
  return out;
}

MatrixXd StructuredFunction::embedded(const Layout& layout, const Term& term, const MatrixXd& e) {
  MatrixXd out = MatrixXd::Zero(layout.groups[term.group].q, layout.groups[term.group].q);
  out.block(term.column, term.column, term.q, term.q) = e;
  return out;
}

MatrixXd StructuredFunction::random_curvature(const StructuredSums& s) const {
  const StructuredProblem& pr = criterion_->problem();
  MatrixXd out = MatrixXd::Zero(s.random, s.random);
  for (const Term& term : pr.layout.terms) {
    const MatrixXd whole =
        s.level_t[term.group] - (pr.reml ? 1.0 : 0.0) * s.level_x[term.group] - s.level_e[term.group] / at_.sigma2;
    const MatrixXd score = whole.block(term.column, term.column, term.q, term.q);
    const VectorXd own = term.own(at_.theta);
    for (Index k = 0; k < term.n_theta; ++k)
      for (Index j = 0; j <= k; ++j) {
        const MatrixXd half = term.structure->half_curvature(own, term.q, k, j);
        out(term.theta + k, term.theta + j) = out(term.theta + j, term.theta + k) = 2 * score.cwiseProduct(half).sum();
      }
  }
  return out;
}

bool StructuredFunction::leave(const VectorXd& x, double, const NewtonStep& newton) const {
  const std::vector<ResidualParameter> own = criterion_->problem().residual.parameters();
  for (std::size_t k = 0; k < own.size(); ++k)
    if (as_good_as_infinite(own[k].kind, x[n_theta() + static_cast<Index>(k)], farthest_))
      return newton.decrement < 0.01;
  return false;
}

StructuredSearch::StructuredSearch(const StructuredProblem& problem, const ResidualMoments& moments,
                                   const StructuredOptions& options, Monitor& monitor)
    : pr_(problem), moments_(moments), options_(options), monitor_(monitor), criterion_(problem, monitor) {}

StructuredOutcome StructuredSearch::run() {
  const std::vector<VectorXd> starts = candidates();
  if (!identified(starts)) return std::move(out_);
  if (!found_alone(starts)) search_all(starts);
  search_alternatives();
  settle_kinks();
  settle_ranges();
  move_to_boundary();
  settle();
  return std::move(out_);
}

// Are the random effects identified, by the information where their structures start (at loadings or ranges of 0 it
// contains nothing) and the first residual parameters with a value? The start of an earlier search is not asked.
bool StructuredSearch::identified(const std::vector<VectorXd>& starts) {
  const Index u = pr_.layout.n_theta;
  if (u == 0 || (options_.psi.size() > 0 && !options_.more)) return true;
  const VectorXd identity = identity_theta(pr_.layout);
  for (const VectorXd& start : starts) {
    const StructuredPoint at = criterion_.evaluate(identity, start.tail(start.size() - u));
    ++out_.evaluations;
    if (!at.ok()) continue;
    out_.confounded = confounded_terms(criterion_, at);
    break;
  }
  return out_.confounded.empty();
}

void StructuredSearch::search_all(const std::vector<VectorXd>& starts) {
  std::vector<std::size_t> order = ranked(starts);
  std::size_t wanted = 1;
  if (pr_.residual.structure().searches_every_start()) {
    wanted = std::min(each_once(order, starts), kMostStarts) + 1;
    apart(order, starts);
  } else if (several_optima()) {
    apart(order, starts);
    wanted = 2;
  }
  for (std::size_t k = 0; k < order.size(); ++k) {
    const bool enough = k >= wanted && out_.optimum.status == "converged";
    if (enough && !(k == 1 && singular_now()) && !(several_optima() && k < kEdgeStarts && at_edge())) break;
    search(starts[order[k]]);
  }
}

// The first of the starts is enough where its search ends at a range between the shortest and the longest distance.
bool StructuredSearch::found_alone(const std::vector<VectorXd>& starts) {
  if (!single_range() || starts.empty()) return false;
  search(starts[0]);
  const double range = out_.at.ok() ? out_.at.psi[0] : 0;
  return out_.optimum.status == "converged" && range > moments_.shortest && range < moments_.longest;
}

// One range along a line, no random effects, and a start from the neighbors: other optima are at the edges.
bool StructuredSearch::single_range() const {
  return pr_.layout.n_theta == 0 && pr_.residual.size() == 1 && pr_.residual.chain(0) >= 0 && !moments_.pairs.empty() &&
         options_.psi.size() == 0 && pr_.residual.parameters()[0].kind == ResidualKind::range;
}

// Has a random effect lost its variance? Such an end of the search may be one of two.
bool StructuredSearch::singular_now() const {
  std::vector<bool> singular;
  if (!out_.at.ok()) return true;
  on_boundary(pr_.layout, pr_.n, out_.at.theta, singular);
  return std::find(singular.begin(), singular.end(), true) != singular.end();
}

// Has it lost a variance, or a range that is beyond or below all distances? Random effects and ranges then stand in for
// each other.
bool StructuredSearch::at_edge() const {
  if (singular_now()) return true;
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  for (std::size_t k = 0; k < own.size() && !separable(); ++k)
    if (own[k].kind == ResidualKind::range &&
        (out_.at.psi[static_cast<Index>(k)] > 2 * moments_.longest ||
         out_.at.psi[static_cast<Index>(k)] < moments_.shortest / 5))
      return true;
  return false;
}

// A search that is left for an infinite range has converged in all else. One with the average information that comes to
// no end, as it may where the model is far from the data, goes on with the Hessian where that is affordable.
Optimum StructuredSearch::minimized(StructuredFunction& f, const VectorXd& start) {
  const bool both = !f.exact() && bytes_of_sums(pr_, false) <= kAffordableBytes;
  Options own = options_.search;
  if (both) own.max_evaluations = std::min(own.max_evaluations, kAverageEvaluations);
  Optimum out = minimize(f, start, own, monitor_);
  if (both && out.status != "converged" && out.status != "left" && std::isfinite(out.value)) {
    f.use_exact();
    const int before = out.evaluations;
    out = minimize(f, out.theta, options_.search, monitor_);
    out.evaluations += before;
  }
  if (out.status == "left") out.status = "converged";
  out.hessian = out.plain_hessian;
  out_.evaluations += out.evaluations;
  return out;
}

double StructuredSearch::noise_of(const StructuredFunction& f, const Optimum& found) {
  return 1e-12 * (1 + std::abs(found.value)) + f.noise();
}

void StructuredSearch::search(const VectorXd& start) {
  StructuredFunction f(criterion_, farthest());
  Optimum found = minimized(f, start);
  ++out_.starts;
  if (!std::isfinite(found.value)) {
    if (out_.starts == 1) out_.optimum = found;
    return;
  }
  const double noise = noise_of(f, found);
  const bool better =
      out_.starts == 1 || !std::isfinite(out_.optimum.value) || found.value < out_.optimum.value - noise ||
      (out_.optimum.status != "converged" && found.status == "converged" && found.value < out_.optimum.value + noise);
  if (better) take(f, std::move(found));
}

void StructuredSearch::take(const StructuredFunction& f, Optimum found) {
  const Index u = pr_.layout.n_theta, r = pr_.residual.size();
  out_.at = f.last();
  if (out_.at.theta != found.theta.head(u) || out_.at.psi != found.theta.tail(r))
    out_.at = criterion_.evaluate(found.theta.head(u), found.theta.tail(r));
  out_.optimum = std::move(found);
}

void StructuredSearch::move_to_boundary() {
  const Layout& layout = pr_.layout;
  out_.singular.assign(layout.terms.size(), false);
  if (!out_.at.ok()) return;
  const VectorXd theta = on_boundary(layout, pr_.n, out_.at.theta, out_.singular);
  if (theta == out_.at.theta) return;
  const StructuredPoint there = criterion_.evaluate(theta, out_.at.psi);
  ++out_.evaluations;
  if (there.ok() && there.value <= out_.at.value + 1e-7) {
    out_.at = there;
    out_.optimum.theta.head(theta.size()) = theta;
    out_.optimum.value = there.value;
  } else {
    out_.singular.assign(layout.terms.size(), false);
  }
}

StructuredPoint absolute_point(StructuredProblem& problem, const StructuredPoint& at, Checkpoint& checkpoint) {
  const double scale = at.sigma2;
  VectorXd theta = at.theta, psi = at.psi;
  for (const Term& term : problem.layout.terms) {
    theta.segment(term.theta, term.n_theta) = term.structure->scaled(term.own(theta), term.q, std::sqrt(scale));
  }
  const std::vector<ResidualParameter> all = problem.residual.parameters();
  for (Index k = 0; k < psi.size(); ++k)
    if (all[k].kind == ResidualKind::variance || all[k].kind == ResidualKind::covariance) psi[k] *= scale;
  problem.known_sigma2 = 1;
  return StructuredCriterion(problem, checkpoint).evaluate(theta, psi);
}

}  // namespace henderson
