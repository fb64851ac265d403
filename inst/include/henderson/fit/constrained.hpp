// -2 log likelihood minimized with some variance parameters held: standard deviations and correlations of the user's
// columns, the residual standard deviation. (Coefficients are held by a change of the cross-products.)
//
// Sequential quadratic programming in (theta, log sigma) with exact derivatives; the constraints are restored by the
// same step. One parameter held at a row of values is its profile; Venzon and Moolgavkar (1988) for following it.
#ifndef HENDERSON_FIT_CONSTRAINED_HPP
#define HENDERSON_FIT_CONSTRAINED_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/fit/start.hpp"
#include "henderson/likelihood/gradient.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

// The span of the gradients of the constraints (columns C, each taken in its own unit) and what is orthogonal to it.
class Spanned {
 public:
  explicit Spanned(const MatrixXd& columns) : size_(columns.cols()) {
    const Index k = columns.rows();
    for (Index c = 0; c < columns.cols(); ++c) size_[c] = std::max(columns.col(c).norm(), 1e-300);
    const MatrixXd unit = columns * size_.cwiseInverse().asDiagonal();
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(unit * unit.transpose());
    Index rank = 0;
    while (rank < k && eigen.eigenvalues()[k - 1 - rank] > 1e-12) ++rank;
    along_ = eigen.eigenvectors().leftCols(k - rank);
    across_ = eigen.eigenvectors().rightCols(rank);
    weight_ = eigen.eigenvalues().tail(rank).cwiseInverse().asDiagonal() * (across_.transpose() * unit);
  }

  const MatrixXd& along() const { return along_; }   // orthonormal basis of the complement
  // The shortest x with C'x = gap, and the multipliers l with C l nearest to -gradient.
  VectorXd restore(const VectorXd& gap) const { return across_ * (weight_ * gap.cwiseQuotient(size_)); }
  VectorXd multipliers(const VectorXd& gradient) const {
    return -(weight_.transpose() * (across_.transpose() * gradient)).cwiseQuotient(size_);
  }

 private:
  VectorXd size_;
  MatrixXd along_, across_, weight_;
};

struct ConstrainedPoint {
  double value = std::numeric_limits<double>::infinity();
  VectorXd theta;
  double sigma = 0;
  double decrement = 0;
  int evaluations = 0;
  bool converged = false;
};

class ConstrainedSearch {
 public:
  ConstrainedSearch(const Problem& problem, const CrossProducts& data, bool reml, Checkpoint& checkpoint)
      : layout_(*problem.layout), data_(data), criterion_(problem, reml, checkpoint) {
    if (!layout_.bounded()) throw Error("input", "parameters cannot be held where variances may be negative");
  }

  // From a nearby point; theta and sigma need not satisfy the constraints. First with steps as long as the quadratic
  // model thinks right; if that leads nowhere, with steps that the slope at each point pays for.
  ConstrainedPoint run(const std::vector<Held>& held, const VectorXd& theta, double sigma) const {
    const ConstrainedPoint bold = follow(held, theta, sigma, true);
    if (bold.converged) return bold;
    ConstrainedPoint out = follow(held, theta, sigma, false);
    out.evaluations += bold.evaluations;
    return out;
  }

  // Gradients of the held parameters in (theta, log sigma), one column each.
  MatrixXd constraint_gradients(const std::vector<Held>& held, const VectorXd& theta, double sigma) const {
    MatrixXd out(theta.size() + 1, held.size());
    for (std::size_t c = 0; c < held.size(); ++c) {
      out.col(c) = evaluate_held(held[c], theta, std::log(sigma)).gradient / unit(held[c]);
    }
    return out;
  }

 private:
  static double unit(const Held& held) { return held.row == held.col && held.value > 0 ? held.value : 1; }

  struct HeldValue {
    double value;
    VectorXd gradient;   // theta, log sigma
    MatrixXd hessian;
  };
  struct Point {
    VectorXd theta;
    double log_sigma = 0, value = std::numeric_limits<double>::infinity();
    VectorXd gradient;
    MatrixXd hessian;
    VectorXd gap;                       // per constraint: target - value, standard deviations relative to the target
    MatrixXd held_gradient;             // one column per constraint
    std::vector<MatrixXd> held_hessian;
  };
  struct Step {
    VectorXd theta;
    VectorXd multiplier, next;   // here and, by the quadratic model, after the step
    double log_sigma = 0, decrement = 0;
  };

