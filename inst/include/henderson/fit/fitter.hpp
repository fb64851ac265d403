// From a problem to its optimum: start, search, boundary, restarts.
#ifndef HENDERSON_FIT_FITTER_HPP
#define HENDERSON_FIT_FITTER_HPP

#include <string>
#include <utility>
#include <vector>

#include "henderson/fit/constrained.hpp"
#include "henderson/fit/start.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

struct FitOptions {
  Options search;
  bool reml = true;
  int restarts = 3;             // further starts where the optimum is at the boundary
  double memory_limit = 1e300;  // bytes
  VectorXd start;               // theta, or empty
  double sigma = 0;             // the residual standard deviation where it is known, else 0
  std::vector<Held> held;       // other variance parameters that are known
};

struct FitOutcome {
  Optimum optimum;
  bool identified = true;
  std::vector<int> confounded;
  std::vector<bool> singular;     // per term
  bool zero_residual = false;     // y is fitted exactly by fixed and random effects
  bool zero_sigma = false;        // the residual variance is estimated as 0: the criterion falls as theta grows
  bool exact_hessian = true;
  int starts = 0, evaluations = 0;
  double sigma = 0;               // residual standard deviation, where parameters are held
};

// The criterion as minimize() wants it; keeps the last evaluation, whose factorizations the derivatives use.
class SearchFunction {
 public:
  explicit SearchFunction(const Criterion& criterion) : criterion_(&criterion) {}
  double value(const VectorXd& theta) {
    at_ = criterion_->evaluate(theta, std::move(at_));
    return at_.value;
  }
  void derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) {
    if (at_.theta != theta) value(theta);
    const Derivatives d = henderson::derivatives(*criterion_, at_);
    gradient = d.gradient;
    hessian = d.hessian;
    exact_ = d.exact;
  }
  bool exact() const { return exact_; }
  double noise() const {
    return 16 * std::numeric_limits<double>::epsilon() *
           (std::abs(at_.log_det_random) + at_.degrees * (1 + std::abs(std::log(at_.sigma2))));
  }
  const Evaluation& last() const { return at_; }

 private:
  const Criterion* criterion_;
  Evaluation at_;
  bool exact_ = true;
};

// A covariance this close to singular (on the scale of one level's data) is tried as exactly singular.
inline VectorXd snapped(const Problem& problem, const VectorXd& theta, std::vector<bool>& singular) {
  const Layout& layout = *problem.layout;
  VectorXd out = theta;
  singular.assign(layout.terms.size(), false);
  if (!layout.bounded()) return out;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(l * l.transpose());
    const double per_level = static_cast<double>(problem.n) / static_cast<double>(layout.groups[term.group].levels);
    const double negligible = std::max(1e-8 / per_level, 1e-14 * eigen.eigenvalues().maxCoeff());
    VectorXd values = eigen.eigenvalues();
    for (Index i = 0; i < values.size(); ++i)
      if (values[i] <= negligible) {
        values[i] = 0;
        singular[t] = true;
      }
    if (!singular[t]) continue;
    const MatrixXd sigma = eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose();
    out.segment(term.theta, term.n_theta) = term.structure->nearest(sigma);
  }
  return out;
}

// One of the equal factors L of the same Sigma: non-negative diagonal.
inline VectorXd canonical(const Layout& layout, const VectorXd& theta) {
  VectorXd out = theta;
  if (!layout.bounded()) return out;
  for (const Term& term : layout.terms) {
    const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
    if ((l.diagonal().array() < 0).any()) {
      MatrixXd flipped = l;
      for (Index j = 0; j < l.cols(); ++j)
        if (l(j, j) < 0) flipped.col(j) = -l.col(j);
      out.segment(term.theta, term.n_theta) = term.structure->nearest(flipped * flipped.transpose());
    }
  }
  return out;
}

class Fitter {
 public:
  Fitter(const Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor)
      : problem_(problem), data_(data), options_(options), monitor_(monitor), criterion_(problem, options.reml, monitor), final_(criterion_) {}

