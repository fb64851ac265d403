#include "henderson/data/cells.hpp"

#include <cmath>

namespace henderson {

void Moments2::add(double total, const double* value, double weight, double* delta) const {
  const double share = weight / total;
  for (Index j = 0; j < k; ++j) delta[j] = value[j] - mean[j];
  const double before = weight * (1 - share);
  double* s = square;
  for (Index j = 0; j < k; ++j) {
    const double d = before * delta[j];
    for (Index i = 0; i <= j; ++i) *s++ += d * delta[i];
  }
  for (Index j = 0; j < k; ++j) mean[j] += share * delta[j];
}

void Moments2::merge(double total, const double* mean2, const double* square2, double weight2) const {
  const double share = weight2 / total, before = weight2 * (1 - share);
  double* s = square;
  for (Index j = 0; j < k; ++j) {
    const double d = before * (mean2[j] - mean[j]);
    for (Index i = 0; i <= j; ++i) *s++ += *square2++ + d * (mean2[i] - mean[i]);
  }
  for (Index j = 0; j < k; ++j) mean[j] += share * (mean2[j] - mean[j]);
}

std::uint64_t CellTable::hash(const int* codes) const {
  std::uint64_t h = 0x9E3779B97F4A7C15ull;
  for (Index j = 0; j < keys_; ++j) {
    h ^= static_cast<std::uint32_t>(codes[j]);
    h *= 0xBF58476D1CE4E5B9ull;
    h ^= h >> 29;
  }
  return h;
}

bool CellTable::same(Index cell, const int* codes) const {
  for (Index j = 0; j < keys_; ++j)
    if (codes_[cell * keys_ + j] != codes[j]) return false;
  return true;
}

void CellTable::grow() {
  const std::size_t size = slot_.empty() ? 1024 : 2 * slot_.size();
  slot_.assign(size, -1);
  for (Index cell = 0; cell < this->size(); ++cell) {
    std::size_t at = hash(codes_.data() + cell * keys_) & (size - 1);
    while (slot_[at] >= 0) at = (at + 1) & (size - 1);
    slot_[at] = cell;
  }
}

Index CellTable::find(const int* codes) {
  if (2 * (n_.size() + 1) > slot_.size()) grow();
  std::size_t at = hash(codes) & (slot_.size() - 1);
  while (slot_[at] >= 0) {
    if (same(slot_[at], codes)) return slot_[at];
    at = (at + 1) & (slot_.size() - 1);
  }
  slot_[at] = size();
  codes_.insert(codes_.end(), codes, codes + keys_);
  n_.push_back(0);
  weight_.push_back(0);
  mean_.resize(mean_.size() + k_, 0.0);
  square_.resize(square_.size() + packed_, 0.0);
  return slot_[at];
}

void CellTable::add_row(const int* codes, const double* value, double weight) {
  const Index cell = find(codes);
  n_[cell] += 1;
  weight_[cell] += weight;
  moments(cell).add(weight_[cell], value, weight, delta_.data());
}

void CellTable::add_cell(const int* codes, double n, double weight, const double* mean, const double* square) {
  const Index cell = find(codes);
  n_[cell] += n;
  weight_[cell] += weight;
  moments(cell).merge(weight_[cell], mean, square, weight);
}

void CellTable::add_rows(Index rows, const std::vector<const int*>& codes, const std::vector<const double*>& values,
                         const double* shift, const double* weight, Checkpoint& checkpoint) {
  std::vector<int> key(codes.size());
  std::vector<double> row(values.size());
  for (Index i = 0; i < rows; ++i) {
    if (i % 65536 == 0) checkpoint.check();
    if (weight != nullptr && !(weight[i] > 0)) continue;
    for (std::size_t j = 0; j < key.size(); ++j) key[j] = codes[j][i];
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = values[j][i] - shift[j];
    add_row(key.data(), row.data(), weight == nullptr ? 1.0 : weight[i]);
  }
}

void CellTable::add_cells(Index cells, const int* codes, const double* n, const double* weight, const double* mean,
                          const double* square) {
  for (Index c = 0; c < cells; ++c) add_cell(codes + c * keys_, n[c], weight[c], mean + c * k_, square + c * packed_);
}

Index cell_root(const MatrixXd& square, const Eigen::VectorXd& least, Index most, std::vector<double>& rows) {
  const Index k = square.rows();
  MatrixXd left = square;
  std::vector<bool> done(k, false);
  Index rank = 0;
  while (rank < most) {
    Index best = -1;
    double share = 0;
    for (Index j = 0; j < k; ++j) {
      if (done[j] || !(left(j, j) > least[j])) continue;
      const double own = left(j, j) / square(j, j);
      if (own > share) {
        share = own;
        best = j;
      }
    }
    if (best < 0) break;
    const double root = std::sqrt(left(best, best));
    const Index begin = static_cast<Index>(rows.size());
    rows.resize(rows.size() + k, 0.0);
    double* row = rows.data() + begin;
    for (Index j = 0; j < k; ++j) row[j] = done[j] ? 0.0 : left(best, j) / root;
    for (Index j = 0; j < k; ++j)
      for (Index i = 0; i < k; ++i) left(i, j) -= row[i] * row[j];
    done[best] = true;
    ++rank;
  }
  return rank;
}

}  // namespace henderson
