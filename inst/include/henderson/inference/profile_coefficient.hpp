// Likelihood limits of a coefficient, without a walk along its profile.
//
// At given theta -2 log L is, with sigma profiled out, n log of a quadratic function of the coefficient b: the values of
// b at which it has a given height are known. The limit is the farthest of them over theta, h(theta): an optimum
// without constraints. With D(theta, b) the criterion of the model in which b is held, D(theta, h(theta)) is constant, so
//   dh/dtheta = - D_theta / D_b   and, where that is 0,   d2h/dtheta2 = - D_theta,theta / D_b.
#ifndef HENDERSON_INFERENCE_PROFILE_COEFFICIENT_HPP
#define HENDERSON_INFERENCE_PROFILE_COEFFICIENT_HPP

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "henderson/fit/boundary.hpp"
#include "henderson/fit/chart.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

struct CoefficientLimit {
  double value = std::numeric_limits<double>::quiet_NaN();
  VectorXd theta, beta;
  double sigma = 0;
  int evaluations = 0;
  bool converged = false;
};

// The criterion of maximum likelihood with one coefficient, a'beta, held. Everything comes from the evaluation of the
// whole model.
class HeldCoefficient {
 public:
  HeldCoefficient(const Criterion& criterion, const VectorXd& a) : criterion_(&criterion), a_(a) {}
  const Criterion& criterion() const { return *criterion_; }

  // What the whole model says of the coefficient: its estimate, and its variance relative to sigma^2.
  struct Own {
    double estimate = 0, variance = 0;
    VectorXd c_a;   // (X'V^{-1}X)^{-1} a
  };
  Own own(const Evaluation& at) const {
    Own out;
    out.c_a = a_;
    at.x_root.triangularView<Eigen::Lower>().solveInPlace(out.c_a);
    out.variance = out.c_a.squaredNorm();
    at.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace(out.c_a);
    out.estimate = a_.dot(at.beta);
    return out;
  }

  // Distance from the estimate at which the criterion is `level`; negative where it is nowhere so low.
  double reach(const Evaluation& at, const Own& x, double level) const {
    const double rise = level - at.value;
    if (!(rise >= 0)) return -1;
    if (known_sigma()) return std::sqrt(x.variance * at.sigma2 * rise);
    return std::sqrt(x.variance * at.r2 * std::expm1(rise / at.degrees));
  }
  // d criterion / db at this distance, and how far the criterion has risen there.
  double slope(const Evaluation& at, const Own& x, double distance) const {
    if (known_sigma()) return 2 * distance / (x.variance * at.sigma2);
    return 2 * at.degrees * distance / (x.variance * at.r2 + distance * distance);
  }
  double rise(const Evaluation& at, const Own& x, double distance) const {
    const double square = distance * distance / x.variance;
    return known_sigma() ? square / at.sigma2 : at.degrees * std::log1p(square / at.r2);
  }

  double sigma2(const Evaluation& at, const Own& x, double distance) const {
    return known_sigma() ? at.sigma2 : (at.r2 + distance * distance / x.variance) / at.degrees;
  }

  // The evaluation with the coefficient held, from one of the whole model. The held direction is taken out of
  // X'V^{-1}X by a large weight: no rows need to be formed again.
  Evaluation hold(Evaluation at, const Own& x, double distance) const {
    const Problem& pr = criterion_->problem();
    const Index p = pr.p;
    at.beta += x.c_a * (distance / x.variance);
    at.sigma2 = sigma2(at, x, distance);
    at.r2 += distance * distance / x.variance;
    at.e.noalias() = at.y.col(p) - at.y.leftCols(p) * at.beta;
    if (pr.rest.columns() > 0) {
      at.b_rest = at.rest.covariance_times(pr.rest, at.s_d.col(p) - at.s_d.leftCols(p) * at.beta);
      at.e -= pr.rest.gather(at.y_rest, at.b_rest);
    }
    const MatrixXd root = at.x_root.triangularView<Eigen::Lower>();
    const MatrixXd information = root * root.transpose() + 1e8 / x.variance * a_ * a_.transpose();
    at.x_root = Eigen::LLT<MatrixXd>(information).matrixL();
    return at;
  }

