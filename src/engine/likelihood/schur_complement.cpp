#include "henderson/likelihood/schur_complement.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "henderson/linalg/limits.hpp"

namespace henderson {

SchurComplement::SchurComplement(const Layout& layout, const CrossProducts& data, double memory_limit,
                                 Checkpoint& checkpoint)
    : CoOccurrence(layout, data, checkpoint) {
  if (columns_ == 0) return;
  choose_order(data, memory_limit);
  place_levels();
  place_precision();
  within(data);
}

void SchurComplement::place_precision() {
  std::vector<std::vector<std::pair<Index, double>>> column(nodes_.size());
  for (std::size_t g = 0; g < layout_->rest.size(); ++g) {
    const Group& group = layout_->groups[layout_->rest[g]];
    for (Index j = 0; j < group.levels; ++j) {
      if (group.precision == nullptr) {
        const Index node = node_of(g, j);
        column[node].emplace_back(node, 1.0);
        continue;
      }
      const SparsePattern& lower = group.precision->lower();
      for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) {
        const Index a = node_of(g, j), b = node_of(g, lower.row[s]);
        column[std::min(a, b)].emplace_back(std::max(a, b), group.precision->value()[s]);
      }
    }
  }
  relatives_.start.push_back(0);
  for (auto& entries : column) {
    std::sort(entries.begin(), entries.end());
    for (const auto& e : entries) {
      relatives_.node.push_back(e.first);
      relatives_.value.push_back(e.second);
    }
    relatives_.start.push_back(static_cast<std::int64_t>(relatives_.node.size()));
  }
}

void SchurComplement::add_precision(Index node, Eigen::Ref<MatrixXd> work) const {
  each_relative(node, [&](const Node& other, double value) {
    for (Index a = 0; a < other.q; ++a) work(other.first + a, a) += value;
  });
}

double SchurComplement::log_det_precision() const {
  double sum = 0;
  for (const int g : layout_->rest) {
    const Group& group = layout_->groups[g];
    if (group.precision != nullptr) sum += static_cast<double>(group.q) * group.precision->log_det();
  }
  return sum;
}

std::vector<Index> SchurComplement::first_columns(int group) const {
  std::vector<Index> out(layout_->groups[group].levels);
  for (const Node& node : nodes_)
    if (layout_->rest[node.rest] == group) out[node.level] = node.first;
  return out;
}

void SchurComplement::columns_of(Index node, const std::vector<MatrixXd>& lambda, const std::vector<double>& y,
                           Eigen::Ref<MatrixXd> work) const {
  const Node& nj = nodes_[node];
  const MatrixXd& lj = lambda[nj.rest];
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
  for (Index k = node_start_[node]; k < node_start_[node + 1]; ++k) add_products(node_entry_[k], y, work);
}

MatrixXd SchurComplement::matrix(const std::vector<double>& y) const {
  std::vector<MatrixXd> identity;
  for (const int g : layout_->rest) identity.push_back(MatrixXd::Identity(layout_->groups[g].q, layout_->groups[g].q));
  MatrixXd out = MatrixXd::Zero(columns_, columns_);
  for (std::size_t j = 0; j < nodes_.size(); ++j) {
    columns_of(static_cast<Index>(j), identity, y, out.middleCols(nodes_[j].first, nodes_[j].q));
  }
  return out.selfadjointView<Eigen::Lower>();
}

