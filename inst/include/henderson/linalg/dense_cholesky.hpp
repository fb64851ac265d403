// Blocked Cholesky factor and inverse of one dense symmetric matrix, in place, with checkpoints between tiles.
#ifndef HENDERSON_LINALG_DENSE_CHOLESKY_HPP
#define HENDERSON_LINALG_DENSE_CHOLESKY_HPP

#include <Eigen/Dense>
#include <algorithm>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index kTile = 128;

// Lower Cholesky factor over the lower triangle of `a`; false if `a` is not positive definite.
inline bool cholesky_in_place(Eigen::Ref<MatrixXd> a, Checkpoint& checkpoint) {
  const Index n = a.rows();
  for (Index k = 0; k < n; k += kTile) {
    const Index b = std::min(kTile, n - k), below = n - k - b;
    Eigen::Ref<MatrixXd> diagonal = a.block(k, k, b, b);
    const Eigen::LLT<Eigen::Ref<MatrixXd>> in_place(diagonal);
    if (in_place.info() != Eigen::Success) return false;
    if (below == 0) break;
    auto panel = a.block(k + b, k, below, b);
    diagonal.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(panel);
    for (Index j = k + b; j < n; j += 4 * kTile) {
      const Index width = std::min(4 * kTile, n - j);
      auto left = a.block(j, k, width, b);
      a.block(j, j, width, width).selfadjointView<Eigen::Lower>().rankUpdate(left, -1.0);
      if (j + width < n) {
        a.block(j + width, j, n - j - width, width).noalias() -=
            a.block(j + width, k, n - j - width, b) * left.transpose();
      }
      checkpoint.check();
    }
  }
  return true;
}

// Inverse of the lower triangular matrix in the lower triangle of `l`, in place.
inline void invert_lower_in_place(Eigen::Ref<MatrixXd> l, Checkpoint& checkpoint) {
  const Index n = l.rows();
  if (n <= kTile / 2) {
    MatrixXd inverse = MatrixXd::Identity(n, n);
    l.triangularView<Eigen::Lower>().solveInPlace(inverse);
    l.triangularView<Eigen::Lower>() = inverse;
    return;
  }
  const Index h = n / 2;
  invert_lower_in_place(l.topLeftCorner(h, h), checkpoint);
  invert_lower_in_place(l.bottomRightCorner(n - h, n - h), checkpoint);
  for (Index j = 0; j < h; j += 4 * kTile) {
    const Index width = std::min(4 * kTile, h - j);
    // [L21 L11^-1] for these columns needs the rows of L11^-1 from j on.
    MatrixXd product = l.block(h, j, n - h, h - j) *
                       MatrixXd(l.block(j, j, h - j, width).triangularView<Eigen::Lower>());
    l.block(h, j, n - h, width).noalias() =
        -(l.bottomRightCorner(n - h, n - h).triangularView<Eigen::Lower>() * product);
    checkpoint.check();
  }
}

// M'M of the lower triangular matrix in the lower triangle of `m`, in place (lower triangle).
inline void multiply_transposed_lower_in_place(Eigen::Ref<MatrixXd> m, Checkpoint& checkpoint) {
  const Index n = m.rows();
  for (Index i = 0; i < n; i += kTile) {
    const Index b = std::min(kTile, n - i), below = n - i - b;
    const MatrixXd diagonal = m.block(i, i, b, b).triangularView<Eigen::Lower>();
    // Row of tiles i of the result uses rows >= i of M; earlier result tiles are already final.
    MatrixXd row = diagonal.transpose() * m.block(i, 0, b, i + b);
    row.rightCols(b) = diagonal.transpose() * diagonal;
    if (below > 0) {
      row.noalias() += m.block(i + b, i, below, b).transpose() * m.block(i + b, 0, below, i + b);
    }
    m.block(i, 0, b, i) = row.leftCols(i);
    m.block(i, i, b, b).triangularView<Eigen::Lower>() = row.rightCols(b);
    checkpoint.check();
  }
}

// From the Cholesky factor in the lower triangle to the lower triangle of the inverse matrix.
inline void inverse_from_cholesky_in_place(Eigen::Ref<MatrixXd> l, Checkpoint& checkpoint) {
  invert_lower_in_place(l, checkpoint);
  multiply_transposed_lower_in_place(l, checkpoint);
}

}  // namespace henderson

#endif
