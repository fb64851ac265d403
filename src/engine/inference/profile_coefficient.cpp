#include "henderson/inference/profile_coefficient.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/limits.hpp"

namespace henderson {

HeldCoefficient::Own HeldCoefficient::own(const Evaluation& at) const {
  Own out;
  out.c_a = a_;
  at.x_root.triangularView<Eigen::Lower>().solveInPlace(out.c_a);
  out.variance = out.c_a.squaredNorm();
  at.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace(out.c_a);
  out.estimate = a_.dot(at.beta);
  return out;
}

std::optional<double> HeldCoefficient::reach(const Evaluation& at, const Own& x, double level) const {
  const double rise = level - at.value;
  if (!(rise >= 0)) return std::nullopt;
  if (known_sigma()) return std::sqrt(x.variance * at.sigma2 * rise);
  return std::sqrt(x.variance * at.r2 * std::expm1(rise / at.degrees));
}

double HeldCoefficient::slope(const Evaluation& at, const Own& x, double distance) const {
  if (known_sigma()) return 2 * distance / (x.variance * at.sigma2);
  return 2 * at.degrees * distance / (x.variance * at.r2 + distance * distance);
}

double HeldCoefficient::rise(const Evaluation& at, const Own& x, double distance) const {
  const double square = distance * distance / x.variance;
  return known_sigma() ? square / at.sigma2 : at.degrees * std::log1p(square / at.r2);
}

double HeldCoefficient::sigma2(const Evaluation& at, const Own& x, double distance) const {
  return known_sigma() ? at.sigma2 : (at.r2 + distance * distance / x.variance) / at.degrees;
}

Evaluation HeldCoefficient::hold(Evaluation at, const Own& x, double distance) const {
  const Problem& pr = criterion_->problem();
  const Index p = pr.p;
  at.beta += x.c_a * (distance / x.variance);
  at.sigma2 = sigma2(at, x, distance);
  at.r2 += distance * distance / x.variance;
  const auto residual = [&] { at.e.noalias() = at.y.col(p) - at.y.leftCols(p) * at.beta; };
  std::visit(Overloads{[&](const OneFactor&) { residual(); },
                       [&](const Crossed&) {
                         residual();
                         const VectorXd right = at.s_d.col(p) - at.s_d.leftCols(p) * at.beta;
                         at.b_rest = at.rest.covariance_times(pr.rest, right);
                         at.e -= pr.rest.gather(at.y_rest, at.b_rest);
                       },
                       [](const Rooted&) {}},
             pr.regime);
  const MatrixXd root = at.x_root.triangularView<Eigen::Lower>();
  const MatrixXd information = root * root.transpose() + 1e8 / x.variance * a_ * a_.transpose();
  at.x_root = Eigen::LLT<MatrixXd>(information).matrixL();
  return at;
}

void CoefficientFunction::seek(int side, double level, double unit) {
  side_ = side;
  level_ = level;
  unit_ = unit;
}

void CoefficientFunction::hold(double b) {
  side_ = 0;
  b_ = b;
}

double CoefficientFunction::value(const VectorXd& theta) {
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
  const std::optional<double> reach = model_->reach(at_, own_, level_);
  if (!reach || !(*reach > 0)) return std::numeric_limits<double>::infinity();
  distance_ = side_ * *reach;
  return -side_ * limit() * unit_;
}

void CoefficientFunction::derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) {
  value(theta);
  const Evaluation held = model_->hold(at_, own_, distance_);
  const Criterion& criterion = model_->criterion();
  const bool exact = exact_moments(criterion.problem());
  parameters_ = exact ? LocalParameters(*criterion.problem().layout, theta) : LocalParameters();
  const Derivatives d =
      parameters_.rotated() ? parameters_.derivatives(criterion, held) : henderson::derivatives(criterion, held);
  const double unit = side_ == 0 ? 1 : unit_ / std::abs(model_->slope(at_, own_, distance_));
  gradient = unit * d.gradient;
  hessian = unit * d.hessian;
  exact_ = d.exact;
}

VectorXd CoefficientFunction::moved(const VectorXd& theta, const VectorXd& step) const {
  return parameters_.rotated() ? parameters_.moved(step) : VectorXd(theta + step);
}

