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

Optimum minimize_objective(Objective& f, VectorXd theta, const Options& options, Monitor& monitor) {
  Optimum out;
  double value = f.value(theta);
  ++out.evaluations;
  if (!std::isfinite(value)) {
    out.status = "not_finite_at_start";
    out.theta = theta;
    out.value = value;
    return out;
  }
  out.status = "too_many_evaluations";
  VectorXd gradient(theta.size());
  MatrixXd hessian(theta.size(), theta.size());
  f.derivatives(theta, gradient, hessian);
  HessianCorrection correction(theta.size());
  int forgotten = 0;
  while (true) {
    NewtonStep newton = newton_step(gradient, hessian + correction.matrix());
    out.decrement = newton.decrement;
    out.trace.push_back(value);
    monitor.on_iteration(out.evaluations, value, newton.decrement);
    monitor.check();
    if (f.leave(theta, value, newton)) {
      out.status = "left";
      break;
    }
    const double enough = f.exact() ? options.decrement : std::max(options.decrement, options.decrement_inexact);
    // Below the rounding error of the criterion only the gradient can tell whether a step was good.
    const double noise = 64 * std::numeric_limits<double>::epsilon() * (1 + std::abs(value)) + f.noise();
    if (newton.convex && newton.decrement <= std::max(enough, f.exact() ? 0 : noise)) {
      const NewtonStep plain = newton_step(gradient, hessian);
      const bool steepened = !f.exact() && plain.decrement > std::max(kPlainDecrement, 4 * noise);
      if (steepened && forgotten < kMostForgotten) {   // what was learned makes a valley steeper than it is
        correction = HessianCorrection(theta.size());
        newton = plain;
        ++forgotten;
      } else if (newton.decrement <= enough) {
        out.status = "converged";
        break;
      }
    }
    if (out.evaluations >= options.max_evaluations) break;
    double length = 1, jump = 0;   // jump: what rounding makes of short steps
    bool moved = false;
    VectorXd trial, step;
    double trial_value = value;
    const double slope = gradient.dot(newton.step);
    for (int halving = 0; halving < 40 && out.evaluations < options.max_evaluations; ++halving, length /= 2) {
      step = length * newton.step;
      trial = f.moved(theta, step);
      trial_value = f.value(trial);
      ++out.evaluations;
      const bool armijo = trial_value <= value + 1e-4 * length * slope;
      if (std::isfinite(trial_value) && (armijo || (newton.decrement < noise && trial_value <= value + noise))) {
        moved = true;
        break;
      }
      if (newton.decrement < noise) break;
      if (halving >= 6 && std::isfinite(trial_value)) jump = std::max(jump, std::abs(trial_value - value));
    }
    if (!moved) {
      f.value(theta);  // back to the best point
      out.rough = newton.decrement > noise && newton.decrement <= std::min(64 * jump, 1e-6);
      out.status = newton.convex && (out.rough || newton.decrement <= noise) ? "converged" : "no_further_progress";
      break;
    }
    const double before = newton.decrement;
    VectorXd trial_gradient(theta.size());
    MatrixXd trial_hessian(theta.size(), theta.size());
    f.derivatives(trial, trial_gradient, trial_hessian);
    const bool at_noise = newton.convex && before <= noise;
    if (!f.exact() && before < 1) correction.learn(trial_hessian, step, trial_gradient - gradient);
    if (at_noise && newton_step(trial_gradient, trial_hessian + correction.matrix()).decrement >= before) {
      f.value(theta);
      out.status = "converged";  // rounding error reached: the previous point is as good as any
      break;
    }
    theta = trial;
    value = trial_value;
    gradient = trial_gradient;
    hessian = trial_hessian;
  }
  out.theta = theta;
  out.value = value;
  out.gradient = gradient;
  out.hessian = hessian + correction.matrix();
  return out;
}

}  // namespace henderson
