// The random effects of the other grouping factors: what is left after the leading one has been eliminated.
//
// C = I + Lambda' S Lambda with S = Z_r' V_1^{-1} Z_r, V_1 = I + Z_1 Sigma_1 Z_1'. Everything here lives in the
// order of elimination; `position` leads from the layout's order to it.
#ifndef HENDERSON_LIKELIHOOD_REMAINDER_HPP
#define HENDERSON_LIKELIHOOD_REMAINDER_HPP

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "henderson/data/cross_products.hpp"
#include "henderson/likelihood/leading.hpp"
#include "henderson/linalg/dense_cholesky.hpp"
#include "henderson/linalg/error.hpp"
#include "henderson/linalg/sparse_cholesky.hpp"

namespace henderson {

// One level of one of the other factors: `q` neighbouring columns.
struct Node {
  int rest = 0;       // position in Layout::rest
  Index level = 0;
  Index first = 0, q = 1;
};

// Blocks of one symmetric matrix over nodes: column node j holds the row nodes >= j.
struct NodeBlocks {
  std::vector<std::int64_t> start, row, offset;
  std::vector<double> value;   // q_i x q_j each, column-major
};

class Remainder {
 public:
  Remainder() = default;
  Remainder(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint)
      : layout_(&layout), checkpoint_(&checkpoint) {
    columns_ = layout.rest_columns();
    if (columns_ == 0) return;
    make_nodes();
    read_levels(data);
    choose_order(data, memory_limit);
    place_levels();
    within(data);
  }

  Index columns() const { return columns_; }
  bool dense() const { return dense_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Index>& position() const { return position_; }  // layout column -> column here
  std::int64_t factor_entries() const { return factor_entries_; }
  const MatrixXd& within_dense_columns() const { return s_d_; }  // Z_r'[X y] within levels
  const SparseCholesky& symbolic() const { return *symbolic_; }

  // The part of one leading level in the other factors: nodes and T_r.
  Index level_begin(Index level) const { return level_start_[level]; }
  Index level_end(Index level) const { return level_start_[level + 1]; }
  const Node& entry_node(Index entry) const { return nodes_[entry_node_[entry]]; }
  Index entry_node_index(Index entry) const { return entry_node_[entry]; }
  const double* entry_value(Index entry) const { return t_.data() + entry_offset_[entry]; }
  std::int64_t entry_offset(Index entry) const { return entry_offset_[entry]; }
  Index entries() const { return static_cast<Index>(entry_node_.size()); }
  Index lead_q() const { return layout_->lead_q(); }
  const std::vector<double>& values() const { return t_; }

  // Columns [first, first + q_j) of Lambda' S Lambda (rows >= first), into `work` (columns() x q_j).
  // `y` holds H^{-1/2} T_r in the layout of values(), already times Lambda.
  void columns_of(Index node, const std::vector<MatrixXd>& lambda, const std::vector<double>& y,
                  Eigen::Ref<MatrixXd> work) const {
    const Node& nj = nodes_[node];
    const MatrixXd& lj = lambda[nj.rest];
    const Index lead_q = layout_->lead_q();
    if (dense_) {
      const Index below = columns_ - nj.first;
      work.bottomRows(below).noalias() = s_dense_.block(nj.first, nj.first, below, nj.q) * lj;
      for (std::size_t i = node; i < nodes_.size(); ++i) {
        const Node& ni = nodes_[i];
        if (ni.q == 1) {
          work.row(ni.first) *= lambda[ni.rest](0, 0);
        } else {
          work.middleRows(ni.first, ni.q) = (lambda[ni.rest].transpose() * work.middleRows(ni.first, ni.q)).eval();
        }
      }
    } else {
      for (std::int64_t s = s_sparse_.start[node]; s < s_sparse_.start[node + 1]; ++s) {
        const Node& ni = nodes_[s_sparse_.row[s]];
        const Eigen::Map<const MatrixXd> block(s_sparse_.value.data() + s_sparse_.offset[s], ni.q, nj.q);
        work.middleRows(ni.first, ni.q) = lambda[ni.rest].transpose() * block * lj;
      }
    }
    for (Index k = node_start_[node]; k < node_start_[node + 1]; ++k) {
      const Index entry = node_entry_[k], end = level_start_[entry_level_[entry] + 1];
      const double* yj = y.data() + entry_offset_[entry];
      for (Index e = entry; e < end; ++e) {  // entries of a level ascend
        const Node& ni = nodes_[entry_node_[e]];
        const double* yi = y.data() + entry_offset_[e];
        for (Index b = 0; b < nj.q; ++b)
          for (Index a = 0; a < ni.q; ++a) {
            double sum = 0;
            for (Index l = 0; l < lead_q; ++l) sum += yi[l + a * lead_q] * yj[l + b * lead_q];
            work(ni.first + a, b) += sum;
          }
      }
    }
  }

  // S as one dense matrix.
  MatrixXd matrix(const std::vector<double>& y) const {
    std::vector<MatrixXd> identity;
    for (const int g : layout_->rest) identity.push_back(MatrixXd::Identity(layout_->groups[g].q, layout_->groups[g].q));
    MatrixXd out = MatrixXd::Zero(columns_, columns_);
    for (std::size_t j = 0; j < nodes_.size(); ++j) {
      columns_of(static_cast<Index>(j), identity, y, out.middleCols(nodes_[j].first, nodes_[j].q));
    }
    return out.selfadjointView<Eigen::Lower>();
  }

  // S B, with `y` = H^{-1/2} T_r (not times Lambda).
  MatrixXd multiply(const std::vector<double>& y, const MatrixXd& b) const {
    MatrixXd out = MatrixXd::Zero(columns_, b.cols());
    if (dense_) {
      out.noalias() = s_dense_.selfadjointView<Eigen::Lower>() * b;
    } else {
      for (std::size_t j = 0; j < nodes_.size(); ++j)
        for (std::int64_t s = s_sparse_.start[j]; s < s_sparse_.start[j + 1]; ++s) {
          const Node &ni = nodes_[s_sparse_.row[s]], &nj = nodes_[j];
          const Eigen::Map<const MatrixXd> block(s_sparse_.value.data() + s_sparse_.offset[s], ni.q, nj.q);
          out.middleRows(ni.first, ni.q).noalias() += block * b.middleRows(nj.first, nj.q);
          if (s_sparse_.row[s] != static_cast<std::int64_t>(j)) {
            out.middleRows(nj.first, nj.q).noalias() += block.transpose() * b.middleRows(ni.first, ni.q);
          }
        }
    }
    return out + gather_transposed(y, gather(y, b));
  }

  // Per leading level: Y_r times the rows of b that the level meets; (levels * lead_q) x columns of b.
  MatrixXd gather(const std::vector<double>& y, const MatrixXd& b) const {
    const Index lead_q = layout_->lead_q(), levels = layout_->lead_levels();
    MatrixXd out = MatrixXd::Zero(levels * lead_q, b.cols());
    for (Index l = 0; l < levels; ++l)
      for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) {
        const Node& node = nodes_[entry_node_[e]];
        const Eigen::Map<const MatrixXd> ye(y.data() + entry_offset_[e], lead_q, node.q);
        out.middleRows(l * lead_q, lead_q).noalias() += ye * b.middleRows(node.first, node.q);
      }
    return out;
  }

