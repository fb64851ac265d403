#include "henderson/linalg/row_wise_qr.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

namespace henderson {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kRowError = 1e-12;   // of the size of a row: what counts as rounding error

// Largest first.
std::vector<Index> by_size(const VectorXd& size) {
  std::vector<Index> order(size.size());
  std::iota(order.begin(), order.end(), Index(0));
  std::stable_sort(order.begin(), order.end(), [&](Index i, Index j) { return size[i] > size[j]; });
  return order;
}

// A matrix, and the largest norm that each of its rows has had.
struct Turned {
  MatrixXd rows;
  VectorXd size;
  explicit Turned(MatrixXd given) : rows(std::move(given)), size(rows.rowwise().norm()) {}
  // Rows from n - v.size() on less v (scale v'rows).
  void turn(const VectorXd& v, double scale) {
    auto left = rows.bottomRows(v.size());
    const Eigen::RowVectorXd along = scale * (v.transpose() * left);
    left.noalias() -= v * along;
    size.tail(v.size()) = size.tail(v.size()).cwiseMax(left.rowwise().norm());
  }
};

// Householder reflections of rows `from` and below, one for each dimension that is left in `matrix`; the others turn
// with it. Returns their number.
Index reduce(Turned& matrix, Index from, std::initializer_list<Turned*> others) {
  MatrixXd& m = matrix.rows;
  const Index steps = std::min(m.rows() - from, m.cols());
  Index k = 0;
  for (; k < steps; ++k) {
    const Index row = from + k, rows = m.rows() - row;
    auto left = m.bottomRows(rows);
    if ((left.rowwise().norm().array() <= kRowError * matrix.size.tail(rows).array()).all()) break;
    Index column = 0;
    left.colwise().squaredNorm().maxCoeff(&column);
    VectorXd v = left.col(column);
    v /= v.cwiseAbs().maxCoeff();
    const double length = std::copysign(v.norm(), v[0]), pivot = v[0] + length;
    v[0] = pivot;
    const double scale = 1 / (length * pivot);
    matrix.turn(v, scale);
    for (Turned* other : others) other->turn(v, scale);
    m.col(column).tail(rows - 1).setZero();
  }
  m.bottomRows(m.rows() - from - k).setZero();
  return k;
}

}  // namespace

RowWiseQr row_wise_qr(const MatrixXd& z, const MatrixXd& x, const MatrixXd& y) {
  const VectorXd size = (z.rowwise().squaredNorm() + x.rowwise().squaredNorm()).cwiseSqrt();
  const std::vector<Index> order = by_size(size);
  const auto sorted = [&](const MatrixXd& a) {
    MatrixXd b(a.rows(), a.cols());
    for (Index i = 0; i < a.rows(); ++i) b.row(i) = a.row(order[i]);
    return Turned(std::move(b));
  };
  Turned turned_z = sorted(z), turned_x = sorted(x), turned_y = sorted(y);
  RowWiseQr out;
  out.z_rank = reduce(turned_z, 0, {&turned_x, &turned_y});
  out.x_rank = reduce(turned_x, out.z_rank, {&turned_y});
  out.z = std::move(turned_z.rows);
  out.x = std::move(turned_x.rows);
  out.y = std::move(turned_y.rows);
  return out;
}

}  // namespace henderson