  ConstrainedPoint follow(const std::vector<Held>& held, const VectorXd& theta, double sigma, bool bold) const {
    ConstrainedPoint out;
    Point here = evaluate(theta, std::log(sigma), held);
    ++out.evaluations;
    VectorXd penalty = VectorXd::Zero(held.size());
    for (int iteration = 0; iteration < 60 && std::isfinite(here.value); ++iteration) {
      const Step step = solve(here);
      out.decrement = step.decrement;
      if ((here.gap.array().abs() <= 1e-12).all() && step.decrement <= 1e-13) {
        out.converged = true;
        break;
      }
      penalty = penalty.cwiseMax(2 * step.multiplier.cwiseAbs());
      if (bold) penalty = penalty.cwiseMax(2 * step.next.cwiseAbs());
      const double merit = here.value + penalty.dot(here.gap.cwiseAbs());
      Point trial;
      double length = 1;
      bool better = false;
      for (int halving = 0; halving < 25; ++halving, length /= 2) {
        trial = evaluate(here.theta + length * step.theta, here.log_sigma + length * step.log_sigma, held);
        ++out.evaluations;
        const double noise = 1e-11 * (1 + std::abs(here.value));
        if (std::isfinite(trial.value) && trial.value + penalty.dot(trial.gap.cwiseAbs()) <= merit + noise) {
          better = true;
          break;
        }
      }
      if (!better) {
        out.converged = (here.gap.array().abs() <= 1e-8).all() && step.decrement <= 1e-8;
        break;
      }
      here = trial;
    }
    out.value = here.value;
    out.theta = here.theta;
    out.sigma = std::exp(here.log_sigma);
    return out;
  }

  Point evaluate(const VectorXd& theta, double log_sigma, const std::vector<Held>& held) const {
    Point out;
    out.theta = theta;
    out.log_sigma = log_sigma;
    const Evaluation at = criterion_.evaluate(theta);
    if (!at.ok()) return out;
    const double profiled = at.sigma2, sigma2 = std::exp(2 * log_sigma), nu = at.degrees, ratio = profiled / sigma2;
    out.value = at.value + nu * (std::log(1 / ratio) + ratio - 1);
    const std::vector<Direction> directions = theta_directions(layout_, theta);
    Moments m = moments(criterion_, at, directions);
    m.quadratic *= ratio;      // sigma2 in place of the profiled one
    m.ai *= ratio;
    for (MatrixXd& block : m.block_quadratic) block *= ratio;
    const Index k = theta.size();
    out.gradient.resize(k + 1);
    out.gradient << m.trace - m.quadratic, 2 * nu * (1 - ratio);
    out.hessian.resize(k + 1, k + 1);
    out.hessian.topLeftCorner(k, k) = (m.has_t ? MatrixXd(2 * m.ai - m.t) : m.ai) + factor_curvature(layout_, theta, m);
    out.hessian.col(k).head(k) = 2 * m.quadratic;
    out.hessian.row(k).head(k) = 2 * m.quadratic.transpose();
    out.hessian(k, k) = 4 * nu * ratio;
    const Index constraints = static_cast<Index>(held.size());
    out.gap.resize(constraints);
    out.held_gradient.resize(k + 1, constraints);
    for (Index c = 0; c < constraints; ++c) {
      const HeldValue h = evaluate_held(held[c], theta, log_sigma);
      const double scale = unit(held[c]);
      out.gap[c] = (held[c].value - h.value) / scale;
      out.held_gradient.col(c) = h.gradient / scale;
      out.held_hessian.push_back(h.hessian / scale);
    }
    return out;
  }

