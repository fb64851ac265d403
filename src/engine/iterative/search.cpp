#include "henderson/iterative/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "henderson/search/boundary.hpp"
#include "henderson/iterative/solution.hpp"
#include "henderson/iterative/start.hpp"
#include "henderson/linalg/error.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {
namespace iterative {

namespace {

MatrixXd positive_part(const MatrixXd& x) {
  if (x.size() == 0) return x;
  const SymmetricEigen eigen(x);
  return eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(0).asDiagonal() * eigen.eigenvectors().transpose();
}

// The entry of its factor that a parameter moves: is it on the diagonal, and how large is its row?
struct Entry {
  bool diagonal;
  double size;
};

Entry entry_of(const Term& term, const VectorXd& own, Index k) {
  const MatrixXd d = term.structure->factor_derivative(own, term.q, k), l = term.structure->factor(own, term.q);
  Index row, col;
  d.cwiseAbs().maxCoeff(&row, &col);
  return {row == col, std::max(l.row(row).norm(), std::abs(own[k]))};
}

}  // namespace

Search::Search(Model& model, const SearchOptions& options)
    : model_(model), options_(options), solver_(model.c, model.m), traces_(model, options.seed),
      natural_(natural_directions(model.layout, identity_theta(model.layout))), correction_(model.layout.n_theta),
      probes_(options.probes) {}

State Search::state(const VectorXd& theta) {
  State s;
  solver_.restart_count();
  const Point* last = now_.at.theta.size() > 0 ? &now_.at : nullptr;
  s.at = evaluate(model_, theta, options_.reml, kTight, last, solver_);
  ++out_.outcome.evaluations;
  last_ = theta;
  if (s.at.r2 <= 1e-10 * model_.problem.total) throw Error("iterative_exact", "");
  if (!(s.at.sigma2 > 0) || !std::isfinite(s.at.sigma2)) return s;
  s.moments.has_t = false;
  s.moments.ai = average_information(model_, s.at, natural_, kLoose, solver_, warm_);
  s.moments.block_quadratic = block_quadratics(model_, s.at);
  s.traces = traces_.estimate(s.at, solver_);
  s.moments.block_trace = s.traces.block;
  contract_blocks(natural_, s.moments);
  s.jacobian = model_.layout.jacobian(theta);
  s.curvature = factor_curvature(model_.layout, theta, s.moments);
  s.gradient = s.jacobian.transpose() * (s.moments.trace - s.moments.quadratic);
  const MatrixXd information = s.moments.ai - s.moments.quadratic * s.moments.quadratic.transpose() / s.at.degrees;
  s.hessian = s.jacobian.transpose() * information * s.jacobian + positive_part(s.curvature);
  s.newton = newton_step(s.gradient, s.hessian);
  out_.passes = std::max(out_.passes, solver_.passes());
  return s;
}

Precision Search::precision(const State& s) const {
  const Index k = static_cast<Index>(natural_.size()), n = s.gradient.size();
  const auto inverse = [](const MatrixXd& x) {
    const VectorXd size = x.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
    const SymmetricEigen eigen(size.asDiagonal() * x * size.asDiagonal());
    VectorXd values = eigen.eigenvalues();
    for (Index i = 0; i < values.size(); ++i) values[i] = values[i] > 1e-10 * values.maxCoeff() ? 1 / values[i] : 0;
    return MatrixXd(size.asDiagonal() * eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose() *
                    size.asDiagonal());
  };
  const VectorXd psi = model_.layout.psi(s.at.theta);
  Precision out;
  const MatrixXd move = s.jacobian * inverse(s.hessian) * s.jacobian.transpose();
  const MatrixXd relative = move * s.traces.covariance(model_.layout, natural_) * move;
  MatrixXd follow(k + 1, k);
  follow.row(k) = -s.moments.quadratic.transpose() / s.at.degrees;
  follow.topRows(k) = MatrixXd::Identity(k, k) + psi * follow.row(k);
  out.monte_carlo = follow * relative * follow.transpose();
  MatrixXd full = MatrixXd::Zero(k + 1, n + 1);
  full.topLeftCorner(k, n) = s.jacobian;
  full(k, n) = 1;
  MatrixXd h =
      full.transpose() * bordered(s.moments.ai, s.moments.quadratic, model_.layout.scaling(psi), s.at.degrees) * full;
  h.topLeftCorner(n, n) += positive_part(s.curvature);
  out.sampling = 2 * full * inverse(h) * full.transpose();
  for (Index i = 0; i <= k; ++i)
    if (out.sampling(i, i) > 0)
      out.share = std::max(out.share, 2 * std::sqrt(out.monte_carlo(i, i) / out.sampling(i, i)));
  return out;
}

// A standard deviation that the data hardly see.
double Search::faint(const Term& term) const {
  return std::sqrt(1e-3 * static_cast<double>(model_.layout.groups[term.group].levels) /
                   static_cast<double>(model_.problem.n));
}

VectorXd Search::away_from_zero(VectorXd theta) const {
  for (const Term& term : model_.layout.terms) {
    const VectorXd own = theta.segment(term.theta, term.n_theta);
    for (Index k = 0; k < term.n_theta; ++k)
      if (entry_of(term, own, k).diagonal) theta[term.theta + k] = std::max(std::abs(own[k]), faint(term));
  }
  return theta;
}

bool Search::begin() {
  const Start start = find_start(model_);
  out_.outcome.identified = start.identified;
  out_.outcome.confounded = start.terms;
  if (!start.identified) return false;
  const bool given = options_.start.size() == model_.layout.n_theta;
  traces_.set_probes(std::min(kFewProbes, probes_));
  now_ = state(away_from_zero(given ? options_.start : start.theta));
  out_.outcome.singular.assign(model_.layout.terms.size(), false);
  out_.outcome.starts = 1;
  return now_.at.sigma2 > 0;
}

// No entry of a diagonal changes by more than itself, or reaches zero; a faint one may become what is just seen. Far
// from the estimates, where other variances are wrong, none becomes fainter: its score says nothing about its estimate.
VectorXd Search::limited(const VectorXd& step) const {
  const bool far = !all_probes() && now_.newton.decrement > kFar;
  VectorXd out = step;
  for (const Term& term : model_.layout.terms) {
    const VectorXd own = now_.at.theta.segment(term.theta, term.n_theta);
    for (Index k = 0; k < term.n_theta; ++k) {
      const Entry entry = entry_of(term, own, k);
      const double size = std::abs(own[k]), sign = own[k] < 0 ? -1 : 1, most = 0.99 * size;
      const double fall = !entry.diagonal ? entry.size : far ? std::min(most, std::max(0.0, size - faint(term))) : most;
      const double rise = entry.diagonal ? std::max(most, faint(term)) : entry.size;
      double& s = out[term.theta + k];
      s = sign * std::max(-fall, std::min(rise, sign * s));
    }
  }
  return out;
}

// Does the score along the step fall enough? Where little is left to gain, what counts is that it becomes less.
bool Search::better(const State& next, const VectorXd& step, double slope) const {
  if (!(next.at.sigma2 > 0) || !next.gradient.allFinite()) return false;
  if (now_.newton.decrement <= kSettled) return next.newton.decrement < now_.newton.decrement;
  return next.gradient.dot(step) <= 0.9 * std::abs(slope);
}

bool Search::move(const VectorXd& step) {
  const double slope = now_.gradient.dot(step);
  for (double share = 1; share > 1e-3; share /= 2) {
    State next = state(now_.at.theta + share * step);
    if (better(next, step, slope)) {
      // Far away the Hessian is another one after each step.
      if (next.traces.noise.cols() == now_.traces.noise.cols() && now_.newton.decrement <= kFar)
        correction_.learn(now_.hessian, share * step, next.gradient - now_.gradient);
      now_ = std::move(next);
      now_.newton = newton_step(now_.gradient, now_.hessian + correction_.matrix());
      return true;
    }
    if (out_.outcome.evaluations >= options_.max_evaluations || now_.newton.decrement <= kSettled) break;
  }
  return false;
}

void Search::take_all_probes() {
  if (traces_.probes() != probes_) traces_.set_probes(probes_);
}

// Is the end reached, by the average information too? A correction that makes a valley steeper than it is is dropped.
bool Search::has_arrived(int& forgotten) {
  if (!(now_.newton.decrement <= options_.decrement)) return false;
  const NewtonStep plain = newton_step(now_.gradient, now_.hessian);
  if (plain.decrement <= kSettled) return true;
  if (forgotten++ >= kMostForgotten) return false;
  correction_ = HessianCorrection(now_.gradient.size());
  now_.newton = plain;
  return false;
}

void Search::newton() {
  std::string& status = out_.outcome.optimum.status;
  status = "converged";
  correction_ = HessianCorrection(now_.gradient.size());
  int forgotten = 0;
  while (true) {
    if (now_.newton.decrement <= kFar) take_all_probes();
    const bool arrived = has_arrived(forgotten);
    report();
    if (arrived && all_probes()) return;
    if (out_.outcome.evaluations >= options_.max_evaluations) {
      status = "too_many_evaluations";
      return;
    }
    if (!arrived && move(limited(now_.newton.step))) continue;
    if (all_probes()) break;
    take_all_probes();
    now_ = state(now_.at.theta);
  }
  if (left() > kSettled) status = "no_further_progress";
}

// Exactly singular where the score there says that the variance does not want to grow.
void Search::settle_boundary() {
  std::vector<bool> singular;
  const VectorXd candidate = on_boundary(model_.problem, now_.at.theta, singular);
  out_.outcome.singular.assign(singular.size(), false);
  if (candidate == now_.at.theta) {
    out_.outcome.singular = singular;
    return;
  }
  State there = state(candidate);
  const MatrixXd information =
      there.moments.ai - there.moments.quadratic * there.moments.quadratic.transpose() / there.at.degrees;
  const NewtonStep step =
      newton_step(there.gradient, there.jacobian.transpose() * information * there.jacobian + there.curvature);
  if (!step.convex) out_.outcome.optimum.status = "no_further_progress";   // it wants to grow
  if (!step.convex || !(step.decrement < 1e-6)) return;
  now_ = std::move(there);
  out_.outcome.singular = singular;
}

void Search::report() const {
  if (!options_.report) return;
  const double share = all_probes() ? precision(now_).share : std::numeric_limits<double>::quiet_NaN();
  options_.report(out_.outcome.evaluations, out_.passes, traces_.probes(), now_.newton.decrement, share);
}

IterativeFit Search::run() {
  if (!begin()) return out_;
  climb();
  for (const Cancelling& columns : cancelling_columns(model_.layout, model_.data)) search_cancelling(columns);
  finish();
  return out_;
}

void Search::climb() {
  bool again = false;
  while (true) {
    newton();
    if (out_.outcome.optimum.status == "converged") settle_boundary();
    if (out_.outcome.optimum.status == "no_further_progress" && !again) {
      again = true;                                          // from where no variance is lost at zero
      now_ = state(away_from_zero(now_.at.theta));
      continue;
    }
    out_.precision = precision(now_);
    const double left = now_.newton.decrement;   // the search's own error counts too
    if (left > 0 && left <= kSettled) out_.precision.monte_carlo += left * out_.precision.sampling;
    if (!(out_.precision.share > kLargestShare) || out_.outcome.optimum.status != "converged") break;
    if (traces_.fix_more_levels()) {
      now_ = state(away_from_zero(now_.at.theta));
      continue;
    }
    if (traces_.probes() >= options_.most_probes) break;
    probes_ = std::min(2 * probes_, options_.most_probes);
    take_all_probes();
    now_ = state(away_from_zero(now_.at.theta));
  }
}

void Search::finish() {
  Optimum& o = out_.outcome.optimum;
  const VectorXd theta = canonical(model_.layout, now_.at.theta);
  const std::string status = o.status;
  if (theta != last_) now_ = state(theta);
  const bool settled = status != "converged" || left() <= kSettled;
  const Point exact = evaluate(model_, theta, options_.reml, 1e-10, &now_.at, solver_);
  const bool lost =
      status != "converged" && exact.r2 < 1e-6 * model_.problem.total;  // rounding is left of the residual
  if (lost || !(exact.sigma2 > 0) || !now_.gradient.allFinite() || now_.gradient.size() == 0)
    throw Error("iterative_exact", "");
  const LogDeterminant log_det = log_determinant(model_, traces_, options_.seed, traces_.probes());
  out_.value_error = log_det.error;
  o.theta = theta;
  o.value = criterion(model_, exact, log_det.value);
  o.gradient = now_.gradient;
  o.hessian = now_.hessian;
  o.decrement = now_.newton.decrement;
  o.status = settled ? status : "no_further_progress";
  o.evaluations = out_.outcome.evaluations;
  out_.outcome.exact_hessian = false;
  out_.probes = traces_.probes();
  out_.solution = solution(model_, exact, o.value);
}

IterativeFit fit(const Layout& layout, const CrossProducts& data, Index response, const SearchOptions& options,
                 Checkpoint& checkpoint) {
  Model model(layout, data, response, options.threads, checkpoint);
  return Search(model, options).run();
}

}  // namespace iterative
}  // namespace henderson
