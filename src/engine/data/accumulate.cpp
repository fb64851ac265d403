#include "henderson/data/accumulate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "henderson/linalg/limits.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {

LevelShare::LevelShare(const Layout& layout, Index columns, Index responses)
    : within(columns, responses), row(columns + responses), shifted(columns) {
  for (const Group& g : layout.groups) z_row.push_back(VectorXd::Zero(g.q));
}

CrossProducts Accumulator::run(DesignSource& source) {
  Coordinates found = CoordinateFinder(layout_, std::move(constants_), checkpoint_, threads_).run(source);
  out_.n = found.n;
  out_.log_weight = found.log_weight;
  out_.x = std::move(found.x);
  response_shift_ = std::move(found.response_shift);
  m_ = response_shift_.size();
  terms_ = std::move(found.terms);
  for (const TermCoordinates& term : terms_) out_.z_basis.push_back(term.basis);
  prepare();
  prepare_shares(source.chunks());
  sum_shares(source);
  checkpoint_.check();
  finish();
  checkpoint_.check();
  return std::move(out_);
}

void Accumulator::prepare() {
  p_ = out_.p();
  q_ = layout_.lead_q();
  const Index r = layout_.rest_columns();
  rest_w_ = MatrixXd::Zero(r, p_ + m_);
  Index offset = 0;
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
    const Group& group = layout_.groups[layout_.rest[g]];
    rest_offset_.push_back(offset);
    offset += group.levels * group.q;
    lead_rest_.emplace_back(q_, group.q);
    rest_diagonal_.emplace_back(group.levels * group.q * group.q, 0.0);
    rest_pairs_.emplace_back();
    for (std::size_t h = g + 1; h < layout_.rest.size(); ++h) {
      const Group& other = layout_.groups[layout_.rest[h]];
      rest_pairs_.back().emplace_back(group.q, other.q);
    }
  }
  keeps_ = !layout_.rest.empty() && !layout_.related() && layout_.random_columns() <= kKeptColumns;
  // Orthogonal columns are (x - shift) * to_orthogonal; y loses its least-squares fit.
  kept_shift_.resize(p_);
  for (Index j = 0; j < p_; ++j) kept_shift_[j] = out_.x.shift[out_.x.kept[j]];
}

void Accumulator::prepare_shares(Index chunks) {
  const Index most = layout_.rest.empty() && q_ > 0 ? lanes_for(chunks, p_, m_) : 1;
  while (Index(2) << share_bits_ <= most) ++share_bits_;
  const Index all = Index(1) << share_bits_;
  shares_.assign(all, LevelShare(layout_, p_, m_));
  for (Index s = 0; s < all; ++s) {
    shares_[s].level.assign((layout_.lead_levels() + all - 1 - s) / all * level_size(), 0.0);
  }
}

void Accumulator::sum_shares(DesignSource& source) {
  const Index chunks = source.chunks(), all = static_cast<Index>(shares_.size());
  const Index workers = source.twin() == nullptr ? 1 : std::min<Index>(all, std::max(1, threads_));
  const auto work = [&](Index first, DesignSource& rows, Checkpoint& checkpoint) {
    for (Index s = first; s < all; s += workers) shares_[s].within.watch(checkpoint);
    for (Index k = 0; k < chunks; ++k) add(rows.chunk(k), first, workers, checkpoint);
  };
  if (workers == 1) {
    work(0, source, checkpoint_);
  } else {
    work_in_blocks(workers, static_cast<int>(workers), checkpoint_, [&](Index from, Index to, Checkpoint& checkpoint) {
      const std::unique_ptr<DesignSource> rows = source.twin();
      for (Index first = from; first < to; ++first) work(first, *rows, checkpoint);
    });
  }
  for (LevelShare& share : shares_) share.within.watch(checkpoint_);
  for (Index s = 1; s < all; ++s) shares_.front().within.add(shares_[s].within);
}

void Accumulator::add(const DesignChunk& chunk, Index first, Index step, Checkpoint& checkpoint) {
  const Index often = rows_to_next_check(p_), all = static_cast<Index>(shares_.size());
  if (all == 1) {
    for (Index i = 0; i < chunk.rows(); ++i) {
      if (i % often == 0) checkpoint.check();
      add_row(chunk, i, shares_.front());
    }
    return;
  }
  for (Index from = 0; from < chunk.rows(); from += kSharedRows) {
    find_own(chunk, from, first, step);
    for (Index s = first; s < all; s += step) {
      const std::vector<Index>& own = shares_[s].own;
      for (std::size_t k = 0; k < own.size(); ++k) {
        if (static_cast<Index>(k) % often == 0) checkpoint.check();
        fetch_ahead(chunk, own, k);
        add_row(chunk, own[k], shares_[s]);
      }
    }
  }
}

