#include "henderson/iterative/conjugate_gradients.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

Index panel_width(Index rows) { return rows > 40000 ? 8 : 16; }

void Solver::solve(const Panel& b, double tolerance, Panel& x, Panel* residual) {
  const Index columns = b.cols();
  if (x.rows() != b.rows() || x.cols() != columns) x.setZero(b.rows(), columns);
  if (residual != nullptr) residual->resize(b.rows(), columns);
  Index width = panel_width(b.rows());
  for (Index at = 0; at < columns; at += width) {
    while (width > columns - at) width /= 2;
    Panel own = x.middleCols(at, width), r;
    passes_ = std::max(passes_, solve_panel(b.middleCols(at, width), tolerance, own, r));
    x.middleCols(at, width) = own;
    if (residual != nullptr) residual->middleCols(at, width) = r;
  }
}

int Solver::solve_panel(const Panel& b, double tolerance, Panel& x, Panel& r) const {
  const Index m = b.cols();
  r = b;
  if (!x.isZero(0)) r -= c_.multiply(x);
  Panel z = m_.solve(r), p = z;
  VectorXd rz = column_products(r, z), alpha(m), beta(m);
  const VectorXd goal = tolerance * tolerance * column_products(b, m_.solve(b));
  std::vector<bool> done(m);
  for (Index k = 0; k < m; ++k) done[k] = !(rz[k] > goal[k]);
  int passes = 0;
  while (std::find(done.begin(), done.end(), false) != done.end()) {
    if (++passes > kMostPasses) throw Error("iterative_passes", std::to_string(kMostPasses));
    const Panel cp = c_.multiply(p);
    const VectorXd curvature = column_products(p, cp);
    for (Index k = 0; k < m; ++k) {
      if (!done[k] && !(curvature[k] > 0) && !(rz[k] < 1e4 * goal[k])) throw Error("iterative_ratio", "");
      done[k] = done[k] || !(curvature[k] > 0);
      alpha[k] = done[k] ? 0 : rz[k] / curvature[k];
    }
    add_scaled(x, p, alpha);
    add_scaled(r, cp, -alpha);
    z = m_.solve(r);
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
