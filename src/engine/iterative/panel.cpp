#include "henderson/iterative/panel.hpp"

#include <algorithm>
#include <thread>
#include <vector>

namespace henderson {
namespace iterative {

VectorXd column_products(const Panel& a, const Panel& b) {
  const Index m = a.cols();
  VectorXd out = VectorXd::Zero(m);
  const double *x = a.data(), *y = b.data();
  for (Index i = 0; i < a.rows(); ++i, x += m, y += m)
    for (Index k = 0; k < m; ++k) out[k] += x[k] * y[k];
  return out;
}

void add_scaled(Panel& to, const Panel& from, const VectorXd& by) {
  const Index m = to.cols();
  double* x = to.data();
  const double* y = from.data();
  for (Index i = 0; i < to.rows(); ++i, x += m, y += m)
    for (Index k = 0; k < m; ++k) x[k] += by[k] * y[k];
}

void scale_and_add(Panel& to, const Panel& from, const VectorXd& by) {
  const Index m = to.cols();
  double* x = to.data();
  const double* y = from.data();
  for (Index i = 0; i < to.rows(); ++i, x += m, y += m)
    for (Index k = 0; k < m; ++k) x[k] = y[k] + by[k] * x[k];
}

void run_parts(int parts, int threads, const std::function<void(int)>& part) {
  const int used = std::max(1, std::min(parts, threads));
  const auto share = [&](int thread) {
    for (int k = thread; k < parts; k += used) part(k);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < used; ++t) others.emplace_back(share, t);
  share(0);
  for (std::thread& other : others) other.join();
}

void multiply_blocks(const double* blocks, Index rows, Index levels, const Panel& from, bool transposed, Panel& to) {
  const Index m = from.cols();
  to.setZero(levels * rows, m);
  for (Index l = 0; l < levels; ++l) {
    const double* block = blocks + l * rows * rows;
    for (Index a = 0; a < rows; ++a)
      for (Index b = 0; b < rows; ++b) {
        const double value = transposed ? block[b + a * rows] : block[a + b * rows];
        const double* x = from.data() + (l * rows + b) * m;
        double* y = to.data() + (l * rows + a) * m;
        for (Index k = 0; k < m; ++k) y[k] += value * x[k];
      }
  }
}

}  // namespace iterative
}  // namespace henderson
