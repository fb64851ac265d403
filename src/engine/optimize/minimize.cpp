#include "henderson/optimize/minimize.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

namespace {
constexpr double kPlainDecrement = 1e-9;   // by the Hessian that was not corrected, at convergence
constexpr int kMostForgotten = 4;          // corrections dropped in one search
}  // namespace

NewtonStep newton_step(const VectorXd& gradient, const MatrixXd& hessian) {
  const Index k = gradient.size();
  NewtonStep out;
  out.step = VectorXd::Zero(k);
  if (k == 0) return out;
  const double largest = hessian.diagonal().cwiseAbs().maxCoeff();
  VectorXd scale(k);
  for (Index i = 0; i < k; ++i) {
    const double h = std::abs(hessian(i, i));
    scale[i] = h > largest * 1e-30 && h > 0 ? 1 / std::sqrt(h) : 0;
  }
  const SymmetricEigen eigen(scale.asDiagonal() * hessian * scale.asDiagonal());
  const VectorXd g = eigen.eigenvectors().transpose() * scale.cwiseProduct(gradient);
  const double floor = 1e-10 * eigen.eigenvalues().cwiseAbs().maxCoeff();
  VectorXd s = VectorXd::Zero(k);
  for (Index i = 0; i < k; ++i) {
    const double curvature = eigen.eigenvalues()[i];
    if (std::abs(curvature) <= floor) continue;  // flat: the factor of a singular covariance can be rotated
    s[i] = -g[i] / std::abs(curvature);
    out.decrement -= 0.5 * g[i] * s[i];
    if (curvature < 0) {
      out.convex = false;
      // At a saddle (a variance of zero that wants to grow) the gradient is zero: leave along the curvature.
      if (std::abs(s[i]) < 0.1) s[i] = s[i] > 0 ? 0.1 : -0.1;
    }
  }
  out.step = scale.asDiagonal() * (eigen.eigenvectors() * s);
  return out;
}

void HessianCorrection::learn(const MatrixXd& hessian, const VectorXd& step, const VectorXd& change) {
  const VectorXd missing = change - (hessian + matrix_) * step;
  const double along = missing.dot(step);
  if (std::abs(along) > 1e-8 * missing.norm() * step.norm()) matrix_ += missing * missing.transpose() / along;
}

namespace {

// Newton's method at work: the point, its derivatives, and what was learned of the Hessian.
class Newton {
 public:
  Newton(Objective& f, const VectorXd& theta, const Options& options, Monitor& monitor)
      : f_(f), options_(options), monitor_(monitor), correction_(theta.size()), gradient_(theta.size()),
        hessian_(theta.size(), theta.size()), theta_(theta) {}

  Optimum run();

 private:
  // Is the point good enough? A correction that makes a valley steeper than it is may be dropped, and the step is then
  // another one.
  bool converged(NewtonStep& newton);

  // The longest of the step's halves that lowers the criterion enough; false where none does.
  bool search_line(const NewtonStep& newton);

  // Moves to the end of the step; false where rounding error was reached and the point stays.
  bool advance(const NewtonStep& newton);

  Objective& f_;
  const Options& options_;
  Monitor& monitor_;
  Optimum out_;
  HessianCorrection correction_;
  VectorXd gradient_;
  MatrixXd hessian_;
  VectorXd theta_, trial_, step_;
  double value_ = 0, trial_value_ = 0;
  double noise_ = 0;      // below it only the gradient can tell whether a step was good
  double jump_ = 0;       // what rounding makes of short steps
  int forgotten_ = 0;
};

bool Newton::converged(NewtonStep& newton) {
  const double enough = f_.exact() ? options_.decrement : std::max(options_.decrement, options_.decrement_inexact);
  noise_ = 64 * std::numeric_limits<double>::epsilon() * (1 + std::abs(value_)) + f_.noise();
  if (!newton.convex || !(newton.decrement <= std::max(enough, f_.exact() ? 0 : noise_))) return false;
  const NewtonStep plain = newton_step(gradient_, hessian_);
  const bool steepened = !f_.exact() && plain.decrement > std::max(kPlainDecrement, 4 * noise_);
  if (!steepened || forgotten_ >= kMostForgotten) return newton.decrement <= enough;
  correction_ = HessianCorrection(theta_.size());
  newton = plain;
  ++forgotten_;
  return false;
}

bool Newton::search_line(const NewtonStep& newton) {
  double length = 1;
  jump_ = 0;
  const double slope = gradient_.dot(newton.step);
  for (int halving = 0; halving < 40 && out_.evaluations < options_.max_evaluations; ++halving, length /= 2) {
    step_ = length * newton.step;
    trial_ = f_.moved(theta_, step_);
    trial_value_ = f_.value(trial_);
    ++out_.evaluations;
    const bool armijo = trial_value_ <= value_ + 1e-4 * length * slope;
    if (std::isfinite(trial_value_) && (armijo || (newton.decrement < noise_ && trial_value_ <= value_ + noise_)))
      return true;
    if (newton.decrement < noise_) return false;
    if (halving >= 6 && std::isfinite(trial_value_)) jump_ = std::max(jump_, std::abs(trial_value_ - value_));
  }
  return false;
}

bool Newton::advance(const NewtonStep& newton) {
  VectorXd gradient(theta_.size());
  MatrixXd hessian(theta_.size(), theta_.size());
  f_.derivatives(trial_, gradient, hessian);
  if (!f_.exact() && newton.decrement < 1) correction_.learn(hessian, step_, gradient - gradient_);
  const bool at_noise = newton.convex && newton.decrement <= noise_;
  if (at_noise && newton_step(gradient, hessian + correction_.matrix()).decrement >= newton.decrement) return false;
  theta_ = trial_;
  value_ = trial_value_;
  gradient_ = gradient;
  hessian_ = hessian;
  return true;
}

Optimum Newton::run() {
  value_ = f_.value(theta_);
  ++out_.evaluations;
  out_.theta = theta_;
  out_.value = value_;
  out_.status = std::isfinite(value_) ? "too_many_evaluations" : "not_finite_at_start";
  if (!std::isfinite(value_)) return out_;
  f_.derivatives(theta_, gradient_, hessian_);
  while (true) {
    NewtonStep newton = newton_step(gradient_, hessian_ + correction_.matrix());
    out_.decrement = newton.decrement;
    out_.trace.push_back(value_);
    monitor_.on_iteration(out_.evaluations, value_, newton.decrement);
    monitor_.check();
    if (f_.leave(theta_, value_, newton)) {
      out_.status = "left";
      break;
    }
    if (converged(newton)) {
      out_.status = "converged";
      break;
    }
    if (out_.evaluations >= options_.max_evaluations) break;
    if (!search_line(newton)) {
      f_.value(theta_);  // back to the best point
      out_.rough = newton.decrement > noise_ && newton.decrement <= std::min(64 * jump_, 1e-6);
      const bool rounding = out_.rough || newton.decrement <= noise_;
      out_.status = newton.convex && rounding ? "converged" : "no_further_progress";
      break;
    }
    if (!advance(newton)) {
      f_.value(theta_);
      out_.status = "converged";  // rounding error reached: the previous point is as good as any
      break;
    }
  }
  out_.theta = theta_;
  out_.value = value_;
  out_.gradient = gradient_;
  out_.hessian = hessian_ + correction_.matrix();
  out_.plain_hessian = hessian_;
  return out_;
}

}  // namespace

Optimum minimize_objective(Objective& f, VectorXd theta, const Options& options, Monitor& monitor) {
  return Newton(f, theta, options, monitor).run();
}

}  // namespace henderson