MatrixXd SchurComplement::multiply(const std::vector<double>& y, const MatrixXd& b) const {
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

void SchurComplement::choose_order(const CrossProducts& data, double limit) {
  if (columns_ > kAlwaysDense) {
    const EliminationOrder chosen = elimination_order(nodes_, columns_, node_pattern(data, limit), limit, *checkpoint_);
    if (!chosen.dense) {
      dense_ = false;
      reorder(chosen.order);
      symbolic_ = std::make_shared<SparseCholesky>();
      symbolic_->analyze(chosen.scalar, *checkpoint_);
      factor_entries_ = chosen.entries;
      s_sparse_.start = chosen.nodes.start;
      s_sparse_.row = chosen.nodes.row;
      return;
    }
  }
  dense_ = true;
  factor_entries_ = columns_ * (columns_ + 1) / 2;
}

void SchurComplement::within(const CrossProducts& data) {
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
  std::vector<Index> seen(nodes_.size(), -1);
  for (std::size_t j = 0; j < nodes_.size(); ++j) {
    subtract_levels(static_cast<Index>(j), diagonal, work, seen);
    if (j % 256 == 0) checkpoint_->check();
  }
  s_d_.resize(columns_, data.p() + 1);
  for (Index i = 0; i < columns_; ++i) {
    s_d_.row(position_[i]).head(data.p()) = data.rest_x.row(i);
  }
  s_d_.leftCols(data.p()) -= gather_transposed(t_, data.t_x);
  set_response(data, 0);
}

void SchurComplement::set_response(const CrossProducts& data, Index response) {
  if (columns_ == 0) return;
  for (Index i = 0; i < columns_; ++i) s_d_(position_[i], data.p()) = data.rest_y(i, response);
  s_d_.col(data.p()) -= gather_transposed(t_, data.t_y.col(response));
}

Index SchurComplement::largest_q() const {
  Index q = 1;
  for (const Node& node : nodes_) q = std::max(q, node.q);
  return q;
}

double* SchurComplement::block_at(Index i, Index j) {
  const auto begin = s_sparse_.row.begin() + s_sparse_.start[j], end = s_sparse_.row.begin() + s_sparse_.start[j + 1];
  const auto found = std::lower_bound(begin, end, static_cast<std::int64_t>(i));
  return s_sparse_.value.data() + s_sparse_.offset[found - s_sparse_.row.begin()];
}

void SchurComplement::add_rows(const PairBlocks& pairs, std::size_t g, std::size_t h, VectorXd& diagonal) {
  for (std::size_t k = 0; k < pairs.row.size(); ++k) {
    Index i = node_of(g, pairs.row[k]), j = node_of(h, pairs.col[k]);
    MatrixXd block =
        Eigen::Map<const MatrixXd>(pairs.value.data() + k * pairs.rows * pairs.cols, pairs.rows, pairs.cols);
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

void SchurComplement::add_products(Index entry, const std::vector<double>& y, Eigen::Ref<MatrixXd> work) const {
  const Index end = level_start_[entry_level_[entry] + 1], lead_q = layout_->lead_q();
  const Index nj_q = nodes_[entry_node_[entry]].q;
  const double* yj = y.data() + entry_offset_[entry];
  if (lead_q == 1 && nj_q == 1) {
    double* to = work.data();
    for (Index e = entry; e < end; ++e) {
      const Node& ni = nodes_[entry_node_[e]];
      const double* yi = y.data() + entry_offset_[e];
      for (Index a = 0; a < ni.q; ++a) to[ni.first + a] += yi[a] * yj[0];
    }
    return;
  }
  for (Index e = entry; e < end; ++e) {
    const Node& ni = nodes_[entry_node_[e]];
    const double* yi = y.data() + entry_offset_[e];
    for (Index b = 0; b < nj_q; ++b)
      for (Index a = 0; a < ni.q; ++a) {
        double sum = 0;
        for (Index l = 0; l < lead_q; ++l) sum += yi[l + a * lead_q] * yj[l + b * lead_q];
        work(ni.first + a, b) += sum;
      }
  }
}

void SchurComplement::subtract_levels(Index j, const VectorXd& diagonal, MatrixXd& work, std::vector<Index>& seen) {
  const Node& nj = nodes_[j];
  std::vector<Index> touched;
  for (Index k = node_start_[j]; k < node_start_[j + 1]; ++k) {
    const Index entry = node_entry_[k], end = level_start_[entry_level_[entry] + 1];
    add_products(entry, t_, work);
    for (Index e = entry; e < end; ++e) {
      const Index i = entry_node_[e];
      if (seen[i] == j) continue;
      seen[i] = j;
      touched.push_back(i);
    }
  }
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

}  // namespace henderson