  // Where the criterion is finite at no start, the evaluation is not ok() and there are no derivatives.
  FitOutcome run() {
    VectorXd neutral;
    if (options_.start.size() == problem_.layout->n_theta) {
      search(options_.start);
      neutral = options_.start;
    } else {
      const Start start = find_start(problem_, data_, monitor_, out_.evaluations);
      out_.identified = start.identified;
      out_.confounded = start.terms;
      if (!start.identified) return out_;
      search(start.theta);
      neutral = start.neutral;
    }
    if (!std::isfinite(out_.optimum.value) || at_boundary() || out_.optimum.status != "converged") {
      const double scale[] = {1.0, 0.2, 5.0};
      for (int k = 0; k < std::min(options_.restarts, 3) && affordable(); ++k) search(scale[k] * neutral);
    }
    if (std::isfinite(out_.optimum.value)) finish();
    return out_;
  }

  // At the optimum that run() returned.
  const Evaluation& final_evaluation() const { return final_.last(); }

 private:
  bool affordable() const { return problem_.rest.factor_entries() < 2000000; }

  void search(const VectorXd& start) {
    SearchFunction f(criterion_);
    Optimum found = minimize(f, start, options_.search, monitor_);
    ++out_.starts;
    out_.evaluations += found.evaluations;
    const double noise = 1e-9 * (1 + std::abs(found.value)) * 1e-3 + f.noise();
    const bool first = out_.starts == 1;
    if (first || found.value < out_.optimum.value - noise ||
        (out_.optimum.status != "converged" && found.status == "converged" && found.value < out_.optimum.value + noise)) {
      out_.optimum = std::move(found);
      out_.exact_hessian = f.exact();
      final_ = std::move(f);
    }
  }

  bool at_boundary() {
    std::vector<bool> singular;
    snapped(problem_, out_.optimum.theta, singular);
    return std::find(singular.begin(), singular.end(), true) != singular.end();
  }

  // Exactly singular where that is as good; signs fixed; derivatives at the point that is returned.
  void finish() {
    std::vector<bool> singular;
    const VectorXd candidate = snapped(problem_, out_.optimum.theta, singular);
    out_.singular.assign(singular.size(), false);
    VectorXd theta = out_.optimum.theta;
    if (candidate == theta || is_optimum(candidate)) {
      theta = candidate;
      out_.singular = singular;
    }
    theta = canonical(*problem_.layout, theta);
    if (theta != final_.last().theta || theta != out_.optimum.theta) move_to(theta);
    out_.optimum.evaluations = out_.evaluations;
    out_.zero_sigma = falls_to_zero();
    // With other factors r2 is a difference; this is where its last digits are gone.
    out_.zero_residual = !(problem_.sigma2 > 0) && problem_.rest.columns() > 0 && !(final_.last().r2 > 1e-13 * problem_.total);
  }

  // The residual variance is identified by weights alone (one row per level), or hardly: is less of it no worse?
  bool falls_to_zero() const {
    const Layout& layout = *problem_.layout;
    if (problem_.sigma2 > 0 || !layout.bounded()) return false;
    double ratio = 0;
    for (const Term& term : layout.terms) {
      const MatrixXd sigma = term.structure->sigma(out_.optimum.theta.segment(term.theta, term.n_theta), term.q);
      const double per_level = static_cast<double>(problem_.n) / static_cast<double>(layout.groups[term.group].levels);
      ratio = std::max(ratio, sigma.diagonal().maxCoeff() * per_level);
    }
    if (ratio < 1e8) return false;
    return criterion_.evaluate(1e3 * out_.optimum.theta).value <= out_.optimum.value + 1e-8 * (1 + std::abs(out_.optimum.value));
  }

  bool is_optimum(const VectorXd& candidate) {
    const double value = final_.value(candidate);
    if (!std::isfinite(value) || value > out_.optimum.value + 1e-7 + final_.noise()) return false;
    VectorXd gradient;
    MatrixXd hessian;
    final_.derivatives(candidate, gradient, hessian);
    const NewtonStep newton = newton_step(gradient, hessian);
    return newton.convex && newton.decrement < 1e-7;
  }

  void move_to(const VectorXd& theta) {
    out_.optimum.theta = theta;
    out_.optimum.value = final_.value(theta);
    final_.derivatives(theta, out_.optimum.gradient, out_.optimum.hessian);
    out_.optimum.decrement = newton_step(out_.optimum.gradient, out_.optimum.hessian).decrement;
  }

  const Problem& problem_;
  const CrossProducts& data_;
  const FitOptions& options_;
  Monitor& monitor_;
  Criterion criterion_;
  SearchFunction final_;
  FitOutcome out_;
};

}  // namespace henderson

#endif
