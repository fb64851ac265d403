#include "henderson/iterative/family.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace henderson {
namespace iterative {

Family::Family(const Incidence& incidence, std::vector<std::size_t> members, Checkpoint& checkpoint)
    : incidence_(incidence), members_(std::move(members)) {
  std::vector<Node> nodes;
  for (const std::size_t g : members_) {
    const OtherFactor& f = incidence_.factors()[g];
    first_node_.push_back(static_cast<Index>(nodes.size()));
    for (Index l = 0; l < f.levels; ++l) {
      Node node;
      node.rest = static_cast<int>(g);
      node.level = l;
      node.first = f.first + l * f.q;
      node.q = f.q;
      nodes.push_back(node);
    }
  }
  const SparsePattern pattern = node_pattern();
  const std::vector<Index> order = minimum_degree_order(pattern);
  std::vector<Index> rank(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) rank[order[k]] = static_cast<Index>(k);
  const SparsePattern scalar = expand(nodes, permuted(pattern, rank), order);
  const double most = 4 * static_cast<double>(scalar.row.size()) + 1e5;
  if (EliminationTree(scalar).size(most, 100 * most, checkpoint).exceeded) return;
  place_.resize(nodes.size());
  for (const Index node : order) {
    place_[node] = static_cast<Index>(column_.size());
    for (Index a = 0; a < nodes[node].q; ++a) column_.push_back(nodes[node].first + a);
  }
  factor_.analyze(scalar, checkpoint);
  sparse_ = true;
}

SparsePattern Family::node_pattern() const {
  std::vector<std::vector<std::int64_t>> rows;
  for (const std::size_t g : members_)
    for (Index l = 0; l < incidence_.factors()[g].levels; ++l) rows.push_back({static_cast<std::int64_t>(rows.size())});
  for (const OtherPair& pair : incidence_.couplings()) {
    const auto g = std::find(members_.begin(), members_.end(), pair.g),
               h = std::find(members_.begin(), members_.end(), pair.h);
    if (g == members_.end() || h == members_.end()) continue;
    const Index first_g = first_node_[g - members_.begin()], first_h = first_node_[h - members_.begin()];
    for (std::size_t k = 0; k < pair.blocks->row.size(); ++k) {
      const std::int64_t i = first_g + pair.blocks->row[k], j = first_h + pair.blocks->col[k];
      rows[std::min(i, j)].push_back(std::max(i, j));
    }
  }
  SparsePattern out;
  out.start.push_back(0);
  for (std::vector<std::int64_t>& column : rows) {
    std::sort(column.begin(), column.end());
    out.row.insert(out.row.end(), column.begin(), column.end());
    out.start.push_back(static_cast<std::int64_t>(out.row.size()));
  }
  return out;
}

void Family::add(Index column, Index row, double value) {
  const SparsePattern& pattern = factor_.pattern();
  const auto begin = pattern.row.begin() + pattern.start[column], end = pattern.row.begin() + pattern.start[column + 1];
  factor_.values()[std::lower_bound(begin, end, row) - pattern.row.begin()] += value;
}

void Family::add_block(Index node, Index other, const MatrixXd& block) {
  for (Index a = 0; a < block.rows(); ++a)
    for (Index b = 0; b < block.cols(); ++b) {
      const Index i = place_[node] + a, j = place_[other] + b;
      if (node != other || i >= j) add(std::min(i, j), std::max(i, j), block(a, b));
    }
}

bool Family::set(const Operator& c, const VectorXd& diagonal, Checkpoint& checkpoint) {
  std::vector<double>& values = factor_.values();
  values.assign(factor_.pattern().row.size(), 0.0);
  VectorXd counted = VectorXd::Zero(diagonal.size());
  for (std::size_t m = 0; m < members_.size(); ++m) {
    const OtherFactor& f = incidence_.factors()[members_[m]];
    const MatrixXd& lambda = c.lambda(members_[m]);
    for (Index l = 0; l < f.levels; ++l) {
      const Eigen::Map<const MatrixXd> own(f.own + l * f.q * f.q, f.q, f.q);
      const MatrixXd block = MatrixXd::Identity(f.q, f.q) + lambda.transpose() * own * lambda;
      counted.segment(f.first + l * f.q, f.q) = block.diagonal();
      add_block(first_node_[m] + l, first_node_[m] + l, block);
    }
  }
  for (const OtherPair& pair : incidence_.couplings()) {
    const auto g = std::find(members_.begin(), members_.end(), pair.g),
               h = std::find(members_.begin(), members_.end(), pair.h);
    if (g == members_.end() || h == members_.end()) continue;
    const PairBlocks& b = *pair.blocks;
    for (std::size_t k = 0; k < b.row.size(); ++k) {
      const Eigen::Map<const MatrixXd> block(b.value.data() + k * b.rows * b.cols, b.rows, b.cols);
      add_block(first_node_[g - members_.begin()] + b.row[k], first_node_[h - members_.begin()] + b.col[k],
                c.lambda(pair.g).transpose() * block * c.lambda(pair.h));
    }
  }
  const SparsePattern& pattern = factor_.pattern();
  const auto scale = [&](Index j) { return std::sqrt(diagonal[column_[j]] / counted[column_[j]]); };
  for (Index j = 0; j < pattern.size(); ++j)
    for (std::int64_t s = pattern.start[j]; s < pattern.start[j + 1]; ++s)
      values[s] *= scale(j) * scale(pattern.row[s]);
  return factor_.factorize(checkpoint);
}

void Family::solve(const Panel& r, Panel& out) const {
  const Index m = r.cols(), n = static_cast<Index>(column_.size());
  MatrixXd b(n, m);
  for (Index i = 0; i < n; ++i) b.row(i) = r.row(column_[i]);
  factor_.solve_lower(b);
  factor_.solve_upper(b);
  for (Index i = 0; i < n; ++i) out.row(column_[i]) = b.row(i);
}

}  // namespace iterative
}  // namespace henderson
