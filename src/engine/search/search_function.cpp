#include "henderson/search/search_function.hpp"

#include <utility>

namespace henderson {

double SearchFunction::value(const VectorXd& theta) {
  at_ = criterion_->evaluate(theta, std::move(at_));
  return at_.value;
}

void SearchFunction::derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) {
  if (at_.theta != theta) value(theta);
  const Problem& problem = criterion_->problem();
  if (exact_moments(problem)) {
    parameters_ = LocalParameters(*problem.layout, theta);
    take(parameters_.derivatives(*criterion_, at_), gradient, hessian);
  } else {
    plain_derivatives(theta, gradient, hessian);
  }
}

void SearchFunction::plain_derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) {
  if (at_.theta != theta) value(theta);
  parameters_ = LocalParameters();
  take(henderson::derivatives(*criterion_, at_), gradient, hessian);
}

VectorXd SearchFunction::moved(const VectorXd& theta, const VectorXd& step) const {
  return parameters_.rotated() ? parameters_.moved(step) : VectorXd(theta + step);
}

bool SearchFunction::leave(const VectorXd& theta, double value, const NewtonStep& newton) const {
  return leave_ && leave_(*this, theta, value, newton);
}

void SearchFunction::take(const Derivatives& d, VectorXd& gradient, MatrixXd& hessian) {
  gradient = d.gradient;
  hessian = d.hessian;
  exact_ = d.exact;
}

}  // namespace henderson
