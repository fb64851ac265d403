// First pass over the rows: counts, and the coordinates in which the columns of X and of each term are orthogonal.
#ifndef HENDERSON_DATA_COORDINATES_HPP
#define HENDERSON_DATA_COORDINATES_HPP

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "henderson/data/design_source.hpp"
#include "henderson/data/layout.hpp"
#include "henderson/data/projection.hpp"
#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

constexpr Index rows_between_checks = 256;

inline double root_weight(const DesignChunk& chunk, Index i) {
  return chunk.weight == nullptr ? 1.0 : std::sqrt(chunk.weight[i]);
}

// For which columns of X and of each term is the constant in the span, and how.
struct Constants {
  VectorXd x;                // empty: none
  std::vector<VectorXd> z;
};

// The orthogonal columns of a term are (z - shift) * map; coefficients of z are basis * those of the orthogonal columns.
struct TermCoordinates {
  VectorXd shift;
  MatrixXd map, basis;
};

struct Coordinates {
  Index n = 0;               // rows with positive weight
  double log_weight = 0;     // sum of log weights
  Index responses = 0;
  Projection x;
  std::vector<TermCoordinates> terms;
};

class CoordinateFinder {
 public:
  CoordinateFinder(const Layout& layout, Constants constants, Checkpoint& checkpoint)
      : layout_(layout), constants_(std::move(constants)), checkpoint_(checkpoint) {}

  Coordinates run(DesignSource& source) {
    read(source);
    if (constant_lost()) {
      constants_.x.resize(0);
      read(source);
    }
    for (std::size_t t = 0; t < layout_.terms.size(); ++t) finish_term(t);
    return std::move(out_);
  }

 private:
  void read(DesignSource& source) {
    out_ = Coordinates();
    weight_ = 0;
    x_qr_.clear();
    z_qr_.clear();
    z_square_.clear();
    for (Index k = 0; k < source.chunks(); ++k) {
      const DesignChunk chunk = source.chunk(k);
      if (k == 0) start(chunk);
      count(chunk);
      absorb(chunk.x, &chunk.y, out_.x.shift, chunk, x_qr_.front());
      for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
        if (rotates(t)) absorb(chunk.z[t], nullptr, out_.terms[t].shift, chunk, z_qr_[t]);
        else add_squares(chunk, t);
      }
      checkpoint_.check();
    }
    x_qr_.front().finish();
    orthogonalize(x_qr_.front(), 1.0, mean_root_weight(), out_.x);
  }

  // Columns of one term are made orthogonal where its structure allows for that; else they are only scaled.
  bool rotates(std::size_t t) const { return layout_.terms[t].q > 1 && layout_.terms[t].structure->rotatable(); }

  void start(const DesignChunk& chunk) {
    out_.responses = chunk.y.cols();
    out_.x.constant = constants_.x;
    out_.x.shift = first_means(chunk.x, constants_.x);
    x_qr_.emplace_back(chunk.x.cols(), out_.responses);
    for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
      const Index q = layout_.terms[t].q;
      out_.terms.emplace_back();
      out_.terms[t].shift = rotates(t) ? first_means(chunk.z[t], constants_.z[t]) : VectorXd::Zero(q);
      z_square_.push_back(VectorXd::Zero(q));
      z_qr_.emplace_back(q, 0);
    }
  }

  static VectorXd first_means(const ConstMatrix& x, const VectorXd& constant) {
    VectorXd shift = VectorXd::Zero(x.cols());
    if (constant.size() == 0 || x.rows() == 0) return shift;
    for (Index j = 0; j < x.cols(); ++j)
      if (constant[j] == 0) shift[j] = x.col(j).mean();
    return shift;
  }

  // Shifting needs every column that makes up the constant. Nor must it decide which column is left out: until the
  // constant is in their span, shifted columns say nothing about dependence.
  bool constant_lost() const {
    Index last = constants_.x.size() - 1;
    while (last >= 0 && constants_.x[last] == 0) --last;
    std::vector<bool> kept(out_.x.shift.size(), false);
    for (const Index j : out_.x.kept) kept[j] = true;
    bool left_out = false, shifted = false, broken = false;
    for (Index j = 0; j <= last; ++j) {
      left_out |= !kept[j];
      shifted |= out_.x.shift[j] != 0;
      broken |= constants_.x[j] != 0 && !kept[j];
    }
    return broken || (left_out && shifted);
  }

  void count(const DesignChunk& chunk) {
    for (Index i = 0; i < chunk.rows(); ++i) {
      const double w = chunk.weight == nullptr ? 1.0 : chunk.weight[i];
      if (!(w > 0)) continue;
      ++out_.n;
      if (chunk.weight != nullptr) out_.log_weight += std::log(w);
      weight_ += w;
    }
  }

  double mean_root_weight() const { return out_.n > 0 ? std::sqrt(weight_ / static_cast<double>(out_.n)) : 1.0; }

  void absorb(const ConstMatrix& x, const ConstMatrix* y, const VectorXd& shift, const DesignChunk& chunk, StreamingQr& qr) {
    const Index p = x.cols(), m = y == nullptr ? 0 : y->cols();
    if (p + m == 0) return;
    for (Index i = 0; i < x.rows(); ++i) {
      if (i % rows_between_checks == 0) checkpoint_.check();
      const double w = root_weight(chunk, i);
      if (!(w > 0)) continue;
      auto row = qr.next_row();
      for (Index j = 0; j < p; ++j) row[j] = w * (x(i, j) - shift[j]);
      for (Index j = 0; j < m; ++j) row[p + j] = w * (*y)(i, j);
    }
  }

  void add_squares(const DesignChunk& chunk, std::size_t t) {
    VectorXd& square = z_square_[t];
    for (Index j = 0; j < square.size(); ++j)
      for (Index i = 0; i < chunk.rows(); ++i) {
        const double w = chunk.weight == nullptr ? 1.0 : chunk.weight[i];
        square[j] += w * chunk.z[t](i, j) * chunk.z[t](i, j);
      }
  }

  void finish_term(std::size_t t) {
    TermCoordinates& out = out_.terms[t];
    const Index q = layout_.terms[t].q;
    const double length = std::sqrt(static_cast<double>(out_.n));
    if (rotates(t)) {
      Projection z;
      z.shift = out.shift;
      z.constant = constants_.z[t];
      z_qr_[t].finish();
      orthogonalize(z_qr_[t], length, mean_root_weight(), z);
      if (static_cast<Index>(z.kept.size()) < q) dependent(t, z.novelty);
      out.basis = z.basis;
      out.map = z.to_orthogonal;
      return;
    }
    VectorXd scale(q);
    for (Index j = 0; j < q; ++j) {
      if (!(z_square_[t][j] > 0)) dependent(t, std::vector<double>(1, 0.0));
      scale[j] = length / std::sqrt(z_square_[t][j]);
    }
    out.basis = out.map = scale.asDiagonal();
  }

  [[noreturn]] static void dependent(std::size_t t, const std::vector<double>& novelty) {
    Index column = 0;
    while (column + 1 < static_cast<Index>(novelty.size()) && novelty[column] > 0) ++column;
    throw Error("random_rank", std::to_string(t + 1) + ":" + std::to_string(column + 1));
  }

  const Layout& layout_;
  Constants constants_;
  Checkpoint& checkpoint_;
  Coordinates out_;
  double weight_ = 0;   // sum over the rows
  std::vector<StreamingQr> x_qr_, z_qr_;
  std::vector<VectorXd> z_square_;
};

}  // namespace henderson

#endif
