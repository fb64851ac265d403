#include "henderson/likelihood/dense_root.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

std::vector<Index> dense_columns(const Layout& layout, const Remainder& rest, int group) {
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

DenseRoot::DenseRoot(const Layout& layout, const CrossProducts& data, const Remainder& rest) {
  const Index q = layout.lead_q(), lead = layout.lead_levels() * q, r = rest.columns();
  if (lead + r > kDenseRoot) throw Error("unbounded_size", std::to_string(lead + r));
  const std::vector<double> none(rest.values().size(), 0.0);
  const SymmetricEigen within(rest.matrix(none));
  const double floor = 1e-13 * std::max(within.eigenvalues().cwiseAbs().maxCoeff(), 0.0);
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
  a_.bottomRightCorner(rank, r) = root.asDiagonal() * vectors.transpose();
  to_rows_ = root.cwiseInverse().asDiagonal() * vectors.transpose();
}

void DenseRoot::set_response(const MatrixXd& lead_rows, const MatrixXd& rest_columns, const MatrixXd& within, double within_yy) {
  d_.resize(a_.rows(), lead_rows.cols());
  d_.topRows(lead_rows.rows()) = lead_rows;
  d_.bottomRows(to_rows_.rows()) = to_rows_ * rest_columns;
  left_ = within.transpose() * within - d_.bottomRows(to_rows_.rows()).transpose() * d_.bottomRows(to_rows_.rows());
  left_(left_.rows() - 1, left_.rows() - 1) += within_yy;
}

}  // namespace henderson
