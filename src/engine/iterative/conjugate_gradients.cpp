#include "henderson/iterative/conjugate_gradients.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

Index panel_width(Index rows) { return rows > kNarrowPanels ? 8 : 16; }

namespace {

// The widest panel of a power of two columns; a wider one with some columns left empty is worth its while where they
// are few.
Index next_width(Index columns, Index most) {
  Index width = most;
  while (width > 1 && 4 * columns < 3 * width) width /= 2;
  return width;
}

}  // namespace

void Solver::solve(const Panel& b, double tolerance, Panel& x, Panel* residual) {
  const Index columns = b.cols();
  if (x.rows() != b.rows() || x.cols() != columns) x.setZero(b.rows(), columns);
  if (residual != nullptr) residual->resize(b.rows(), columns);
  for (Index at = 0; at < columns;) {
    const Index width = next_width(columns - at, panel_width(b.rows())), used = std::min(width, columns - at);
    Panel right = Panel::Zero(b.rows(), width), own = Panel::Zero(b.rows(), width), r;
    right.leftCols(used) = b.middleCols(at, used);
    own.leftCols(used) = x.middleCols(at, used);
    passes_ = std::max(passes_, solve_panel(right, tolerance, own, r));
    x.middleCols(at, used) = own.leftCols(used);
    if (residual != nullptr) residual->middleCols(at, used) = r.leftCols(used);
    at += used;
  }
}

int Solver::solve_panel(const Panel& b, double tolerance, Panel& x, Panel& r) const {
  const Index m = b.cols();
  Panel z, cp;
  m_.solve(b, z);
  const VectorXd goal = tolerance * tolerance * column_products(b, z);
  for (Index k = 0; k < m; ++k)
    if (!(goal[k] > 0)) x.col(k).setZero();      // no start comes as near to 0 as 0 does
  r = b;
  if (!x.isZero(0)) {
    c_.multiply(x, cp);
    r -= cp;
    m_.solve(r, z);
  }
  Panel p = z;
  VectorXd rz = column_products(r, z), alpha(m), beta(m);
  std::vector<bool> done(m);
  for (Index k = 0; k < m; ++k) done[k] = !(rz[k] > goal[k]);
  int passes = 0;
  while (std::find(done.begin(), done.end(), false) != done.end()) {
    if (++passes > kMostPasses) throw Error("iterative_passes", std::to_string(kMostPasses));
    c_.multiply(p, cp);
    const VectorXd curvature = column_products(p, cp);
    for (Index k = 0; k < m; ++k) {
      if (!done[k] && !(curvature[k] > 0) && !(rz[k] < 1e4 * goal[k])) throw Error("iterative_ratio", "");
      done[k] = done[k] || !(curvature[k] > 0);
      alpha[k] = done[k] ? 0 : rz[k] / curvature[k];
    }
    add_scaled(x, p, alpha);
    add_scaled(r, cp, -alpha);
    m_.solve(r, z);
    const VectorXd now = column_products(r, z);
    for (Index k = 0; k < m; ++k) {
      beta[k] = done[k] ? 0 : now[k] / rz[k];
      if (!done[k]) rz[k] = now[k];
      done[k] = done[k] || !(now[k] > goal[k]);
    }
    scale_and_add(p, z, beta);
  }
  return passes;
}

MatrixXd Solver::products(const Panel& b, const Panel& x, const Panel& residual) {
  const MatrixXd first = b.transpose() * x, second = residual.transpose() * x;
  return 0.5 * (first + first.transpose()) + 0.5 * (second + second.transpose());
}

}  // namespace iterative
}  // namespace henderson
