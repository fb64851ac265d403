// From rows to cross-products, chunk by chunk: one pass for the orthogonal coordinates, one for the sums.
#ifndef HENDERSON_DATA_ACCUMULATE_HPP
#define HENDERSON_DATA_ACCUMULATE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "henderson/data/cross_products.hpp"
#include "henderson/data/design_source.hpp"
#include "henderson/data/pair_sums.hpp"
#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

// For which columns of X and of each term is the constant in the span, and how.
struct Constants {
  VectorXd x;                // empty: none
  std::vector<VectorXd> z;
};

class Accumulator {
 public:
  Accumulator(const Layout& layout, Constants constants, Checkpoint& checkpoint)
      : layout_(layout), constants_(std::move(constants)), checkpoint_(checkpoint) {}

  CrossProducts run(DesignSource& source) {
    first_pass(source);
    prepare();
    for (Index k = 0; k < source.chunks(); ++k) {
      add(source.chunk(k));
      checkpoint_.check();
    }
    finish();
    return std::move(out_);
  }

 private:
  static double root_weight(const DesignChunk& chunk, Index i) {
    return chunk.weight == nullptr ? 1.0 : std::sqrt(chunk.weight[i]);
  }

  // ---- first pass: counts, shifts, R factors -------------------------------------------------------------------
  void first_pass(DesignSource& source) {
    std::vector<StreamingQr> z_qr, x_qr;
    std::vector<VectorXd> z_shift(layout_.terms.size());
    std::vector<VectorXd> z_square(layout_.terms.size());
    for (Index k = 0; k < source.chunks(); ++k) {
      const DesignChunk chunk = source.chunk(k);
      if (k == 0) {
        m_ = chunk.y.cols();
        columns_ = chunk.x.cols();
        out_.x.constant = constants_.x;
        out_.x.shift = first_means(chunk.x, constants_.x);
        x_qr.emplace_back(columns_, m_);
        for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
          z_shift[t] = first_means(chunk.z[t], constants_.z[t]);
          z_square[t] = VectorXd::Zero(layout_.terms[t].q);
          z_qr.emplace_back(layout_.terms[t].q, 0);
        }
      }
      count(chunk);
      absorb(chunk.x, &chunk.y, out_.x.shift, chunk, x_qr.front());
      for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
        if (layout_.terms[t].q > 1 && layout_.terms[t].structure->rotatable()) {
          absorb(chunk.z[t], nullptr, z_shift[t], chunk, z_qr[t]);
        } else {
          add_squares(chunk, t, z_square[t]);
        }
      }
      checkpoint_.check();
    }
    x_qr.front().finish();
    orthogonalize(x_qr.front(), 1.0, out_.x);
    if (constant_lost()) {
      constants_.x.resize(0);
      restart(source);
      return;
    }
    for (std::size_t t = 0; t < layout_.terms.size(); ++t) finish_term(t, z_qr[t], z_shift[t], z_square[t]);
  }

  // Shifting needs every column that makes up the constant. Nor must it decide which column is left out: until the
  // constant is in their span, shifted columns say nothing about dependence.
  bool constant_lost() const {
    Index last = constants_.x.size() - 1;
    while (last >= 0 && constants_.x[last] == 0) --last;
    std::vector<bool> kept(columns_, false);
    for (const Index j : out_.x.kept) kept[j] = true;
    bool left_out = false, shifted = false, broken = false;
    for (Index j = 0; j <= last; ++j) {
      left_out |= !kept[j];
      shifted |= out_.x.shift[j] != 0;
      broken |= constants_.x[j] != 0 && !kept[j];
    }
    return broken || (left_out && shifted);
  }

  void restart(DesignSource& source) {
    out_ = CrossProducts();
    first_pass(source);
  }

  static VectorXd first_means(const ConstMatrix& x, const VectorXd& constant) {
    VectorXd shift = VectorXd::Zero(x.cols());
    if (constant.size() == 0 || x.rows() == 0) return shift;
    for (Index j = 0; j < x.cols(); ++j)
      if (constant[j] == 0) shift[j] = x.col(j).mean();
    return shift;
  }

  void count(const DesignChunk& chunk) {
    for (Index i = 0; i < chunk.rows(); ++i) {
      const double w = chunk.weight == nullptr ? 1.0 : chunk.weight[i];
      if (!(w > 0)) continue;
      ++out_.n;
      if (chunk.weight != nullptr) out_.log_weight += std::log(w);
    }
  }

  static void absorb(const ConstMatrix& x, const ConstMatrix* y, const VectorXd& shift, const DesignChunk& chunk,
                     StreamingQr& qr) {
    const Index p = x.cols(), m = y == nullptr ? 0 : y->cols();
    if (p + m == 0) return;
    for (Index i = 0; i < x.rows(); ++i) {
      const double w = root_weight(chunk, i);
      if (!(w > 0)) continue;
      auto row = qr.next_row();
      for (Index j = 0; j < p; ++j) row[j] = w * (x(i, j) - shift[j]);
      for (Index j = 0; j < m; ++j) row[p + j] = w * (*y)(i, j);
    }
  }

  static void add_squares(const DesignChunk& chunk, std::size_t t, VectorXd& square) {
    for (Index j = 0; j < square.size(); ++j)
      for (Index i = 0; i < chunk.rows(); ++i) {
        const double w = chunk.weight == nullptr ? 1.0 : chunk.weight[i];
        square[j] += w * chunk.z[t](i, j) * chunk.z[t](i, j);
      }
  }

  void finish_term(std::size_t t, StreamingQr& qr, const VectorXd& shift, const VectorXd& square) {
    const Term& term = layout_.terms[t];
    const double length = std::sqrt(static_cast<double>(out_.n));
    z_shift_.push_back(shift);
    if (term.q > 1 && term.structure->rotatable()) {
      Projection z;
      z.shift = shift;
      z.constant = constants_.z[t];
      qr.finish();
      orthogonalize(qr, length, z);
      if (static_cast<Index>(z.kept.size()) < term.q) dependent(t, z.novelty);
      out_.z_basis.push_back(z.basis);
      z_map_.push_back(z.to_orthogonal);
      return;
    }
    z_shift_.back().setZero();
    VectorXd scale(term.q);
    for (Index j = 0; j < term.q; ++j) {
      if (!(square[j] > 0)) dependent(t, std::vector<double>(1, 0.0));
      scale[j] = length / std::sqrt(square[j]);
    }
    out_.z_basis.push_back(scale.asDiagonal());
    z_map_.push_back(scale.asDiagonal());
  }

  [[noreturn]] static void dependent(std::size_t t, const std::vector<double>& novelty) {
    Index column = 0;
    while (column + 1 < static_cast<Index>(novelty.size()) && novelty[column] > 0) ++column;
    throw Error("random_rank", std::to_string(t + 1) + ":" + std::to_string(column + 1));
  }

  // ---- second pass: sums ---------------------------------------------------------------------------------------
  void prepare() {
    p_ = out_.p();
    q_ = layout_.lead_q();
    const Index levels = layout_.lead_levels();
    out_.r.assign(levels * q_ * q_, 0.0);
    t_.assign(levels * q_ * (p_ + m_), 0.0);
    within_.emplace_back(p_, m_);
    row_.resize(p_ + m_);
    for (const Group& g : layout_.groups) z_row_.push_back(VectorXd::Zero(g.q));
    const Index r = layout_.rest_columns();
    rest_w_ = MatrixXd::Zero(r, p_ + m_);
    Index offset = 0;
    for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
      const Group& group = layout_.groups[layout_.rest[g]];
      rest_offset_.push_back(offset);
      offset += group.levels * group.q;
      lead_rest_.emplace_back(q_, group.q, group.levels);
      rest_diagonal_.emplace_back(group.levels * group.q * group.q, 0.0);
      rest_pairs_.emplace_back();
      for (std::size_t h = g + 1; h < layout_.rest.size(); ++h) {
        const Group& other = layout_.groups[layout_.rest[h]];
        rest_pairs_.back().emplace_back(group.q, other.q, other.levels);
      }
    }
    // Orthogonal columns are (x - shift) * to_orthogonal; y loses its least-squares fit.
    kept_shift_.resize(p_);
    for (Index j = 0; j < p_; ++j) kept_shift_[j] = out_.x.shift[out_.x.kept[j]];
  }

  void add(const DesignChunk& chunk) {
    for (Index i = 0; i < chunk.rows(); ++i) {
      const double w = root_weight(chunk, i);
      if (!(w > 0)) continue;
      read_row(chunk, i, w);
      add_rest(chunk, i);
      rotate_into_level(chunk.code[layout_.lead][i] - 1);
      within_.front().next_row() = row_.transpose();
    }
  }

  void read_row(const DesignChunk& chunk, Index i, double w) {
    const auto& kept = out_.x.kept;
    shifted_.resize(p_);
    for (Index j = 0; j < p_; ++j) shifted_[j] = chunk.x(i, kept[j]) - kept_shift_[j];
    for (Index j = 0; j < p_; ++j) row_[j] = w * shifted_.head(j + 1).dot(out_.x.to_orthogonal.col(j).head(j + 1));
    for (Index j = 0; j < m_; ++j) row_[p_ + j] = w * chunk.y(i, j);
    subtract_fit(w);
    for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
      const Term& term = layout_.terms[t];
      VectorXd& z = z_row_[term.group];
      for (Index c = 0; c < term.q; ++c) {
        double sum = 0;
        for (Index a = 0; a < term.q; ++a) sum += (chunk.z[t](i, a) - z_shift_[t][a]) * z_map_[t](a, c);
        z[term.column + c] = w * sum;
      }
    }
  }

  // In shifted coordinates, so that no large numbers cancel twice.
  void subtract_fit(double w) {
    for (Index j = 0; j < m_; ++j) row_[p_ + j] -= w * shifted_.dot(out_.x.fit.col(j));
  }

  void add_rest(const DesignChunk& chunk, Index i) {
    for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
      const int group = layout_.rest[g];
      const Index q = layout_.groups[group].q;
      const std::int64_t level = chunk.code[group][i] - 1;
      const VectorXd& z = z_row_[group];
      Eigen::Map<MatrixXd> diagonal(rest_diagonal_[g].data() + level * q * q, q, q);
      diagonal.noalias() += z * z.transpose();
      Eigen::Map<MatrixXd> lead(lead_rest_[g].at(chunk.code[layout_.lead][i] - 1, level), q_, q);
      lead.noalias() += z_row_[layout_.lead] * z.transpose();
      for (std::size_t h = g + 1; h < layout_.rest.size(); ++h) {
        const int other = layout_.rest[h];
        const VectorXd& zh = z_row_[other];
        Eigen::Map<MatrixXd> block(rest_pairs_[g][h - g - 1].at(level, chunk.code[other][i] - 1), q, zh.size());
        block.noalias() += z * zh.transpose();
      }
      rest_w_.middleRows(rest_offset_[g] + level * q, q).noalias() += z * row_.transpose();
    }
  }

  // Givens rotations take the row's random-effect part into the level's R; what is left of the row stays in row_.
  void rotate_into_level(Index level) {
    double* r = out_.r.data() + level * q_ * q_;
    double* t = t_.data() + level * q_ * (p_ + m_);
    VectorXd& z = z_row_[layout_.lead];
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
        const double tk = t[j + k * q_], wk = row_[k];
        t[j + k * q_] = c * tk + s * wk;
        row_[k] = c * wk - s * tk;
      }
    }
  }

  void finish() {
    settle_levels();
    StreamingQr& within = within_.front();
    within.finish();
    out_.w_xx = within.r();
    out_.w_xy = within.q_y();
    out_.w_yy = within.left_over();
    if (!out_.w_yy.allFinite() || !out_.w_xx.allFinite() || !out_.w_xy.allFinite()) throw Error("overflow", "");
    const Index levels = layout_.lead_levels();
    out_.t_x.resize(levels * q_, p_);
    out_.t_y.resize(levels * q_, m_);
    for (Index l = 0; l < levels; ++l) {
      const Eigen::Map<const MatrixXd> t(t_.data() + l * q_ * (p_ + m_), q_, p_ + m_);
      out_.t_x.middleRows(l * q_, q_) = t.leftCols(p_);
      out_.t_y.middleRows(l * q_, q_) = t.rightCols(m_);
    }
    out_.rest_x = rest_w_.leftCols(p_);
    out_.rest_y = rest_w_.rightCols(m_);
    for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
      const Group& group = layout_.groups[layout_.rest[g]];
      out_.lead_rest.push_back(lead_rest_[g].sorted());
      out_.rest.emplace_back();
      PairBlocks diagonal;
      diagonal.rows = diagonal.cols = group.q;
      for (Index l = 0; l < group.levels; ++l) {
        diagonal.row.push_back(l);
        diagonal.col.push_back(l);
      }
      diagonal.value = rest_diagonal_[g];
      out_.rest.back().push_back(std::move(diagonal));
      for (const PairSums& pairs : rest_pairs_[g]) out_.rest.back().push_back(pairs.sorted());
    }
  }

  // A row of R that is rounding error carries no information on its coefficient: its part of [X y] is within.
  void settle_levels() {
    const double tolerance = 1e-12;
    for (Index l = 0; l < layout_.lead_levels(); ++l) {
      Eigen::Map<MatrixXd> r(out_.r.data() + l * q_ * q_, q_, q_);
      Eigen::Map<MatrixXd> t(t_.data() + l * q_ * (p_ + m_), q_, p_ + m_);
      const double scale = tolerance * r.norm();
      for (Index j = 0; j < q_; ++j) {
        if (r.row(j).norm() > scale || r.row(j).norm() == 0) continue;
        within_.front().next_row() = t.row(j);
        t.row(j).setZero();
        r.row(j).setZero();
      }
    }
  }

  const Layout& layout_;
  Constants constants_;
  Checkpoint& checkpoint_;
  CrossProducts out_;
  Index columns_ = 0, p_ = 0, q_ = 0, m_ = 0;
  std::vector<MatrixXd> z_map_;
  std::vector<VectorXd> z_shift_, z_row_;
  VectorXd row_, shifted_, kept_shift_;
  MatrixXd rest_w_;
  std::vector<StreamingQr> within_;
  std::vector<double> t_;
  std::vector<Index> rest_offset_;
  std::vector<PairSums> lead_rest_;
  std::vector<std::vector<double>> rest_diagonal_;
  std::vector<std::vector<PairSums>> rest_pairs_;
};

}  // namespace henderson

#endif
