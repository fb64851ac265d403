// C x = b by preconditioned conjugate gradients, many right sides at a time (Hestenes and Stiefel 1952).
#ifndef HENDERSON_ITERATIVE_CONJUGATE_GRADIENTS_HPP
#define HENDERSON_ITERATIVE_CONJUGATE_GRADIENTS_HPP

#include "henderson/iterative/preconditioner.hpp"

namespace henderson {
namespace iterative {

constexpr int kMostPasses = 1000;

// Right sides that are worked on at a time: a panel of them should stay in the cache.
Index panel_width(Index rows);

class Solver {
 public:
  Solver(const Operator& c, const Preconditioner& m) : c_(c), m_(m) {}

  // `x` is where to start (of b's shape, or empty) and the solution; each column stops where |M^{-1/2} r| <= tolerance
  // |M^{-1/2} b|. `residual`, b - C x, may be null. Throws "iterative_passes" after kMostPasses.
  void solve(const Panel& b, double tolerance, Panel& x, Panel* residual = nullptr);

  // b_i'C^{-1}b_j from solutions and residuals, exact to the square of their errors.
  static MatrixXd products(const Panel& b, const Panel& x, const Panel& residual);

  int passes() const { return passes_; }   // of the slowest solve
  void restart_count() { passes_ = 0; }

 private:
  int solve_panel(const Panel& b, double tolerance, Panel& x, Panel& r) const;

  const Operator& c_;
  const Preconditioner& m_;
  int passes_ = 0;
};

}  // namespace iterative
}  // namespace henderson

#endif