  // The transpose: sum over levels of Y_r' rows.
  MatrixXd gather_transposed(const std::vector<double>& y, const MatrixXd& rows) const {
    const Index lead_q = layout_->lead_q(), levels = layout_->lead_levels();
    MatrixXd out = MatrixXd::Zero(columns_, rows.cols());
    for (Index l = 0; l < levels; ++l)
      for (Index e = level_start_[l]; e < level_start_[l + 1]; ++e) {
        const Node& node = nodes_[entry_node_[e]];
        const Eigen::Map<const MatrixXd> ye(y.data() + entry_offset_[e], lead_q, node.q);
        out.middleRows(node.first, node.q).noalias() += ye.transpose() * rows.middleRows(l * lead_q, lead_q);
      }
    return out;
  }

 private:
  void make_nodes() {
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

  // Co-occurrence of leading levels with the other factors, in layout order.
  void read_levels(const CrossProducts& data) {
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

  // T_r = Q'Z_r from Z_1'Z_r = R'T_r.
  void to_root_form(const CrossProducts& data) {
    const Index q = layout_->lead_q(), levels = layout_->lead_levels();
    for (Index l = 0; l < levels; ++l) {
      const Eigen::Map<const MatrixXd> r(data.r.data() + l * q * q, q, q);
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

  // Row nodes that meet node j, j first: rows of data where both occur, or a leading level that both meet.
  SparsePattern node_pattern(const CrossProducts& data, double limit) const {
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
      if (static_cast<double>(out.row.size()) * 32 > limit) refuse(static_cast<double>(out.row.size()) * 32, limit);
      if (j % 256 == 0) checkpoint_->check();
    }
    return out;
  }

  [[noreturn]] static void refuse(double bytes, double limit) {
    throw Error("memory", std::to_string(bytes) + ":" + std::to_string(limit));
  }

  void choose_order(const CrossProducts& data, double limit) {
    const double n = static_cast<double>(columns_);
    position_.resize(columns_);
    for (Index i = 0; i < columns_; ++i) position_[i] = i;
    const double dense_bytes = 3 * 8 * n * n;
    dense_ = columns_ <= 400;
    if (dense_) {
      factor_entries_ = columns_ * (columns_ + 1) / 2;
      return;
    }
    const SparsePattern nodes = node_pattern(data, limit);
    const double pairs = static_cast<double>(nodes.row.size()), count = static_cast<double>(nodes_.size());
    if (pairs > 0.2 * count * count / 2 && dense_bytes < limit) {
      dense_ = true;
      factor_entries_ = columns_ * (columns_ + 1) / 2;
      return;
    }
    const std::vector<Index> order = minimum_degree_order(nodes);
    std::vector<Index> rank(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) rank[order[k]] = static_cast<Index>(k);
    const SparsePattern ordered = permuted(nodes, rank);
    const SparsePattern scalar = expand(ordered, order);
    EliminationTree tree(scalar);
    const double most = std::min(limit / 24, dense_bytes < limit ? 0.15 * n * n : limit / 24);
    const std::int64_t entries = tree.count(static_cast<std::int64_t>(most), *checkpoint_);
    if (entries < 0) {
      if (dense_bytes >= limit) refuse(24 * most, limit);
      dense_ = true;
      factor_entries_ = columns_ * (columns_ + 1) / 2;
      return;
    }
    reorder(order);
    symbolic_ = std::make_shared<SparseCholesky>();
    symbolic_->analyze(scalar, *checkpoint_);
    factor_entries_ = entries;
    s_sparse_.start = ordered.start;
    s_sparse_.row = ordered.row;
  }

  static SparsePattern permuted(const SparsePattern& lower, const std::vector<Index>& rank) {
    const Index n = lower.size();
    std::vector<std::vector<std::int64_t>> column(n);
    for (Index j = 0; j < n; ++j)
      for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) {
        const Index a = rank[lower.row[s]], b = rank[j];
        column[std::min(a, b)].push_back(std::max(a, b));
      }
    SparsePattern out;
    out.start.push_back(0);
    for (auto& rows : column) {
      std::sort(rows.begin(), rows.end());
      out.row.insert(out.row.end(), rows.begin(), rows.end());
      out.start.push_back(static_cast<std::int64_t>(out.row.size()));
    }
    return out;
  }

  // From nodes to columns.
  SparsePattern expand(const SparsePattern& ordered, const std::vector<Index>& order) const {
    std::vector<Index> first(order.size() + 1, 0);
    for (std::size_t k = 0; k < order.size(); ++k) first[k + 1] = first[k] + nodes_[order[k]].q;
    SparsePattern out;
    out.start.push_back(0);
    for (std::size_t k = 0; k < order.size(); ++k)
      for (Index c = 0; c < nodes_[order[k]].q; ++c) {
        for (std::int64_t s = ordered.start[k]; s < ordered.start[k + 1]; ++s) {
          const std::int64_t i = ordered.row[s];
          for (Index a = (i == static_cast<std::int64_t>(k) ? c : 0); a < nodes_[order[i]].q; ++a) {
            out.row.push_back(first[i] + a);
          }
        }
        out.start.push_back(static_cast<std::int64_t>(out.row.size()));
      }
    return out;
  }

  void reorder(const std::vector<Index>& order) {
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

  // Sort each level's entries, and list for each node the levels that meet it.
  void place_levels() {
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

  Index node_of(std::size_t rest, std::int64_t level) const {
    const Index layout_node = group_first_node_[rest] + level;
    return node_rank_.empty() ? layout_node : node_rank_[layout_node];
  }

  // S within leading levels: Z_r'Z_r - T_r'T_r, Z_r'[X y] - T_r'[T_x T_y]; a difference that is rounding is zero.
  void within(const CrossProducts& data) {
    if (dense_) {
      s_dense_ = MatrixXd::Zero(columns_, columns_);
    } else {
      s_sparse_.offset.resize(s_sparse_.row.size());
      std::int64_t offset = 0;
      for (std::size_t j = 0; j < nodes_.size(); ++j)
        for (std::int64_t s = s_sparse_.start[j]; s < s_sparse_.start[j + 1]; ++s) {
          s_sparse_.offset[s] = offset;
          offset += nodes_[s_sparse_.row[s]].q * nodes_[j].q;
        }
      s_sparse_.value.assign(offset, 0.0);
    }
    VectorXd diagonal(columns_);
    for (std::size_t g = 0; g < data.rest.size(); ++g)
      for (std::size_t h = 0; h < data.rest[g].size(); ++h) add_rows(data.rest[g][h], g, g + h, diagonal);
    MatrixXd work = MatrixXd::Zero(columns_, largest_q());
    for (std::size_t j = 0; j < nodes_.size(); ++j) subtract_levels(static_cast<Index>(j), diagonal, work);
    s_d_.resize(columns_, data.p() + 1);
    for (Index i = 0; i < columns_; ++i) {
      s_d_.row(position_[i]).head(data.p()) = data.rest_x.row(i);
    }
    s_d_.leftCols(data.p()) -= gather_transposed(t_, data.t_x);
    set_response(data, 0);
  }

 public:
  void set_response(const CrossProducts& data, Index response) {
    if (columns_ == 0) return;
    for (Index i = 0; i < columns_; ++i) s_d_(position_[i], data.p()) = data.rest_y(i, response);
    s_d_.col(data.p()) -= gather_transposed(t_, data.t_y.col(response));
  }

 private:
  Index largest_q() const {
    Index q = 1;
    for (const Node& node : nodes_) q = std::max(q, node.q);
    return q;
  }

  double* block_at(Index i, Index j) {  // nodes, i >= j
    const auto begin = s_sparse_.row.begin() + s_sparse_.start[j], end = s_sparse_.row.begin() + s_sparse_.start[j + 1];
    const auto found = std::lower_bound(begin, end, static_cast<std::int64_t>(i));
    return s_sparse_.value.data() + s_sparse_.offset[found - s_sparse_.row.begin()];
  }

  void add_rows(const PairBlocks& pairs, std::size_t g, std::size_t h, VectorXd& diagonal) {
    for (std::size_t k = 0; k < pairs.row.size(); ++k) {
      Index i = node_of(g, pairs.row[k]), j = node_of(h, pairs.col[k]);
      MatrixXd block = Eigen::Map<const MatrixXd>(pairs.value.data() + k * pairs.rows * pairs.cols, pairs.rows, pairs.cols);
      if (g == h) diagonal.segment(nodes_[i].first, nodes_[i].q) = block.diagonal();
      if (i < j) {
        std::swap(i, j);
        block.transposeInPlace();
      }
      const Node &ni = nodes_[i], &nj = nodes_[j];
      if (dense_) {
        s_dense_.block(ni.first, nj.first, ni.q, nj.q) += block;
      } else {
        Eigen::Map<MatrixXd>(block_at(i, j), ni.q, nj.q) += block;
      }
    }
  }

  void subtract_levels(Index j, const VectorXd& diagonal, MatrixXd& work) {
    const Node& nj = nodes_[j];
    const Index lead_q = layout_->lead_q();
    std::vector<Index> touched;
    for (Index k = node_start_[j]; k < node_start_[j + 1]; ++k) {
      const Index entry = node_entry_[k], end = level_start_[entry_level_[entry] + 1];
      const Eigen::Map<const MatrixXd> tj(t_.data() + entry_offset_[entry], lead_q, nj.q);
      for (Index e = entry; e < end; ++e) {
        const Node& ni = nodes_[entry_node_[e]];
        const Eigen::Map<const MatrixXd> ti(t_.data() + entry_offset_[e], lead_q, ni.q);
        work.block(ni.first, 0, ni.q, nj.q).noalias() += ti.transpose() * tj;
        touched.push_back(entry_node_[e]);
      }
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    for (const Index i : touched) {
      const Node& ni = nodes_[i];
      for (Index b = 0; b < nj.q; ++b)
        for (Index a = 0; a < ni.q; ++a) {
          double& s = dense_ ? s_dense_(ni.first + a, nj.first + b) : block_at(i, j)[a + b * ni.q];
          s -= work(ni.first + a, b);
          work(ni.first + a, b) = 0;
          const double size = std::sqrt(diagonal[ni.first + a] * diagonal[nj.first + b]);
          if (std::abs(s) <= kRounding * size) s = 0;
        }
    }
  }

  static constexpr double kRounding = 1e-13;
  const Layout* layout_ = nullptr;
  Checkpoint* checkpoint_ = nullptr;
  Index columns_ = 0;
  bool dense_ = true;
  std::int64_t factor_entries_ = 0;
  std::vector<Node> nodes_;
  std::vector<Index> group_first_node_, position_, node_rank_;
  std::vector<Index> level_start_, entry_node_, entry_level_, node_start_, node_entry_;
  std::vector<std::int64_t> entry_offset_;
  std::vector<double> t_;
  MatrixXd s_dense_, s_d_;
  NodeBlocks s_sparse_;
  std::shared_ptr<SparseCholesky> symbolic_;
};

}  // namespace henderson

#endif
