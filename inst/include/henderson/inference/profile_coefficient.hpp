// Likelihood limits of a coefficient, without a walk along its profile.
//
// At given theta -2 log L is, with sigma profiled out, n log of a quadratic function of the coefficient b: the values
// of b at which it has a given height are known. The limit is the farthest of them over theta, h(theta): an optimum
// without constraints. With D(theta, b) the criterion of the model in which b is held, D(theta, h(theta)) is constant,
// so
//   dh/dtheta = - D_theta / D_b   and, where that is 0,   d2h/dtheta2 = - D_theta,theta / D_b.
#ifndef HENDERSON_INFERENCE_PROFILE_COEFFICIENT_HPP
#define HENDERSON_INFERENCE_PROFILE_COEFFICIENT_HPP

#include <Eigen/Core>
#include <cmath>
#include <functional>
#include <optional>
#include <limits>
#include <vector>

#include "henderson/search/boundary.hpp"
#include "henderson/search/local_parameters.hpp"
#include "henderson/search/starts.hpp"
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
  Own own(const Evaluation& at) const;

  // Distance from the estimate at which the criterion is `level`; negative where it is nowhere so low.
  std::optional<double> reach(const Evaluation& at, const Own& x, double level) const;
  // d criterion / db at this distance, and how far the criterion has risen there.
  double slope(const Evaluation& at, const Own& x, double distance) const;
  double rise(const Evaluation& at, const Own& x, double distance) const;

  double sigma2(const Evaluation& at, const Own& x, double distance) const;

  // The evaluation with the coefficient held, from one of the whole model. The held direction is taken out of
  // X'V^{-1}X by a large weight: no rows need to be formed again.
  Evaluation hold(Evaluation at, const Own& x, double distance) const;

 private:
  bool known_sigma() const { return criterion_->problem().known_sigma2.has_value(); }

  const Criterion* criterion_;
  VectorXd a_;
};

// What minimize() wants, in the unit of the criterion: less the limit at this level, or the criterion with b held.
class CoefficientFunction {
 public:
  CoefficientFunction(const HeldCoefficient& model, const Evaluation& known) : model_(&model), known_(&known) {}
  void seek(int side, double level, double unit);
  void hold(double b);
  template <class Test>
  void leave_if(Test test) { leave_ = test; }

  double value(const VectorXd& theta);
  void derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian);
  VectorXd moved(const VectorXd& theta, const VectorXd& step) const;
  bool leave(const VectorXd& theta, double value, const NewtonStep& newton) const {
    return leave_ && leave_(theta, value, newton);
  }
  bool exact() const { return exact_; }
  double noise() const { return rounding_error(at_); }
  double limit() const { return own_.estimate + distance_; }
  double slope() const { return std::abs(model_->slope(at_, own_, distance_)); }
  double sigma() const { return std::sqrt(model_->sigma2(at_, own_, distance_)); }
  VectorXd beta() const { return at_.beta + own_.c_a * (distance_ / own_.variance); }

 private:
  const HeldCoefficient* model_;
  const Evaluation* known_;
  Evaluation at_;
  HeldCoefficient::Own own_;
  LocalParameters parameters_;
  int side_ = 0;
  double level_ = 0, unit_ = 1, b_ = 0, distance_ = 0;
  bool exact_ = true;
  std::function<bool(const VectorXd&, double, const NewtonStep&)> leave_;
};

// Of several coefficients, a column or entry for each limit: first below, then above, for each of the rises.
struct CoefficientLimits {
  VectorXd value, sigma;
  MatrixXd theta, beta;          // where the search did not converge, what stands for missing values
  std::vector<bool> converged;
  int evaluations = 0;
};

class CoefficientProfile {
 public:
  // `theta`: the estimate by maximum likelihood.
  CoefficientProfile(const Problem& problem, const CrossProducts& data, const VectorXd& theta, Monitor& monitor);

  bool ok() const { return best_.ok(); }

  // Where the criterion has risen by each of `rises` (ascending) on one side (-1, 1) of the estimate of the kept
  // coefficient j. The search for one starts where the one before ended.
  std::vector<CoefficientLimit> limits(Index j, int side, const VectorXd& rises) const;

  CoefficientLimits both_sides(const std::vector<Index>& coefficients, const VectorXd& rises, double missing) const;

 private:
  CoefficientLimit limit(const HeldCoefficient& model, int side, double level, const VectorXd& from) const;

  CoefficientLimit seek(CoefficientFunction& f, int side, double level, const VectorXd& from) const;

  // With the coefficient held at its limit: does the search from another start find a better model than the level has?
  CoefficientLimit beyond(CoefficientFunction& f, double level, const CoefficientLimit& limit,
                          const VectorXd& start) const;

  // Other optima have been seen only where a covariance matrix is (nearly) singular, here or at the estimate.
  bool near_boundary(const VectorXd& theta) const;

  // Is a variance less than a few levels' worth of what a level can tell?
  bool weak(const VectorXd& theta) const;

  std::vector<VectorXd> starts() const;

  const Problem& problem_;
  const CrossProducts& data_;
  Criterion criterion_;
  Monitor& monitor_;
  Evaluation best_;
  Options options_;
};

}  // namespace henderson

#endif
