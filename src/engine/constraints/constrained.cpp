#include "henderson/constraints/constrained.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

ConstrainedSearch::ConstrainedSearch(const Problem& problem, const CrossProducts& data, bool reml, Monitor& monitor,
                                     const Options& options)
    : rows_(*problem.layout, data), criterion_(problem, reml, monitor), monitor_(monitor), options_(options) {
  if (!problem.layout->bounded()) throw Error("input", "parameters cannot be held where variances may be negative");
}

Options ConstrainedSearch::profile_options() {
  Options out;
  out.decrement = 1e-13;
  out.decrement_inexact = 1e-10;
  return out;
}

ConstrainedPoint ConstrainedSearch::run(const std::vector<Held>& held, const VectorXd& theta, double sigma,
                                        bool early) const {
  Task task{held, {}, {}, 0};
  if (!early) task.firm = rows_.collapsible(held);
  for (const TermColumn& c : rows_.collapsible(held))
    if (rows_.weight(c, theta) <= 1e-20) task.zero.push_back(c);
  ConstrainedPoint best = settle(task, rows_.without(task.zero, theta), sigma);
  for (std::size_t round = 0; round < 4 && best.converged && !best.zero.empty(); ++round) {
    const Exit exit = way_out(held, best);
    if (!exit.found) break;
    task.zero = best.zero;
    task.zero.erase(std::find(task.zero.begin(), task.zero.end(), exit.column));
    task.firm.push_back(exit.column);
    task.used = best.evaluations;
    ConstrainedPoint next = settle(task, rows_.with_row(exit.column, exit.row, best.theta), best.sigma);
    best.evaluations = next.evaluations;
    if (!next.converged || next.value >= best.value - noise(best.value)) break;
    best = next;
  }
  return best;
}

bool ConstrainedSearch::obeys(const std::vector<Held>& held, const ConstrainedPoint& at) const {
  const Constraints c = rows_.constraints(held, at.zero, at.theta, std::log(at.sigma));
  return (c.gap.array().abs() <= kMet).all();
}

MatrixXd ConstrainedSearch::constraint_gradients(const std::vector<Held>& held, const VectorXd& theta,
                                                 double sigma) const {
  return rows_.constraints(held, {}, theta, std::log(sigma)).gradient;
}

ConstrainedPoint ConstrainedSearch::settle(Task task, const VectorXd& theta, double sigma) const {
  ConstrainedPoint here = follow(task, theta, sigma), fallback;
  while (here.status == "collapsing") {
    Task smaller = task;
    smaller.zero.insert(smaller.zero.end(), here.zero.begin(), here.zero.end());
    smaller.used = here.evaluations;
    const ConstrainedPoint without = settle(smaller, rows_.without(here.zero, here.theta), here.sigma);
    if (without.status == "too_many_evaluations" ||
        (without.converged && without.value <= here.value + noise(here.value)))
      return without;
    task.firm.insert(task.firm.end(), here.zero.begin(), here.zero.end());
    task.used = without.evaluations;
    if (without.converged && without.value < fallback.value) fallback = without;
    const bool nothing =
        std::any_of(here.zero.begin(), here.zero.end(), [&](const TermColumn& c) { return negligible(c, here.theta); });
    if (nothing) return without;
    here = follow(task, here.theta, here.sigma);
  }
  if (here.converged || !fallback.converged) return here;
  fallback.evaluations = here.evaluations;
  return fallback;
}

bool ConstrainedSearch::search_line(const Task& task, const Point& here, const Step& step, double length, bool obeys,
                                    Point& trial, int& evaluations) const {
  for (int halving = 0; halving < 25 && evaluations < options_.max_evaluations; ++halving, length /= 2) {
    VectorXd theta = here.theta + length * step.theta;
    double log_sigma = here.log_sigma + length * step.log_sigma;
    if (!restore(task, theta, log_sigma)) continue;
    trial = evaluate(theta, log_sigma, task);
    ++evaluations;
    if (std::isfinite(trial.value) && (!obeys || trial.value <= here.value + noise(here.value))) return true;
  }
  return false;
}

