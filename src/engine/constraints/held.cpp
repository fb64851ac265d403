#include "henderson/constraints/held.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"
#include "henderson/search/starts.hpp"

namespace henderson {

HeldFitter::HeldFitter(const Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor)
    : problem_(problem),
      layout_(*problem.layout),
      data_(data),
      options_(options),
      monitor_(monitor),
      held_(options.held),
      search_(problem, data, options.reml, monitor, options.search) {
  if (options.sigma) held_.push_back({kResidual, 0, 0, *options.sigma});
}

FitOutcome HeldFitter::run() {
  FitOutcome out;
  out.confounded = confounded_terms();
  out.identified = out.confounded.empty();
  if (!out.identified) return out;
  const VectorXd identity = identity_theta(layout_);
  std::vector<VectorXd> starts = {options_.start.size() == layout_.n_theta ? options_.start : identity};
  // Held values can make several maxima.
  if (options_.restarts != 0 && problem_.rest.factor_entries() < kAffordableEntries)
    for (const double scale : {0.2, 5.0}) starts.push_back(layout_.scaled(identity, scale));
  if (starts.size() > 1 && holds_one_of_many()) starts.push_back(free_optimum(out));
  ConstrainedPoint best;
  for (const VectorXd& start : starts) {
    best = better(best, from(start, out));
    monitor_.check();
  }
  best = drop_zeros(best, out);
  fill(best, out);
  return out;
}

ConstrainedPoint HeldFitter::better(const ConstrainedPoint& a, const ConstrainedPoint& b) {
  const double noise = 1e-10 * (1 + std::abs(b.value));
  if (a.converged && !b.converged) return a;     // b may not have what is held
  const bool take = a.theta.size() == 0 || b.value < a.value - noise || (b.converged && !a.converged);
  return take ? b : a;
}

bool HeldFitter::holds_one_of_many() const {
  return std::any_of(held_.begin(), held_.end(), [&](const Held& h) {
    return h.term != kResidual && h.row != h.col && layout_.terms[h.term].q > 2;
  });
}

VectorXd HeldFitter::free_optimum(FitOutcome& out) const {
  FitOptions free = options_;
  free.held.clear();
  const FitOutcome found = Fitter(problem_, data_, free, monitor_).run();
  out.evaluations += found.evaluations;
  return std::isfinite(found.optimum.value) ? found.optimum.theta : nearly_zero_theta(problem_);
}

ConstrainedPoint HeldFitter::from(const VectorXd& theta, FitOutcome& out) {
  const auto at = obeying(theta);
  ++out.starts;
  ConstrainedPoint found = search_.run(held_, at.first, at.second, false);
  out.evaluations += found.evaluations;
  return found;
}

std::pair<VectorXd, double> HeldFitter::obeying(const VectorXd& theta) const {
  const double sigma =
      options_.sigma ? *options_.sigma : std::sqrt(problem_.total / static_cast<double>(problem_.n)) / 2;
  VectorXd out = theta;
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
    const Term& term = layout_.terms[t];
    const bool own =
        std::any_of(held_.begin(), held_.end(), [&](const Held& h) { return h.term == static_cast<int>(t); });
    if (!own) continue;
    const MatrixXd a = search_.rows().factor(static_cast<int>(t), theta);
    VectorXd sd = sigma * a.rowwise().norm();
    MatrixXd r = a * a.transpose();
    for (Index i = 0; i < term.q; ++i)
      for (Index j = 0; j < term.q; ++j)
        r(i, j) = i == j ? 1 : sd[i] > 0 && sd[j] > 0 ? r(i, j) * (sigma / sd[i]) * (sigma / sd[j]) : 0;
    for (const Held& h : held_)
      if (h.term == static_cast<int>(t) && h.row == h.col) sd[h.row] = h.value;
    const MatrixXd l = semidefinite_cholesky(with_correlations(static_cast<int>(t), r));
    search_.rows().set_factor(static_cast<int>(t), (sd / sigma).asDiagonal() * l, out);
  }
  return {out, sigma};
}

MatrixXd HeldFitter::with_correlations(int t, MatrixXd r) const {
  const auto restore = [&] {
    r.diagonal().setOnes();
    for (const Held& h : held_)
      if (h.term == t && h.row != h.col) r(h.row, h.col) = r(h.col, h.row) = h.value;
  };
  restore();
  for (int k = 0; k < 500; ++k) {
    const SymmetricEigen eigen(r);
    const double least = 0.01 / (1 + k);
    if (eigen.eigenvalues()[0] > least / 2) break;
    r = eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(least).asDiagonal() * eigen.eigenvectors().transpose();
    restore();
  }
  return r;
}

