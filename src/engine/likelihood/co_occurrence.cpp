#include "henderson/likelihood/co_occurrence.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

CoOccurrence::CoOccurrence(const Layout& layout, const CrossProducts& data, Checkpoint& checkpoint)
    : layout_(&layout), checkpoint_(&checkpoint), columns_(layout.rest_columns()) {
  level_start_.assign(layout.lead_levels() + 1, 0);
  if (columns_ == 0) return;
  position_.resize(columns_);
  for (Index i = 0; i < columns_; ++i) position_[i] = i;
  make_nodes();
  read_levels(data);
}

MatrixXd CoOccurrence::gather(const std::vector<double>& y, const MatrixXd& b) const {
  const Index lead_q = layout_->lead_q(), levels = layout_->lead_levels();
  MatrixXd out = MatrixXd::Zero(levels * lead_q, b.cols());
  if (lead_q == 0) return out;
  for (Index c = 0; c < b.cols(); ++c)
    for (Index l = 0; l < levels; ++l) {
      double* to = &out(l * lead_q, c);
      for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) {
        const Node& node = nodes_[entry_node_[e]];
        const double *ye = y.data() + entry_offset_[e], *from = &b(node.first, c);
        for (Index a = 0; a < node.q; ++a)
          for (Index i = 0; i < lead_q; ++i) to[i] += ye[i + a * lead_q] * from[a];
      }
    }
  return out;
}

MatrixXd CoOccurrence::gather_transposed(const std::vector<double>& y, const MatrixXd& rows) const {
  const Index lead_q = layout_->lead_q(), levels = layout_->lead_levels();
  MatrixXd out = MatrixXd::Zero(columns_, rows.cols());
  if (lead_q == 0) return out;
  for (Index c = 0; c < rows.cols(); ++c)
    for (Index l = 0; l < levels; ++l) {
      const double* from = &rows(l * lead_q, c);
      for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) {
        const Node& node = nodes_[entry_node_[e]];
        const double* ye = y.data() + entry_offset_[e];
        double* to = &out(node.first, c);
        for (Index a = 0; a < node.q; ++a)
          for (Index i = 0; i < lead_q; ++i) to[a] += ye[i + a * lead_q] * from[i];
      }
    }
  return out;
}

SparsePattern CoOccurrence::node_pattern(const CrossProducts& data, double limit) const {
  const Index count = static_cast<Index>(nodes_.size());
  std::vector<std::vector<Index>> level_of(count), partner(count);
  for (Index l = 0; l < layout_->lead_levels(); ++l)
    for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) level_of[entry_node_[e]].push_back(l);
  for (std::size_t g = 0; g < data.rest.size(); ++g)
    for (std::size_t h = 1; h < data.rest[g].size(); ++h) {
      const PairBlocks& pairs = data.rest[g][h];
      for (std::size_t k = 0; k < pairs.row.size(); ++k) {
        partner[group_first_node_[g] + pairs.row[k]].push_back(group_first_node_[g + h] + pairs.col[k]);
      }
    }
  add_relatives(partner);
  SparsePattern out;
  out.start.push_back(0);
  std::vector<Index> mark(count, -1);
  for (Index j = 0; j < count; ++j) {
    const std::size_t begin = out.row.size();
    const auto meet = [&](Index i) {
      if (i >= j && mark[i] != j) {
        mark[i] = j;
        out.row.push_back(i);
      }
    };
    meet(j);
    for (const Index i : partner[j]) meet(i);
    for (const Index l : level_of[j])
      for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) meet(entry_node_[e]);
    std::sort(out.row.begin() + begin, out.row.end());
    out.start.push_back(static_cast<std::int64_t>(out.row.size()));
    if (static_cast<double>(out.row.size()) * 32 > limit)
      refuse_memory(static_cast<double>(out.row.size()) * 32, limit);
    if (j % 256 == 0) checkpoint_->check();
  }
  return out;
}

void CoOccurrence::add_relatives(std::vector<std::vector<Index>>& partner) const {
  for (std::size_t g = 0; g < layout_->rest.size(); ++g) {
    const LevelPrecision* precision = layout_->groups[layout_->rest[g]].precision.get();
    if (precision == nullptr) continue;
    const SparsePattern& lower = precision->lower();
    for (Index j = 0; j < lower.size(); ++j)
      for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s)
        partner[group_first_node_[g] + j].push_back(group_first_node_[g] + lower.row[s]);
  }
}

