// The criterion as a function to be minimized.
#ifndef HENDERSON_SEARCH_SEARCH_FUNCTION_HPP
#define HENDERSON_SEARCH_SEARCH_FUNCTION_HPP

#include <Eigen/Core>
#include <functional>

#include "henderson/search/local_parameters.hpp"
#include "henderson/optimize/minimize.hpp"

namespace henderson {

// The criterion as minimize() wants it; keeps the last evaluation, whose factorizations the derivatives use.
class SearchFunction {
 public:
  explicit SearchFunction(const Criterion& criterion) : criterion_(&criterion) {}
  double value(const VectorXd& theta);
  void derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian);
  // In theta itself.
  void plain_derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian);
  bool plain() const { return !parameters_.rotated(); }
  VectorXd moved(const VectorXd& theta, const VectorXd& step) const;
  // The search may end at this point.
  template <class Test>
  void leave_if(Test test) { leave_ = test; }
  bool leave(const VectorXd& theta, double value, const NewtonStep& newton) const;
  bool exact() const { return exact_; }
  double noise() const { return rounding_error(at_); }
  const Evaluation& last() const { return at_; }

 private:
  void take(const Derivatives& d, VectorXd& gradient, MatrixXd& hessian);

  const Criterion* criterion_;
  Evaluation at_;
  LocalParameters parameters_;
  bool exact_ = true;
  std::function<bool(const SearchFunction&, const VectorXd&, double, const NewtonStep&)> leave_;
};

}  // namespace henderson

#endif