ConstrainedPoint ConstrainedSearch::follow(const Task& task, VectorXd theta, double sigma) const {
  ConstrainedPoint out;
  out.evaluations = task.used + 1;
  out.zero = task.zero;
  double log_sigma = std::log(sigma);
  // Far away in its own unit a row must come to its length first: a step would lose it among the others.
  const VectorXd gap = rows_.constraints(task.held, task.zero, theta, log_sigma).gap;
  const bool near = (gap.array().abs() <= 1e-6).all(), far = (gap.array().abs() > 10).any();
  VectorXd moved = theta;
  double moved_sigma = log_sigma;
  if ((near || far) && restore(task, moved, moved_sigma)) {
    theta = moved;
    log_sigma = moved_sigma;
  }
  Point here = evaluate(theta, log_sigma, task);
  HessianCorrection correction(theta.size() + 1);
  std::vector<TermColumn> shrunk;
  double before = std::numeric_limits<double>::infinity();
  while (std::isfinite(here.value)) {
    const bool obeys = (here.held.gap.array().abs() <= kMet).all();
    const Step step = solve(here, correction.matrix());
    out.decrement = step.decrement;
    monitor_.on_iteration(out.evaluations, here.value, step.decrement);
    monitor_.check();
    if (obeys && enough(step.decrement, before, here)) {
      out.status = "converged";
      break;
    }
    before = step.decrement;
    std::vector<TermColumn> vanishing;
    const double length = longest(task, here, step, vanishing);
    out.zero = leaving(task, here, shrunk, vanishing);
    if (!out.zero.empty()) {
      out.status = "collapsing";
      break;
    }
    out.zero = task.zero;
    shrunk = vanishing;
    Point trial;
    if (!search_line(task, here, step, length, obeys, trial, out.evaluations)) {
      if (obeys && step.decrement <= 1e-8) out.status = "converged";
      else if (out.evaluations >= options_.max_evaluations) out.status = "too_many_evaluations";
      break;
    }
    if (!here.exact && step.decrement < 1 && step.decrement > 1e-8) learn(here, trial, correction);
    here = trial;
  }
  out.converged = out.status == "converged";
  out.value = here.value;
  out.theta = here.theta;
  out.sigma = std::exp(here.log_sigma);
  return out;
}

bool ConstrainedSearch::restore(const Task& task, VectorXd& theta, double& log_sigma) const {
  double before = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 30; ++k) {
    const Constraints c = rows_.constraints(task.held, task.zero, theta, log_sigma);
    if (c.gap.size() == 0) return true;
    const double gap = c.gap.cwiseAbs().maxCoeff();
    if (!std::isfinite(gap)) return false;
    if (gap <= 1e-15 || (gap <= kMet && gap >= before / 2)) return true;
    before = gap;
    const VectorXd step = NullSpace(c.gradient).restore(c.gap);
    theta += step.head(theta.size());
    log_sigma += step[theta.size()];
  }
  return before <= kMet;
}

bool ConstrainedSearch::enough(double decrement, double before, const Point& here) const {
  const double rounding = std::max(1e-13, 1e-15 * here.degrees);
  return decrement <= (here.exact ? options_.decrement : std::max(options_.decrement, options_.decrement_inexact)) ||
         (decrement <= rounding && decrement > before / 16);
}

double ConstrainedSearch::longest(const Task& task, const Point& here, const Step& step,
                                  std::vector<TermColumn>& vanishing) const {
  double length = 1;
  for (const TermColumn& c : rows_.collapsible(task.held)) {
    if (contains(task.zero, c.term, c.row)) continue;
    const VectorXd a = rows_.row(c, here.theta), b = rows_.row(c, here.theta + step.theta);
    const double left = a.dot(b) / a.squaredNorm();
    if (!(left < 0.1)) continue;
    vanishing.push_back(c);
    length = std::min(length, 0.9 / (1 - left));
  }
  return length;
}

std::vector<TermColumn> ConstrainedSearch::leaving(const Task& task, const Point& here,
                                                   const std::vector<TermColumn>& before,
                                                   const std::vector<TermColumn>& now) const {
  std::vector<TermColumn> out;
  for (const TermColumn& c : now) {
    const bool twice = contains(before, c.term, c.row) && !contains(task.firm, c.term, c.row);
    if (twice || negligible(c, here.theta)) out.push_back(c);
  }
  return out;
}

