#include "henderson/fit/fitter.hpp"

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace henderson {

FitOutcome Fitter::run() {
  const Layout& layout = *problem_.layout;
  VectorXd neutral = neutral_theta(layout);
  if (options_.start.size() == layout.n_theta) {
    search(options_.start);
    neutral = options_.start;
  } else {
    const Start start = find_start(problem_, data_, monitor_, out_.evaluations);
    out_.identified = start.identified;
    out_.confounded = start.terms;
    if (!start.identified) return out_;
    search(start.theta);
  }
  const bool lost = !std::isfinite(out_.optimum.value) || out_.optimum.status != "converged";
  if (lost ? !hopeless() : (near_boundary() && !unimodal())) {
    const VectorXd starts[] = {nearly_zero(), layout.scaled(neutral, 0.2), neutral, layout.scaled(neutral, 5)};
    const int wanted = options_.restarts < 0 || (lost && options_.restarts > 0) ? (lost || intricate() ? 4 : 1)
                                                                               : std::min(options_.restarts, 4);
    for (int k = 0; k < wanted && affordable(); ++k) search(starts[k]);
  }
  if (std::isfinite(out_.optimum.value)) finish();
  return out_;
}

bool Fitter::intricate() const {
  for (const Term& term : problem_.layout->terms)
    if (correlated(*term.structure, term.q)) return problem_.layout->n_theta > 3;
  return false;
}

VectorXd Fitter::nearly_zero() const {
  const Layout& layout = *problem_.layout;
  VectorXd out(layout.n_theta);
  for (const Term& term : layout.terms) {
    const double level = static_cast<double>(layout.groups[term.group].levels) / static_cast<double>(problem_.n);
    const MatrixXd identity = MatrixXd::Identity(term.q, term.q);
    out.segment(term.theta, term.n_theta) = term.structure->project(0.03 * level * identity);
  }
  return out;
}

void Fitter::search(const VectorXd& start) {
  SearchFunction f(criterion_);
  const bool first = out_.starts == 0, known = !first && out_.optimum.status == "converged";
  bool vanishing = false;
  f.leave_if([&](const SearchFunction& g, const VectorXd& theta, double value, const NewtonStep& newton) {
    vanishing = residual_vanishes(theta, value);
    return vanishing || (known && leads_to_known(g, theta, value, newton));
  });
  Optimum found = minimize(f, start, options_.search, monitor_);
  f.leave_if(nullptr);
  ++out_.starts;
  out_.evaluations += found.evaluations;
  if (vanishing) {
    found = without_residual(found);
    f.value(found.theta);
  } else if (found.status == "left") {
    return;
  }
  const double noise = 1e-9 * (1 + std::abs(found.value)) * 1e-3 + f.noise();
  if (first || found.value < out_.optimum.value - noise ||
      (out_.optimum.status != "converged" && found.status == "converged" && found.value < out_.optimum.value + noise)) {
    out_.optimum = std::move(found);
    out_.exact_hessian = f.exact();
    out_.zero_sigma = vanishing;
    final_ = std::move(f);
  }
}

bool Fitter::residual_vanishes(const VectorXd& theta, double value) {
  if (problem_.sigma2 > 0 || problem_.rest.columns() > 0 || !problem_.layout->bounded()) return false;
  if (largest_ratio(problem_, theta) < 1e5 || residual_degrees() > 0) return false;
  ++out_.evaluations;
  return criterion_.evaluate(problem_.layout->scaled(theta, 100)).value < value;
}

Index Fitter::residual_degrees() const {
  const MatrixXd within = problem_.w_d.leftCols(problem_.p);
  Index rank = 0;
  if (problem_.p > 0) {
    Eigen::ColPivHouseholderQR<MatrixXd> qr(within);
    const double length = std::sqrt((problem_.lead.t.leftCols(problem_.p).colwise().squaredNorm() + within.colwise().squaredNorm()).maxCoeff());
    for (Index j = 0; j < problem_.p; ++j) rank += std::abs(qr.matrixQR()(j, j)) > 1e-10 * length;
  }
  return problem_.n - leading_rank(*problem_.layout, data_) - rank;
}

Optimum Fitter::without_residual(const Optimum& from) {
  const double farthest = 1e10;
  const Layout& layout = *problem_.layout;
  const VectorXd start = layout.scaled(from.theta, std::sqrt(farthest / largest_ratio(problem_, from.theta)));
  Problem held = problem_;
  held.sigma2 = criterion_.evaluate(start).sigma2;
  const Criterion criterion(held, options_.reml, monitor_);
  SearchFunction f(criterion);
  Optimum out = minimize(f, start, options_.search, monitor_);
  out_.evaluations += out.evaluations + 2;
  out.value = criterion_.evaluate(out.theta).value;
  if (criterion_.evaluate(layout.scaled(out.theta, 10)).value < out.value - 0.5) out.status = "unbounded";
  return out;
}

bool Fitter::rounding_only() const {
  const double share = out_.optimum.status == "converged" ? 1e-13 : 1e-10;
  return !(problem_.sigma2 > 0) && problem_.rest.columns() > 0 && !(final_.last().r2 > share * problem_.total);
}

bool Fitter::leads_to_known(const SearchFunction& f, const VectorXd& theta, double value, const NewtonStep& newton) const {
  if (!newton.convex) return false;
  const double gap = value - out_.optimum.value, noise = 1e-12 * (1 + std::abs(value)) + f.noise();
  if (newton.decrement < 0.1 && 8 * newton.decrement < gap - noise) return true;
  if (std::abs(gap - newton.decrement) > 0.5 * std::abs(gap) + noise) return false;
  const VectorXd& known = out_.optimum.theta;
  return distance(problem_, known, f.moved(theta, newton.step)) <= 0.25 * distance(problem_, known, theta);
}

bool Fitter::unimodal() const {
  if (problem_.layout->n_theta != 1 || problem_.rest.columns() > 0 || !problem_.layout->bounded()) return false;
  for (const double r : data_.r)
    if (r != data_.r[0]) return false;
  if (problem_.p == 0) return true;
  const auto between = problem_.lead.t.leftCols(problem_.p);
  const auto within = problem_.w_d.leftCols(problem_.p);
  const MatrixXd b = between.transpose() * between, w = within.transpose() * within;
  return (b * w).cwiseAbs().maxCoeff() <= 1e-12 * std::pow((b + w).diagonal().maxCoeff(), 2);
}

bool Fitter::hopeless() const {
  if (!std::isfinite(out_.optimum.value)) return options_.start.size() > 0;
  return out_.optimum.status == "unbounded" || rounding_only();
}

bool Fitter::near_boundary() const {
  const Layout& layout = *problem_.layout;
  if (!layout.bounded()) return false;
  std::vector<bool> singular;
  snapped(problem_, out_.optimum.theta, singular);
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
  const VectorXd candidate = snapped(problem_, out_.optimum.theta, singular);
  out_.singular.assign(singular.size(), false);
  VectorXd theta = out_.optimum.theta;
  if (candidate == theta || is_optimum(candidate)) {
    theta = candidate;
    out_.singular = singular;
  }
  theta = canonical(*problem_.layout, theta);
  if (theta != final_.last().theta || theta != out_.optimum.theta || !final_.plain()) move_to(theta);
  out_.optimum.evaluations = out_.evaluations;
  out_.zero_sigma = out_.zero_sigma || falls_to_zero();
  out_.zero_residual = rounding_only();
}

bool Fitter::falls_to_zero() const {
  if (problem_.sigma2 > 0 || !problem_.layout->bounded() || largest_ratio(problem_, out_.optimum.theta) < 1e8) return false;
  return criterion_.evaluate(problem_.layout->scaled(out_.optimum.theta, 1e3)).value <= out_.optimum.value + 1e-8 * (1 + std::abs(out_.optimum.value));
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
