// Newton's method with curvature made positive and a backtracking line search. Knows a callable, not a model.
#ifndef HENDERSON_OPTIMIZE_MINIMIZE_HPP
#define HENDERSON_OPTIMIZE_MINIMIZE_HPP

#include <Eigen/Core>

#include "henderson/optimize/monitor.hpp"
#include "henderson/optimize/optimum.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// The Newton direction in the coordinates where the Hessian has a unit diagonal, and what it promises.
struct NewtonStep {
  VectorXd step;
  double decrement = 0;   // g'|H|^-1 g / 2
  bool convex = true;     // no direction of negative curvature
};

NewtonStep newton_step(const VectorXd& gradient, const MatrixXd& hessian);

// What an approximate Hessian lacks, learned from the gradients (symmetric rank one; Conn, Gould and Toint 1991).
class HessianCorrection {
 public:
  explicit HessianCorrection(Index k) : matrix_(MatrixXd::Zero(k, k)) {}
  const MatrixXd& matrix() const { return matrix_; }
  void learn(const MatrixXd& hessian, const VectorXd& step, const VectorXd& change);

 private:
  MatrixXd matrix_;
};

// What is minimized. `derivatives` are those at the point last evaluated, in coordinates of the function's choice about
// it.
struct Objective {
  virtual ~Objective() = default;
  virtual double value(const VectorXd& theta) = 0;
  virtual void derivatives(const VectorXd& theta, VectorXd& gradient, MatrixXd& hessian) = 0;
  virtual VectorXd moved(const VectorXd& theta, const VectorXd& step) const = 0;   // the point that a step leads to
  virtual double noise() const = 0;                                                // rounding error of the value
  virtual bool exact() const = 0;                   // is `hessian` the matrix of second derivatives?
  // May the search end here because it is known where it leads?
  virtual bool leave(const VectorXd& theta, double value, const NewtonStep& newton) const = 0;
};

Optimum minimize_objective(Objective& f, VectorXd theta, const Options& options, Monitor& monitor);

// The same for anything that has the functions of an Objective.
template <class Function>
Optimum minimize(Function& f, const VectorXd& theta, const Options& options, Monitor& monitor) {
  struct Adapter : Objective {
    explicit Adapter(Function& of) : f(of) {}
    double value(const VectorXd& at) override { return f.value(at); }
    void derivatives(const VectorXd& at, VectorXd& g, MatrixXd& h) override { f.derivatives(at, g, h); }
    VectorXd moved(const VectorXd& at, const VectorXd& step) const override { return f.moved(at, step); }
    double noise() const override { return f.noise(); }
    bool exact() const override { return f.exact(); }
    bool leave(const VectorXd& at, double value, const NewtonStep& newton) const override {
      return f.leave(at, value, newton);
    }
    Function& f;
  } objective(f);
  return minimize_objective(objective, theta, options, monitor);
}

}  // namespace henderson

#endif