ConstrainedSearch::Exit ConstrainedSearch::way_out(const std::vector<Held>& held, const ConstrainedPoint& at) const {
  Exit out;
  const Evaluation e = criterion_.evaluate(at.theta);
  if (!e.ok()) return out;
  const Moments m = moments(criterion_, e, theta_directions(rows_.layout(), at.theta));
  const double ratio = e.sigma2 / (at.sigma * at.sigma);
  for (const TermColumn& c : at.zero) {
    const Term& term = rows_.layout().terms[c.term];
    const MatrixXd rise = m.block_trace[term.group].block(term.column, term.column, term.q, term.q);
    const MatrixXd fall = ratio * m.block_quadratic[term.group].block(term.column, term.column, term.q, term.q);
    const VectorXd w = Eigen::HouseholderQR<MatrixXd>(rows_.basis(c.term)).solve(VectorXd::Unit(term.q, c.row));
    const MatrixXd a = rows_.factor(c.term, at.theta),
                   l = term.structure->factor(at.theta.segment(term.theta, term.n_theta), term.q);
    const VectorXd slope = l.transpose() * ((rise - fall) * w);
    const Direct way = steepest(held, c, a, slope);
    const double size = (l.transpose() * (rise * w)).norm() + (l.transpose() * (fall * w)).norm();
    const double first = way.least, second = w.dot((rise - fall) * w), scale = w.dot(rise * w);
    if (way.u.size() == 0 || first > 1e-6 * size || (first >= -1e-6 * size && second >= -1e-6 * scale)) continue;
    out.found = true;
    out.column = c;
    out.row = 0.1 * std::sqrt(rows_.unit_square(c)) * way.u;
    return out;
  }
  return out;
}

ConstrainedSearch::Point ConstrainedSearch::evaluate(const VectorXd& theta, double log_sigma, const Task& task) const {
  Point out;
  out.theta = theta;
  out.log_sigma = log_sigma;
  const Layout& layout = rows_.layout();
  const Evaluation at = criterion_.evaluate(theta);
  if (!at.ok()) return out;
  const double profiled = at.sigma2, sigma2 = std::exp(2 * log_sigma), nu = at.degrees, ratio = profiled / sigma2;
  out.degrees = nu;
  out.value = at.value + nu * (std::log(1 / ratio) + ratio - 1);
  Moments m = moments(criterion_, at, theta_directions(layout, theta));
  m.quadratic *= ratio;      // sigma2 in place of the profiled one
  m.ai *= ratio;
  for (MatrixXd& block : m.block_quadratic) block *= ratio;
  const Index k = theta.size();
  out.exact = m.has_t;
  out.gradient.resize(k + 1);
  out.gradient << m.trace - m.quadratic, 2 * nu * (1 - ratio);
  out.hessian.resize(k + 1, k + 1);
  out.hessian.topLeftCorner(k, k) = (m.has_t ? MatrixXd(2 * m.ai - m.t) : m.ai) +
                                    factor_curvature(layout, theta, m, &criterion_.checkpoint());
  out.hessian.col(k).head(k) = 2 * m.quadratic;
  out.hessian.row(k).head(k) = 2 * m.quadratic.transpose();
  out.hessian(k, k) = 4 * nu * ratio;
  out.held = rows_.constraints(task.held, task.zero, theta, log_sigma);
  return out;
}

void ConstrainedSearch::learn(const Point& from, const Point& to, HessianCorrection& correction) {
  VectorXd step(from.theta.size() + 1);
  step << to.theta - from.theta, to.log_sigma - from.log_sigma;
  correction.learn(to.hessian, step, to.gradient - from.gradient);
}

ConstrainedSearch::Step ConstrainedSearch::solve(const Point& here, const MatrixXd& correction) const {
  const Index k = here.gradient.size(), m = here.held.gap.size();
  Step out;
  const NullSpace held(here.held.gradient);
  const VectorXd across = held.restore(here.held.gap);
  const VectorXd multiplier = held.multipliers(here.gradient);
  MatrixXd lagrangian = here.hessian + correction;
  for (Index c = 0; c < m; ++c) lagrangian += multiplier[c] * here.held.hessian[c];
  const MatrixXd& along = held.along();
  const VectorXd gradient = here.gradient + lagrangian * across;
  const NewtonStep newton = newton_step(along.transpose() * gradient, along.transpose() * (lagrangian * along));
  const VectorXd step = across + along * newton.step;
  out.decrement = newton.decrement;
  out.theta = step.head(k - 1);
  out.log_sigma = step[k - 1];
  return out;
}

}  // namespace henderson