void CoOccurrence::reorder(const std::vector<Index>& order) {
  std::vector<Node> old = nodes_;
  std::vector<Index> rank(order.size());
  Index first = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    rank[order[k]] = static_cast<Index>(k);
    nodes_[k] = old[order[k]];
    nodes_[k].first = first;
    for (Index a = 0; a < nodes_[k].q; ++a) position_[old[order[k]].first + a] = first + a;
    first += nodes_[k].q;
  }
  for (Index& node : entry_node_) node = rank[node];
  node_rank_ = rank;
}

void CoOccurrence::place_levels() {
  const Index levels = layout_->lead_levels();
  entry_level_.resize(entry_node_.size());
  std::vector<std::pair<Index, std::int64_t>> sorted;
  for (Index l = 0; l < levels; ++l) {
    sorted.clear();
    for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) {
      sorted.emplace_back(entry_node_[e], entry_offset_[e]);
      entry_level_[e] = l;
    }
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      entry_node_[level_start_[l] + k] = sorted[k].first;
      entry_offset_[level_start_[l] + k] = sorted[k].second;
    }
  }
  node_start_.assign(nodes_.size() + 1, 0);
  for (const Index node : entry_node_) ++node_start_[node + 1];
  for (std::size_t j = 0; j < nodes_.size(); ++j) node_start_[j + 1] += node_start_[j];
  node_entry_.resize(entry_node_.size());
  std::vector<Index> next(node_start_.begin(), node_start_.end() - 1);
  for (std::size_t e = 0; e < entry_node_.size(); ++e) node_entry_[next[entry_node_[e]]++] = static_cast<Index>(e);
}

Index CoOccurrence::node_of(std::size_t rest, std::int64_t level) const {
  const Index layout_node = group_first_node_[rest] + level;
  return node_rank_.empty() ? layout_node : node_rank_[layout_node];
}

void CoOccurrence::make_nodes() {
  Index first = 0;
  for (std::size_t g = 0; g < layout_->rest.size(); ++g) {
    const Group& group = layout_->groups[layout_->rest[g]];
    group_first_node_.push_back(static_cast<Index>(nodes_.size()));
    for (Index l = 0; l < group.levels; ++l, first += group.q) {
      Node node;
      node.rest = static_cast<int>(g);
      node.level = l;
      node.first = first;
      node.q = group.q;
      nodes_.push_back(node);
    }
  }
}

void CoOccurrence::read_levels(const CrossProducts& data) {
  const Index levels = layout_->lead_levels();
  level_start_.assign(levels + 1, 0);
  for (const PairBlocks& pairs : data.lead_rest)
    for (const std::int64_t l : pairs.row) ++level_start_[l + 1];
  for (Index l = 0; l < levels; ++l) level_start_[l + 1] += level_start_[l];
  entry_node_.resize(level_start_[levels]);
  entry_offset_.resize(level_start_[levels]);
  std::vector<Index> next(level_start_.begin(), level_start_.end() - 1);
  std::int64_t offset = 0;
  for (std::size_t g = 0; g < data.lead_rest.size(); ++g) {
    const PairBlocks& pairs = data.lead_rest[g];
    for (std::size_t k = 0; k < pairs.row.size(); ++k) {
      const Index at = next[pairs.row[k]]++;
      entry_node_[at] = group_first_node_[g] + pairs.col[k];
      entry_offset_[at] = offset;
      offset += pairs.rows * pairs.cols;
    }
    t_.insert(t_.end(), pairs.value.begin(), pairs.value.end());
  }
  to_root_form(data);
}

void CoOccurrence::to_root_form(const CrossProducts& data) {
  const Index q = layout_->lead_q(), levels = layout_->lead_levels();
  for (Index l = 0; l < levels; ++l) {
    const Eigen::Map<const MatrixXd> r(data.r.data() + l * q * q, q, q);
    if (q == 0) continue;
    const double scale = r.norm();
    const bool regular = r.diagonal().cwiseAbs().minCoeff() > 1e-8 * scale;
    MatrixXd inverse;
    if (!regular) {
      Eigen::CompleteOrthogonalDecomposition<MatrixXd> decomposition(r.rows(), r.cols());
      decomposition.setThreshold(1e-10);
      decomposition.compute(r.transpose());
      inverse = decomposition.pseudoInverse();
    }
    for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) {
      Eigen::Map<MatrixXd> block(t_.data() + entry_offset_[e], q, nodes_[entry_node_[e]].q);
      if (regular) {
        r.triangularView<Eigen::Upper>().transpose().solveInPlace(block);
      } else {
        block = (inverse * block).eval();
      }
    }
  }
}

}  // namespace henderson
