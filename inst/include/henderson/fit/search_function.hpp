// The criterion as a function to be minimized.
#ifndef HENDERSON_FIT_SEARCH_FUNCTION_HPP
#define HENDERSON_FIT_SEARCH_FUNCTION_HPP

#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "henderson/fit/chart.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

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
    const Problem& problem = criterion_->problem();
    if (exact_moments(problem)) {
      chart_ = Chart(*problem.layout, theta);
      take(chart_.derivatives(*criterion_, at_), gradient, hessian);
    } else {
      plain_derivatives(theta, gradient, hessian);
    }
  }
  // In theta itself.
  void plain_derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) {
    if (at_.theta != theta) value(theta);
    chart_ = Chart();
    take(henderson::derivatives(*criterion_, at_), gradient, hessian);
  }
  bool plain() const { return !chart_.rotated(); }
  VectorXd moved(const VectorXd& theta, const VectorXd& step) const {
    return chart_.rotated() ? chart_.moved(step) : VectorXd(theta + step);
  }
  // The search may end at this point.
  template <class Test>
  void leave_if(Test test) { leave_ = test; }
  bool leave(const VectorXd& theta, double value, const NewtonStep& newton) const {
    return leave_ && leave_(*this, theta, value, newton);
  }
  bool exact() const { return exact_; }
  double noise() const {
    return 16 * std::numeric_limits<double>::epsilon() *
           (std::abs(at_.log_det_random) + at_.degrees * (1 + std::abs(std::log(at_.sigma2))));
  }
  const Evaluation& last() const { return at_; }

 private:
  void take(const Derivatives& d, VectorXd& gradient, MatrixXd& hessian) {
    gradient = d.gradient;
    hessian = d.hessian;
    exact_ = d.exact;
  }

  const Criterion* criterion_;
  Evaluation at_;
  Chart chart_;
  bool exact_ = true;
  std::function<bool(const SearchFunction&, const VectorXd&, double, const NewtonStep&)> leave_;
};

}  // namespace henderson

#endif
