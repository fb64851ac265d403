#include "henderson/data/cell_rows.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "henderson/data/cells.hpp"

namespace henderson {

using Eigen::VectorXd;

namespace {

// What rounding may have left of a variable's square in a cell: of a sum about the mean, or of a shifted sum.
VectorXd rounding(const MatrixXd& square, const VectorXd& shifted, const VectorXd& mean, double w, bool stable) {
  const double eps = 16 * std::numeric_limits<double>::epsilon();
  const Eigen::ArrayXd own = square.diagonal().array().max(0.0);
  if (stable) return eps * (own + eps * w * mean.array().square());
  return eps * (own + w * shifted.array().square());
}

}  // namespace

CellRows cell_rows(const CellSums& cells, const std::vector<Index>& which, Checkpoint& checkpoint) {
  const Index k = static_cast<Index>(which.size());
  CellRows out;
  std::vector<double> values;   // row by row
  MatrixXd own(k, k);
  VectorXd shifted(k), whole(k);
  for (Index c = 0; c < cells.n.size(); ++c) {
    if (c % 4096 == 0) checkpoint.check();
    for (Index j = 0; j < k; ++j) {
      shifted[j] = cells.mean(which[j], c);
      whole[j] = shifted[j] + cells.shift[which[j]];
      for (Index i = 0; i <= j; ++i) {
        const Index a = std::min(which[i], which[j]), b = std::max(which[i], which[j]);
        own(i, j) = own(j, i) = cells.square(packed(a, b), c);
      }
    }
    values.insert(values.end(), whole.data(), whole.data() + k);
    const Index most = cells.n[c] < 1e9 ? static_cast<Index>(cells.n[c]) - 1 : k;
    const VectorXd least = rounding(own, shifted, whole, cells.weight[c], cells.stable);
    const Index rank = cell_root(own, least, std::min(most, k), values);
    out.cell.insert(out.cell.end(), rank + 1, static_cast<int>(c) + 1);
    out.constant.push_back(1);
    out.constant.insert(out.constant.end(), rank, 0.0);
  }
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  out.values = Eigen::Map<const Rows>(values.data(), static_cast<Index>(out.cell.size()), k);
  return out;
}

}  // namespace henderson