ConstrainedPoint HeldFitter::drop_zeros(const ConstrainedPoint& found, FitOutcome& out) {
  out.singular.assign(layout_.terms.size(), false);
  for (const TermColumn& c : found.zero) out.singular[c.term] = true;
  std::vector<bool> near;
  const VectorXd near_zero = on_boundary(problem_, found.theta, near);
  std::vector<bool> changed(near.size(), false);
  std::vector<Held> held = held_;
  VectorXd theta = found.theta;
  for (std::size_t t = 0; t < near.size(); ++t) {
    const Term& term = layout_.terms[t];
    const int own = static_cast<int>(t);
    if (!near[t]) continue;
    if (term.structure->alone(term.q, 0)) {
      for (Index j = 0; j < term.q; ++j) {
        const Index entry = term.theta + *term.structure->alone(term.q, j);
        if (HeldRows::holds_sd(held_, own, j) || near_zero[entry] != 0) continue;
        held.push_back({own, j, j, 0});
        theta[entry] = 0;
        changed[t] = true;
      }
    } else if (std::none_of(held_.begin(), held_.end(), [&](const Held& h) { return h.term == own; })) {
      theta.segment(term.theta, term.n_theta) = near_zero.segment(term.theta, term.n_theta);
      changed[t] = true;
    } else {
      out.singular[t] = out.singular[t] || without_rank(found, own);
    }
  }
  if (std::find(changed.begin(), changed.end(), true) == changed.end()) return found;
  ConstrainedPoint zero = search_.run(held, theta, found.sigma);
  out.evaluations += zero.evaluations;
  if (!zero.converged || zero.value > found.value + 1e-7) return found;
  for (std::size_t t = 0; t < near.size(); ++t) out.singular[t] = out.singular[t] || changed[t];
  return zero;
}

bool HeldFitter::without_rank(const ConstrainedPoint& found, int t) const {
  MatrixXd a = search_.rows().factor(t, found.theta);
  for (Index j = 0; j < a.rows(); ++j) {
    if (contains(found.zero, t, j)) continue;
    if (!HeldRows::holds_sd(held_, t, j) && search_.rows().weight({t, j}, found.theta) <= 1e-8) return true;
    a.row(j) /= a.row(j).norm();
  }
  for (const TermColumn& c : found.zero)
    if (c.term == t) a.row(c.row).setZero();
  const SymmetricEigen eigen(a * a.transpose());
  return eigen.eigenvalues()[0] <= 1e-8;
}

void HeldFitter::fill(const ConstrainedPoint& best, FitOutcome& out) const {
  out.sigma = best.sigma;
  Optimum& optimum = out.optimum;
  optimum.theta = canonical(layout_, best.theta);
  optimum.value = best.value;
  optimum.decrement = best.decrement;
  optimum.status = best.status;
  optimum.evaluations = out.evaluations;
  if (options_.sigma) {
    if (!search_.obeys(held_, best)) lose(optimum);
    return;
  }
  const Criterion criterion(problem_, options_.reml, monitor_);
  const Evaluation at = criterion.evaluate(best.theta);
  out.zero_residual = !counts_residual(problem_) && !(at.ok() && at.r2 > 1e-13 * problem_.total);
  out.zero_sigma = !out.zero_residual && falls_to_zero(best);
  if (!search_.obeys(held_, best)) lose(optimum);
}

void HeldFitter::lose(Optimum& optimum) {
  optimum.theta.setConstant(std::numeric_limits<double>::quiet_NaN());
  optimum.value = std::numeric_limits<double>::infinity();
  optimum.status = "held_values_missed";
}

bool HeldFitter::falls_to_zero(const ConstrainedPoint& best) const {
  if (!(best.sigma * best.sigma < 1e-9 * problem_.total / static_cast<double>(problem_.n))) return false;
  Problem smaller = problem_;
  smaller.known_sigma2 = 1e-4 * best.sigma * best.sigma;
  return Criterion(smaller, options_.reml, monitor_).evaluate(layout_.scaled(best.theta, 1e2)).value <=
         best.value + 1e-8 * (1 + std::abs(best.value));
}

std::vector<int> HeldFitter::confounded_terms() const {
  const auto start = obeying(identity_theta(layout_));
  const Evaluation at = Criterion(problem_, true, monitor_).evaluate(start.first);
  if (!at.ok()) return {};
  const std::vector<Direction> directions = natural_directions(layout_, start.first);
  const Evidence evidence = natural_evidence(at, directions);
  // theta moves the natural parameters, (theta, log sigma) the absolute ones.
  const Index k = layout_.n_psi, free = layout_.n_theta;
  MatrixXd jacobian = MatrixXd::Zero(k + 1, free + 1);
  jacobian.topLeftCorner(k, free) = layout_.jacobian(start.first);
  jacobian.col(free).head(k) = 2 * layout_.scaling(layout_.psi(start.first));
  jacobian(k, free) = 2;
  const MatrixXd c = search_.constraint_gradients(held_, start.first, start.second);
  return confounded_along(layout_, evidence, jacobian * NullSpace(c).along());
}

Evidence HeldFitter::natural_evidence(const Evaluation& at, const std::vector<Direction>& directions) const {
  if (!exact_moments(problem_))
    return MomentStart(layout_, data_, problem_.response).equations(directions, problem_.n, problem_.total).evidence;
  const Criterion criterion(problem_, true, monitor_);
  return evidence_at(criterion, at, directions, moments(criterion, at, directions));
}

}  // namespace henderson
