#include "henderson/iterative/panel.hpp"

#include "henderson/iterative/wide.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {
namespace iterative {

VectorXd column_products(const double* x, const double* y, Index rows, Index step, Index m) {
  VectorXd out(m);
  with_width(m, [&](auto width) {
    constexpr int M = decltype(width)::value;
    Wide<M> sum = Wide<M>::Zero(m);
    for (Index i = 0; i < rows; ++i) sum += wide<M>(x + i * step * m, m) * wide<M>(y + i * step * m, m);
    out = sum.matrix();
  });
  return out;
}

VectorXd column_products(const Panel& a, const Panel& b) {
  return column_products(a.data(), b.data(), a.rows(), 1, a.cols());
}

void add_scaled(Panel& to, const Panel& from, const VectorXd& by) {
  with_width(to.cols(), [&](auto width) {
    constexpr int M = decltype(width)::value;
    const Index m = to.cols();
    const Wide<M> factor = by.array();
    for (Index i = 0; i < to.rows(); ++i) wide<M>(to.data() + i * m, m) += factor * wide<M>(from.data() + i * m, m);
  });
}

void scale_and_add(Panel& to, const Panel& from, const VectorXd& by) {
  with_width(to.cols(), [&](auto width) {
    constexpr int M = decltype(width)::value;
    const Index m = to.cols();
    const Wide<M> factor = by.array();
    for (Index i = 0; i < to.rows(); ++i) {
      auto own = wide<M>(to.data() + i * m, m);
      own = wide<M>(from.data() + i * m, m) + factor * own;
    }
  });
}

void run_parts(int parts, int threads, const std::function<void(int)>& part) {
  Monitor silent;
  share_work(parts, threads, silent, [&](Index k, Monitor&) { part(static_cast<int>(k)); }, [](Index) {});
}

void multiply_blocks(const double* blocks, Index rows, Index levels, const double* from, Index m, bool transposed,
                     double* to) {
  with_width(m, [&](auto width) {
    constexpr int M = decltype(width)::value;
    for (Index l = 0; l < levels; ++l) {
      const double* block = blocks + l * rows * rows;
      for (Index a = 0; a < rows; ++a) {
        auto y = wide<M>(to + (l * rows + a) * m, m);
        y = (transposed ? block[a * rows] : block[a]) * wide<M>(from + l * rows * m, m);
        for (Index b = 1; b < rows; ++b)
          y += (transposed ? block[b + a * rows] : block[a + b * rows]) * wide<M>(from + (l * rows + b) * m, m);
      }
    }
  });
}

void multiply_each(const MatrixXd& block, bool transposed, const double* from, Index levels, Index m, double* to) {
  const Index q = block.rows();
  const Eigen::Map<const Panel> x(from, levels, q * m);
  Eigen::Map<Panel> y(to, levels, q * m);
  for (Index a = 0; a < q; ++a)
    for (Index b = 0; b < q; ++b) {
      const double value = transposed ? block(b, a) : block(a, b);
      if (b == 0) y.middleCols(a * m, m) = value * x.middleCols(0, m);
      else if (value != 0) y.middleCols(a * m, m) += value * x.middleCols(b * m, m);
    }
}

}  // namespace iterative
}  // namespace henderson