 private:
  bool known_sigma() const { return criterion_->problem().sigma2 > 0; }

  const Criterion* criterion_;
  VectorXd a_;
};

// What minimize() wants, in the unit of the criterion: less the limit at this level, or the criterion with b held.
class CoefficientFunction {
 public:
  CoefficientFunction(const HeldCoefficient& model, const Evaluation& known) : model_(&model), known_(&known) {}
  void seek(int side, double level, double unit) {
    side_ = side;
    level_ = level;
    unit_ = unit;
  }
  void hold(double b) {
    side_ = 0;
    b_ = b;
  }
  template <class Test>
  void leave_if(Test test) { leave_ = test; }

  double value(const VectorXd& theta) {
    if (theta.size() == known_->theta.size() && theta == known_->theta) {
      at_ = *known_;
    } else if (at_.theta.size() == 0 || at_.theta != theta) {
      at_ = model_->criterion().evaluate(theta, std::move(at_));
    }
    if (!at_.ok()) return std::numeric_limits<double>::infinity();
    own_ = model_->own(at_);
    if (side_ == 0) {
      distance_ = b_ - own_.estimate;
      return at_.value + model_->rise(at_, own_, distance_);
    }
    distance_ = side_ * model_->reach(at_, own_, level_);
    if (!(side_ * distance_ > 0)) return std::numeric_limits<double>::infinity();
    return -side_ * limit() * unit_;
  }
  void derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) {
    value(theta);
    const Evaluation held = model_->hold(at_, own_, distance_);
    const Criterion& criterion = model_->criterion();
    chart_ = exact_moments(criterion.problem()) ? Chart(*criterion.problem().layout, theta) : Chart();
    const Derivatives d = chart_.rotated() ? chart_.derivatives(criterion, held) : henderson::derivatives(criterion, held);
    const double unit = side_ == 0 ? 1 : unit_ / std::abs(model_->slope(at_, own_, distance_));
    gradient = unit * d.gradient;
    hessian = unit * d.hessian;
    exact_ = d.exact;
  }
  VectorXd moved(const VectorXd& theta, const VectorXd& step) const {
    return chart_.rotated() ? chart_.moved(step) : VectorXd(theta + step);
  }
  bool leave(const VectorXd&, double value, const NewtonStep&) const { return leave_ && leave_(value); }
  bool exact() const { return exact_; }
  double noise() const {
    return 16 * std::numeric_limits<double>::epsilon() *
           (std::abs(at_.log_det_random) + at_.degrees * (1 + std::abs(std::log(at_.sigma2))));
  }
  double limit() const { return own_.estimate + distance_; }
  double slope() const { return std::abs(model_->slope(at_, own_, distance_)); }
  double sigma() const { return std::sqrt(model_->sigma2(at_, own_, distance_)); }
  VectorXd beta() const { return at_.beta + own_.c_a * (distance_ / own_.variance); }

 private:
  const HeldCoefficient* model_;
  const Evaluation* known_;
  Evaluation at_;
  HeldCoefficient::Own own_;
  Chart chart_;
  int side_ = 0;
  double level_ = 0, unit_ = 1, b_ = 0, distance_ = 0;
  bool exact_ = true;
  std::function<bool(double)> leave_;
};

class CoefficientProfile {
 public:
  // `theta`: the estimate by maximum likelihood.
  CoefficientProfile(const Problem& problem, const CrossProducts& data, const VectorXd& theta, Monitor& monitor)
      : problem_(problem), data_(data), criterion_(problem, false, monitor), monitor_(monitor), best_(criterion_.evaluate(theta)) {
    options_.decrement = options_.decrement_inexact = 1e-12;
  }

  bool ok() const { return best_.ok(); }

  // Where the criterion has risen by each of `rises` (ascending) on one side (-1, 1) of the estimate of the kept
  // coefficient j. The search for one starts where the one before ended.
  std::vector<CoefficientLimit> limits(Index j, int side, const VectorXd& rises) const {
    const VectorXd a = data_.x.basis.row(j).transpose();
    const HeldCoefficient model(criterion_, a);
    std::vector<CoefficientLimit> out;
    VectorXd from = best_.theta;
    for (Index i = 0; i < rises.size(); ++i) {
      CoefficientLimit here = limit(model, side, best_.value + rises[i], from);
      if (here.converged) {
        from = here.theta;
        here.value += data_.x.response(j, 0);
        here.beta = data_.x.response.col(0) + data_.x.basis * here.beta;
      }
      out.push_back(here);
      monitor_.check();
    }
    return out;
  }

