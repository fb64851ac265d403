#include "henderson/data/column_source.hpp"

#include <algorithm>
#include <new>

namespace henderson {

namespace {

Index piece_columns(const Piece& piece) { return piece.code != nullptr ? piece.coding.cols() : piece.columns; }

// Column c of a piece, rows first, ..., first + rows - 1, in place of `to` or multiplied into it.
template <class Put>
void put_piece(const Piece& piece, Index all, Index c, Index first, Index rows, const Put& put) {
  if (piece.code != nullptr) {
    const int* code = piece.code + first;
    const double* coding = piece.coding.data() + c * piece.coding.rows() - 1;
    for (Index i = 0; i < rows; ++i) put(i, coding[code[i]]);
  } else if (piece.real != nullptr) {
    const double* value = piece.real + c * all + first;
    for (Index i = 0; i < rows; ++i) put(i, value[i]);
  } else {
    const int* value = piece.whole + c * all + first;
    for (Index i = 0; i < rows; ++i) put(i, static_cast<double>(value[i]));
  }
}

Index block_columns(const ColumnPlan& plan, const std::vector<int>& block) {
  Index out = 1;
  for (const int p : block) out *= piece_columns(plan.pieces[p]);
  return out;
}

}  // namespace

Index ColumnPlan::columns() const {
  Index out = intercept ? 1 : 0;
  for (const auto& block : blocks) out += block_columns(*this, block);
  return out;
}

ColumnSource::ColumnSource(const DesignColumns& columns, Index chunk_rows)
    : columns_(columns),
      chunk_rows_(chunk_rows),
      chunks_(std::max<Index>(1, (columns.rows + chunk_rows - 1) / chunk_rows)),
      z_(columns.z.size()) {}

std::unique_ptr<DesignSource> ColumnSource::twin() const {
  return std::make_unique<ColumnSource>(columns_, chunk_rows_);
}

DesignChunk ColumnSource::chunk(Index k) {
  const Index first = k * chunk_rows_, rows = std::min(chunk_rows_, columns_.rows - first);
  DesignChunk out;
  new (&out.x) ConstMatrix(fill(columns_.x, x_, first, rows));
  for (std::size_t t = 0; t < z_.size(); ++t) out.z.push_back(fill(columns_.z[t], z_[t], first, rows));
  for (const int* code : columns_.code) out.code.push_back(code + first);
  new (&out.y) ConstMatrix(fill_responses(first, rows));
  if (columns_.weight != nullptr) out.weight = columns_.weight + first;
  return out;
}

ConstMatrix ColumnSource::fill(const ColumnPlan& plan, MatrixXd& to, Index first, Index rows) const {
  const Index columns = plan.columns();
  if (to.rows() < rows) to.resize(rows, columns);
  double* column = to.data();
  if (plan.intercept) {
    std::fill_n(column, rows, 1.0);
    column += rows;
  }
  for (const auto& block : plan.blocks) {
    const Index own = block_columns(plan, block);
    for (Index j = 0; j < own; ++j, column += rows) {
      Index left = j;
      for (std::size_t b = 0; b < block.size(); ++b) {
        const Piece& piece = plan.pieces[block[b]];
        const Index c = left % piece_columns(piece);
        left /= piece_columns(piece);
        if (b == 0) put_piece(piece, columns_.rows, c, first, rows, [&](Index i, double v) { column[i] = v; });
        else put_piece(piece, columns_.rows, c, first, rows, [&](Index i, double v) { column[i] *= v; });
      }
    }
  }
  return ConstMatrix(to.data(), rows, columns);
}

ConstMatrix ColumnSource::fill_responses(Index first, Index rows) {
  const Index m = columns_.responses;
  const bool as_given = columns_.offset == nullptr && (m == 1 || rows == columns_.rows);
  if (as_given) return ConstMatrix(columns_.y + first, rows, m);
  if (y_.rows() < rows) y_.resize(rows, m);
  double* to = y_.data();
  for (Index j = 0; j < m; ++j, to += rows) {
    const double* y = columns_.y + j * columns_.rows + first;
    if (columns_.offset == nullptr) std::copy_n(y, rows, to);
    else for (Index i = 0; i < rows; ++i) to[i] = y[i] - columns_.offset[first + i];
  }
  return ConstMatrix(y_.data(), rows, m);
}

}  // namespace henderson
