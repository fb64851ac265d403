#include "henderson/likelihood/root_form.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/row_wise_qr.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

std::vector<Index> dense_columns(const Layout& layout, const SchurComplement& rest, int group) {
  const Group& g = layout.groups[group];
  std::vector<Index> first(g.levels);
  if (group == layout.lead) {
    for (Index l = 0; l < g.levels; ++l) first[l] = l * g.q;
    return first;
  }
  for (const Node& node : rest.nodes())
    if (layout.rest[node.rest] == group) first[node.level] = layout.lead_levels() * layout.lead_q() + node.first;
  return first;
}

RootForm::RootForm(const Layout& layout, const CrossProducts& data, const SchurComplement& rest) {
  const Index columns = layout.random_columns();
  if (columns > kRootForm) throw Error("unbounded_size", std::to_string(columns));
  if (data.rows.z.size() > 0) read_rows(layout, data, rest);
  else read_sums(layout, data, rest);
}

void RootForm::read_rows(const Layout& layout, const CrossProducts& data, const SchurComplement& rest) {
  const KeptRows& rows = data.rows;
  MatrixXd z = MatrixXd::Zero(rows.z.rows(), layout.random_columns());
  Index at = 0;
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    const std::vector<Index> first = dense_columns(layout, rest, static_cast<int>(g));
    const Index q = layout.groups[g].q;
    for (Index i = 0; i < z.rows(); ++i) z.row(i).segment(first[rows.level(i, g)], q) = rows.z.row(i).segment(at, q);
    at += q;
  }
  RowWiseQr turned = row_wise_qr(z, rows.x, rows.y);
  a_ = turned.z.topRows(turned.z_rank);
  turned_x_ = std::move(turned.x);
  turned_y_ = std::move(turned.y);
  x_rank_ = turned.x_rank;
}

void RootForm::read_sums(const Layout& layout, const CrossProducts& data, const SchurComplement& rest) {
  const Index q = layout.lead_q(), lead = layout.lead_levels() * q, r = rest.columns();
  const std::vector<double> none(rest.values().size(), 0.0);
  // Columns of one length first: weights and units over many decades would hide what small ones hold.
  const MatrixXd squares = rest.matrix(none);
  const VectorXd length = squares.diagonal().cwiseMax(0).cwiseSqrt();
  const VectorXd unit = (length.array() > 0).select(length.cwiseInverse(), 0.0);
  const SymmetricEigen within(unit.asDiagonal() * squares * unit.asDiagonal());
  const double floor = 1e-13 * static_cast<double>(std::max<Index>(r, 1));
  Index rank = 0;
  while (rank < r && within.eigenvalues()[r - 1 - rank] > floor) ++rank;
  const VectorXd root = within.eigenvalues().tail(rank).cwiseSqrt();
  a_ = MatrixXd::Zero(lead + rank, lead + r);
  for (Index l = 0; l < layout.lead_levels(); ++l) {
    a_.block(l * q, l * q, q, q) = Eigen::Map<const MatrixXd>(data.r.data() + l * q * q, q, q);
    for (Index e = rest.level_begin(l); e < rest.level_end(l); ++e) {
      const Node& node = rest.entry_node(e);
      a_.block(l * q, lead + node.first, q, node.q) = Eigen::Map<const MatrixXd>(rest.entry_value(e), q, node.q);
    }
  }
  const MatrixXd vectors = within.eigenvectors().rightCols(rank);
  a_.bottomRightCorner(rank, r) = root.asDiagonal() * vectors.transpose() * length.asDiagonal();
  to_rows_ = root.cwiseInverse().asDiagonal() * vectors.transpose() * unit.asDiagonal();
}

Index RootForm::spare(const CrossProducts& data, const SchurComplement& rest) const {
  if (data.rows.z.size() > 0) return data.n - a_.rows() - x_rank_;
  Index used = 0;
  for (Index i = 0; i < a_.rows(); ++i) used += a_.row(i).squaredNorm() > 0;
  const MatrixXd along = to_rows_ * rest.within_dense_columns().leftCols(data.p());
  const MatrixXd left = data.w_xx.transpose() * data.w_xx - along.transpose() * along;
  if (left.size() == 0) return data.n - used;
  const double total = (data.t_x.colwise().squaredNorm() + data.w_xx.colwise().squaredNorm()).maxCoeff();
  const SymmetricEigen eigen(left);
  return data.n - used - (eigen.eigenvalues().array() > 1e-12 * total).count();
}

MatrixXd RootForm::root_of(const MatrixXd& square, double floor) {
  const Index p = square.cols() - 1;
  if (p == 0) return MatrixXd(0, 1);
  const SymmetricEigen eigen(square.topLeftCorner(p, p));
  Index rank = 0;
  while (rank < p && eigen.eigenvalues()[p - 1 - rank] > floor) ++rank;
  const VectorXd root = eigen.eigenvalues().tail(rank).cwiseSqrt();
  const MatrixXd vectors = eigen.eigenvectors().rightCols(rank);
  MatrixXd out(rank, p + 1);
  out.leftCols(p) = root.asDiagonal() * vectors.transpose();
  out.col(p) = root.cwiseInverse().asDiagonal() * (vectors.transpose() * square.col(p).head(p));
  return out;
}

void RootForm::set_response(const CrossProducts& data, const SchurComplement& rest, Index response, double within_yy,
                             bool spare) {
  const Index p = data.p(), rows = a_.rows();
  d_.resize(rows, p + 1);
  if (data.rows.z.size() > 0) {
    d_ << turned_x_.topRows(rows), turned_y_.col(response).head(rows);
    left_.resize(x_rank_, p + 1);
    left_ << turned_x_.middleRows(rows, x_rank_), turned_y_.col(response).segment(rows, x_rank_);
    const Index free = turned_y_.rows() - rows - x_rank_;
    left_yy_ = spare ? turned_y_.col(response).tail(free).squaredNorm() + within_yy - data.w_yy[response] : 0;
    return;
  }
  d_.topRows(data.t_x.rows()) << data.t_x, data.t_y.col(response);
  d_.bottomRows(to_rows_.rows()) = to_rows_ * rest.within_dense_columns();
  MatrixXd within(p, p + 1);
  within << data.w_xx, data.w_xy.col(response);
  MatrixXd left =
      within.transpose() * within - d_.bottomRows(to_rows_.rows()).transpose() * d_.bottomRows(to_rows_.rows());
  left(p, p) += within_yy;
  const double size =
      p == 0 ? 0 : (d_.leftCols(p).colwise().squaredNorm() + left.diagonal().head(p).transpose()).maxCoeff();
  left_ = root_of(left, 1e-12 * size);
  left_yy_ = spare ? std::max(0.0, left(p, p) - left_.col(p).squaredNorm()) : 0;
}

}  // namespace henderson