  HeldValue evaluate_held(const Held& held, const VectorXd& theta, double log_sigma) const {
    const Index k = theta.size();
    HeldValue out{std::exp(log_sigma), VectorXd::Zero(k + 1), MatrixXd::Zero(k + 1, k + 1)};
    if (held.term < 0) {
      out.gradient[k] = out.hessian(k, k) = out.value;
      return out;
    }
    const Term& term = layout_.terms[held.term];
    if (held.row == held.col && held.value == 0) {   // the parameter itself: its size has no slope at 0
      out.value = theta[term.theta + held.row];
      out.gradient[term.theta + held.row] = 1;
      return out;
    }
    const VectorXd own = theta.segment(term.theta, term.n_theta);
    const VectorXd a = entry(term, held, own, held.row), b = entry(term, held, own, held.col);
    const MatrixXd da = entry_derivative(term, held, own, held.row), db = entry_derivative(term, held, own, held.col);
    // Both structures have L linear in theta: second derivatives come from products of first ones.
    const double aa = a.squaredNorm(), bb = b.squaredNorm(), ab = a.dot(b);
    const VectorXd g_aa = 2 * da.transpose() * a, g_bb = 2 * db.transpose() * b, g_ab = da.transpose() * b + db.transpose() * a;
    const MatrixXd h_aa = 2 * da.transpose() * da, h_bb = 2 * db.transpose() * db;
    const MatrixXd h_ab = da.transpose() * db + db.transpose() * da;
    VectorXd g;
    MatrixXd h;
    double scale = 1;
    if (held.row == held.col) {          // sigma |a|
      const double norm = std::sqrt(aa);
      g = g_aa / (2 * norm);
      h = h_aa / (2 * norm) - g * g.transpose() / norm;
      scale = std::exp(log_sigma);
      out.value = scale * norm;
      out.gradient[k] = out.hessian(k, k) = out.value;
      out.hessian.col(k).segment(term.theta, term.n_theta) = scale * g;
      out.hessian.row(k).segment(term.theta, term.n_theta) = scale * g.transpose();
    } else {                             // ab / sqrt(aa bb)
      const double root = std::sqrt(aa * bb), rho = ab / root;
      const VectorXd la = g_aa / aa, lb = g_bb / bb;
      g = g_ab / root - 0.5 * rho * (la + lb);
      h = h_ab / root - 0.5 * (g_ab * (la + lb).transpose() + (la + lb) * g_ab.transpose()) / root -
          0.5 * rho * (h_aa / aa + h_bb / bb - la * la.transpose() - lb * lb.transpose()) +
          0.25 * rho * (la + lb) * (la + lb).transpose();
      out.value = rho;
    }
    out.gradient.segment(term.theta, term.n_theta) = scale * g;
    out.hessian.block(term.theta, term.theta, term.n_theta, term.n_theta) = scale * h;
    return out;
  }

  // Row of the user's factor, basis * L.
  VectorXd entry(const Term& term, const Held& held, const VectorXd& own, Index row) const {
    return (data_.z_basis[held.term].row(row) * term.structure->factor(own, term.q)).transpose();
  }
  MatrixXd entry_derivative(const Term& term, const Held& held, const VectorXd& own, Index row) const {
    MatrixXd out(term.q, term.n_theta);
    for (Index j = 0; j < term.n_theta; ++j)
      out.col(j) = (data_.z_basis[held.term].row(row) * term.structure->factor_derivative(own, term.q, j)).transpose();
    return out;
  }

  // Newton step of the Lagrangian: along the constraints by its curvature made positive, across them by restoration.
  Step solve(const Point& here) const {
    const Index k = here.gradient.size(), m = here.gap.size();
    Step out;
    const Spanned held(here.held_gradient);
    const VectorXd across = held.restore(here.gap);
    out.multiplier = held.multipliers(here.gradient);
    MatrixXd lagrangian = here.hessian;
    for (Index c = 0; c < m; ++c) lagrangian += out.multiplier[c] * here.held_hessian[c];
    const MatrixXd& along = held.along();
    const VectorXd gradient = here.gradient + lagrangian * across;
    const NewtonStep newton = newton_step(along.transpose() * gradient, along.transpose() * (lagrangian * along));
    const VectorXd step = across + along * newton.step;
    out.next = held.multipliers(here.gradient + lagrangian * step);
    out.decrement = newton.decrement;
    out.theta = step.head(k - 1);
    out.log_sigma = step[k - 1];
    return out;
  }

  const Layout& layout_;
  const CrossProducts& data_;
  Criterion criterion_;
};

}  // namespace henderson

#endif