void Accumulator::find_own(const DesignChunk& chunk, Index from, Index first, Index step) {
  const Index all = static_cast<Index>(shares_.size()), to = std::min(chunk.rows(), from + kSharedRows);
  for (Index s = first; s < all; s += step) shares_[s].own.clear();
  for (Index i = from; i < to; ++i) {
    const Index share = share_of(chunk.code[layout_.lead][i] - 1);
    if (share % step == first) shares_[share].own.push_back(i);
  }
}

// Levels come in any order: what the row after some others needs is on its way while those are worked on.
void Accumulator::fetch_ahead(const DesignChunk& chunk, const std::vector<Index>& own, std::size_t at) {
#if defined(__GNUC__)
  if (at + 8 >= own.size()) return;
  const double* r = r_of(chunk.code[layout_.lead][own[at + 8]] - 1);
  __builtin_prefetch(r, 1);
  __builtin_prefetch(r + level_size() - 1, 1);
#else
  (void)chunk, (void)own, (void)at;
#endif
}

void Accumulator::add_row(const DesignChunk& chunk, Index i, LevelShare& share) {
  const double w = root_weight(chunk, i);
  if (!(w > 0)) return;
  read_row(chunk, i, w, share);
  add_rest(chunk, i, share);
  if (keeps_) keep_row(chunk, i, share);
  if (q_ > 0) rotate_into_level(chunk.code[layout_.lead][i] - 1, share);
  share.within.next_row() = share.row.transpose();
}

void Accumulator::read_row(const DesignChunk& chunk, Index i, double w, LevelShare& share) const {
  const auto& kept = out_.x.kept;
  const double one = chunk.constant_at(i);
  VectorXd &row = share.row, &shifted = share.shifted;
  for (Index j = 0; j < p_; ++j) shifted[j] = chunk.x(i, kept[j]) - kept_shift_[j] * one;
  for (Index j = 0; j < p_; ++j) row[j] = w * shifted.head(j + 1).dot(out_.x.to_orthogonal.col(j).head(j + 1));
  for (Index j = 0; j < m_; ++j) row[p_ + j] = w * (chunk.y(i, j) - response_shift_[j] * one);
  subtract_fit(w, share);
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
    const Term& term = layout_.terms[t];
    const TermCoordinates& unit = terms_[t];
    VectorXd& z = share.z_row[term.group];
    for (Index c = 0; c < term.q; ++c) {
      double sum = 0;
      for (Index a = 0; a < term.q; ++a) sum += (chunk.z[t](i, a) - unit.shift[a] * one) * unit.map(a, c);
      z[term.column + c] = w * sum;
    }
  }
}

void Accumulator::subtract_fit(double w, LevelShare& share) const {
  for (Index j = 0; j < m_; ++j) share.row[p_ + j] -= w * share.shifted.dot(out_.x.fit.col(j));
}

void Accumulator::add_rest(const DesignChunk& chunk, Index i, const LevelShare& share) {
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
    const int group = layout_.rest[g];
    const Index q = layout_.groups[group].q;
    const std::int64_t level = chunk.code[group][i] - 1;
    const VectorXd& z = share.z_row[group];
    Eigen::Map<MatrixXd> diagonal(rest_diagonal_[g].data() + level * q * q, q, q);
    diagonal.noalias() += z * z.transpose();
    if (q_ > 0) {
      Eigen::Map<MatrixXd> lead(lead_rest_[g].at(chunk.code[layout_.lead][i] - 1, level), q_, q);
      lead.noalias() += share.z_row[layout_.lead] * z.transpose();
    }
    for (std::size_t h = g + 1; h < layout_.rest.size(); ++h) {
      const int other = layout_.rest[h];
      const VectorXd& zh = share.z_row[other];
      Eigen::Map<MatrixXd> block(rest_pairs_[g][h - g - 1].at(level, chunk.code[other][i] - 1), q, zh.size());
      block.noalias() += z * zh.transpose();
    }
    rest_w_.middleRows(rest_offset_[g] + level * q, q).noalias() += z * share.row.transpose();
  }
}