 private:
  CoefficientLimit limit(const HeldCoefficient& model, int side, double level, const VectorXd& from) const {
    CoefficientFunction f(model, best_);
    CoefficientLimit out = seek(f, side, level, from);
    if (!out.converged || !near_boundary(out.theta)) return out;
    for (const VectorXd& start : starts()) {
      const CoefficientLimit other = beyond(f, level, out.value, start);
      out.evaluations += other.evaluations;
      if (!other.converged) continue;
      CoefficientLimit next = seek(f, side, level, other.theta);
      next.evaluations += out.evaluations;
      if (next.converged && side * next.value > side * out.value) out = next;
    }
    return out;
  }

  CoefficientLimit seek(CoefficientFunction& f, int side, double level, const VectorXd& from) const {
    CoefficientLimit out;
    f.seek(side, level, 1);
    f.leave_if(nullptr);
    if (!std::isfinite(f.value(from))) return out;
    f.seek(side, level, f.slope());
    const Optimum found = minimize(f, from, options_, monitor_);
    f.value(found.theta);
    out.evaluations = found.evaluations;
    out.converged = found.status == "converged";
    out.value = f.limit();
    out.beta = f.beta();
    out.sigma = f.sigma();
    out.theta = found.theta;
    return out;
  }

  // With the coefficient held at its limit: does the search from another start find a better model than the level has?
  CoefficientLimit beyond(CoefficientFunction& f, double level, double limit, const VectorXd& start) const {
    CoefficientLimit out;
    const double lower = level - 1e-8 * (1 + 1e-2 * std::abs(level));
    f.hold(limit);
    f.leave_if([&](double value) { return value < lower; });
    const Optimum found = minimize(f, start, options_, monitor_);
    out.evaluations = found.evaluations;
    out.converged = found.status == "left";
    out.theta = found.theta;
    return out;
  }

  // Other optima have been seen only where a covariance matrix is (nearly) singular, here or at the estimate.
  bool near_boundary(const VectorXd& theta) const {
    if (problem_.rest.factor_entries() >= 2000000) return false;
    for (const VectorXd& at : {theta, best_.theta}) {
      std::vector<bool> singular;
      if (snapped(problem_, at, singular) != at) return true;
      if (std::find(singular.begin(), singular.end(), true) != singular.end()) return true;
    }
    return weak(theta) || weak(best_.theta);
  }

  // Is a variance less than a few levels' worth of what a level can tell?
  bool weak(const VectorXd& theta) const {
    for (const Term& term : problem_.layout->terms) {
      const Group& group = problem_.layout->groups[term.group];
      const double least = 3 * std::sqrt(2.0 * static_cast<double>(group.levels)) / static_cast<double>(problem_.n);
      const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
      if (l.diagonal().cwiseAbs2().minCoeff() < least) return true;
    }
    return false;
  }

  std::vector<VectorXd> starts() const {
    const Layout& layout = *problem_.layout;
    VectorXd little(layout.n_theta), neutral(layout.n_theta);
    bool correlated = false;
    for (const Term& term : layout.terms) {
      const double level = static_cast<double>(layout.groups[term.group].levels) / static_cast<double>(problem_.n);
      little.segment(term.theta, term.n_theta) = term.structure->nearest(0.03 * level * MatrixXd::Identity(term.q, term.q));
      neutral.segment(term.theta, term.n_theta) = term.structure->start(term.q);
      correlated = correlated || term.n_theta > term.q;
    }
    if (!correlated || layout.n_theta <= 3) return {little, neutral};
    return {little, 0.2 * neutral, neutral, 5 * neutral};
  }

  const Problem& problem_;
  const CrossProducts& data_;
  Criterion criterion_;
  Monitor& monitor_;
  Evaluation best_;
  Options options_;
};

}  // namespace henderson

#endif