CoefficientProfile::CoefficientProfile(const Problem& problem, const CrossProducts& data, const VectorXd& theta,
                                       Monitor& monitor)
    : problem_(problem),
      data_(data),
      criterion_(problem, false, monitor),
      monitor_(monitor),
      best_(criterion_.evaluate(theta)) {
  options_.decrement = 1e-12;
  options_.decrement_inexact = 1e-10;
}

std::vector<CoefficientLimit> CoefficientProfile::limits(Index j, int side, const VectorXd& rises) const {
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

CoefficientLimits CoefficientProfile::both_sides(const std::vector<Index>& coefficients, const VectorXd& rises,
                                                  double missing) const {
  const Index columns = 2 * rises.size() * static_cast<Index>(coefficients.size());
  CoefficientLimits out;
  out.value.resize(columns);
  out.sigma.resize(columns);
  out.theta.setConstant(best_.theta.size(), columns, missing);
  out.beta.setConstant(data_.p(), columns, missing);
  Index at = 0;
  for (const Index j : coefficients)
    for (const int side : {-1, 1})
      for (const CoefficientLimit& limit : limits(j, side, rises)) {
        out.value[at] = limit.value;
        out.sigma[at] = limit.sigma;
        out.converged.push_back(limit.converged);
        out.evaluations += limit.evaluations;
        if (limit.converged) {
          out.theta.col(at) = limit.theta;
          out.beta.col(at) = limit.beta;
        }
        ++at;
      }
  return out;
}

CoefficientLimit CoefficientProfile::limit(const HeldCoefficient& model, int side, double level,
                                           const VectorXd& from) const {
  CoefficientFunction f(model, best_);
  CoefficientLimit out = seek(f, side, level, from);
  if (!out.converged || !near_boundary(out.theta)) return out;
  for (const VectorXd& start : starts()) {
    const CoefficientLimit other = beyond(f, level, out, start);
    out.evaluations += other.evaluations;
    if (!other.converged) continue;
    CoefficientLimit next = seek(f, side, level, other.theta);
    next.evaluations += out.evaluations;
    if (next.converged && side * next.value > side * out.value) out = next;
  }
  return out;
}

CoefficientLimit CoefficientProfile::seek(CoefficientFunction& f, int side, double level, const VectorXd& from) const {
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

CoefficientLimit CoefficientProfile::beyond(CoefficientFunction& f, double level, const CoefficientLimit& limit,
                                            const VectorXd& start) const {
  CoefficientLimit out;
  const double lower = level - 1e-8 * (1 + 1e-2 * std::abs(level));
  f.hold(limit.value);
  f.leave_if([&](const VectorXd& theta, double value, const NewtonStep& newton) {
    out.converged = value < lower;
    const KnownOptimum known{limit.theta, level, f.noise()};
    return out.converged ||
           lead_of(problem_, known, theta, value, newton, f.moved(theta, newton.step)) != Lead::unknown;
  });
  const Optimum found = minimize(f, start, options_, monitor_);
  f.leave_if(nullptr);
  out.evaluations = found.evaluations;
  out.theta = found.theta;
  return out;
}

bool CoefficientProfile::near_boundary(const VectorXd& theta) const {
  if (problem_.rest.factor_entries() >= kAffordableEntries) return false;
  for (const VectorXd& at : {theta, best_.theta}) {
    std::vector<bool> singular;
    if (on_boundary(problem_, at, singular) != at) return true;
    if (std::find(singular.begin(), singular.end(), true) != singular.end()) return true;
  }
  return weak(theta) || weak(best_.theta);
}

bool CoefficientProfile::weak(const VectorXd& theta) const {
  for (const Term& term : problem_.layout->terms) {
    const Group& group = problem_.layout->groups[term.group];
    const double least = 3 * std::sqrt(2.0 * static_cast<double>(group.levels)) / static_cast<double>(problem_.n);
    const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
    if (l.diagonal().cwiseAbs2().minCoeff() < least) return true;
  }
  return false;
}

std::vector<VectorXd> CoefficientProfile::starts() const {
  const Layout& layout = *problem_.layout;
  const VectorXd little = nearly_zero_theta(problem_), identity = identity_theta(layout);
  const bool any = std::any_of(layout.terms.begin(), layout.terms.end(),
                               [](const Term& t) { return correlated(*t.structure, t.q); });
  if (!exact_moments(problem_)) return {identity};
  if (!any || layout.n_theta <= 3) return {little, identity};
  return {little, layout.scaled(identity, 0.2), identity, layout.scaled(identity, 5)};
}

}  // namespace henderson