void Accumulator::keep_row(const DesignChunk& chunk, Index i, const LevelShare& share) {
  const std::size_t groups = layout_.groups.size();
  if (kept_level_.size() >= groups * static_cast<std::size_t>(kKeptRows)) {
    keeps_ = false;
    kept_.clear();
    kept_level_.clear();
    return;
  }
  for (std::size_t g = 0; g < groups; ++g) {
    kept_level_.push_back(chunk.code[g][i] - 1);
    kept_.insert(kept_.end(), share.z_row[g].data(), share.z_row[g].data() + share.z_row[g].size());
  }
  kept_.insert(kept_.end(), share.row.data(), share.row.data() + share.row.size());
}

void Accumulator::finish_rows() {
  if (kept_level_.empty()) return;
  const Index groups = static_cast<Index>(layout_.groups.size()), rows = kept_level_.size() / groups;
  const Index width = kept_.size() / rows, q = width - p_ - m_;
  const MatrixXd all = Eigen::Map<const MatrixXd>(kept_.data(), width, rows).transpose();
  KeptRows& out = out_.rows;
  out.level = Eigen::Map<const Eigen::MatrixXi>(kept_level_.data(), groups, rows).transpose();
  out.z = all.leftCols(q);
  out.x = all.middleCols(q, p_);
  out.y = all.rightCols(m_);
}

void Accumulator::rotate_into_level(Index level, LevelShare& share) {
  double *r = r_of(level), *t = r + q_ * q_;
  double *z = share.z_row[layout_.lead].data(), *row = share.row.data();
  for (Index j = 0; j < q_; ++j) {
    const double a = r[j + j * q_], b = z[j];
    if (b == 0) continue;
    const double length = std::sqrt(a * a + b * b), c = a / length, s = b / length;
    for (Index k = j; k < q_; ++k) {
      const double rk = r[j + k * q_], zk = z[k];
      r[j + k * q_] = c * rk + s * zk;
      z[k] = c * zk - s * rk;
    }
    for (Index k = 0; k < p_ + m_; ++k) {
      const double tk = t[j + k * q_], wk = row[k];
      t[j + k * q_] = c * tk + s * wk;
      row[k] = c * wk - s * tk;
    }
  }
}

void Accumulator::finish() {
  settle_levels();
  StreamingQr& within = shares_.front().within;
  within.finish();
  out_.w_xx = within.r();
  out_.w_xy = within.q_y();
  out_.w_yy = within.left_over();
  if (!out_.w_yy.allFinite() || !out_.w_xx.allFinite() || !out_.w_xy.allFinite()) throw Error("overflow", "");
  take_levels();
  take_rest();
  finish_rows();
  TypicalScaling(layout_, out_).run();
}

void Accumulator::take_levels() {
  const Index levels = layout_.lead_levels();
  out_.r.resize(levels * q_ * q_);
  out_.t_x.resize(levels * q_, p_);
  out_.t_y.resize(levels * q_, m_);
  for (Index l = 0; q_ > 0 && l < levels; ++l) {
    std::copy_n(r_of(l), q_ * q_, out_.r.data() + l * q_ * q_);
    const Eigen::Map<const MatrixXd> t(t_of(l), q_, p_ + m_);
    out_.t_x.middleRows(l * q_, q_) = t.leftCols(p_);
    out_.t_y.middleRows(l * q_, q_) = t.rightCols(m_);
  }
}

void Accumulator::take_rest() {
  out_.rest_x = rest_w_.leftCols(p_);
  out_.rest_y = rest_w_.rightCols(m_);
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
    const Group& group = layout_.groups[layout_.rest[g]];
    out_.lead_rest.push_back(lead_rest_[g].sorted());
    out_.rest.emplace_back();
    PairBlocks diagonal;
    diagonal.rows = diagonal.cols = group.q;
    for (Index l = 0; l < group.levels; ++l) {
      diagonal.row.push_back(static_cast<int>(l));
      diagonal.col.push_back(static_cast<int>(l));
    }
    diagonal.value = rest_diagonal_[g];
    out_.rest.back().push_back(std::move(diagonal));
    for (PairSums& pairs : rest_pairs_[g]) out_.rest.back().push_back(pairs.sorted());
  }
}

void Accumulator::settle_levels() {
  const double tolerance = 1e-12;
  for (Index l = 0; q_ > 0 && l < layout_.lead_levels(); ++l) {
    Eigen::Map<MatrixXd> r(r_of(l), q_, q_);
    Eigen::Map<MatrixXd> t(t_of(l), q_, p_ + m_);
    const double scale = tolerance * r.norm();
    for (Index j = 0; j < q_; ++j) {
      if (r.row(j).norm() > scale || r.row(j).norm() == 0) continue;
      shares_.front().within.next_row() = t.row(j);
      t.row(j).setZero();
      r.row(j).setZero();
    }
  }
}

}  // namespace henderson
