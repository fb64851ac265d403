#include "henderson/data/pair_sums.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "henderson/linalg/error.hpp"

namespace henderson {

namespace {

constexpr std::size_t kWorthSorting = 1 << 22, kMost = 4000000000;

template <class Number>
void reorder(std::vector<Number>& x, const std::vector<std::uint32_t>& order, std::size_t size) {
  std::vector<Number> out(x.size());
  for (std::size_t k = 0; k < order.size(); ++k)
    for (std::size_t a = 0; a < size; ++a) out[k * size + a] = x[order[k] * size + a];
  x.swap(out);
}

}  // namespace

double* PairSums::at(std::int64_t row, std::int64_t col) {
  if (row_.size() >= kWorthSorting && row_.size() >= 2 * settled_) compress();
  if (row_.size() >= kMost) throw Error("bad_alloc", "");
  row_.push_back(static_cast<int>(row));
  col_.push_back(static_cast<int>(col));
  value_.resize(value_.size() + rows_ * cols_, 0.0);
  return value_.data() + value_.size() - rows_ * cols_;
}

std::vector<std::uint32_t> PairSums::counted(const std::vector<int>& key, const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> next(static_cast<std::size_t>(*std::max_element(key.begin(), key.end())) + 2, 0),
      out(order.size());
  for (const int k : key) ++next[k + 1];
  for (std::size_t k = 1; k < next.size(); ++k) next[k] += next[k - 1];
  for (const std::uint32_t at : order) out[next[key[at]]++] = at;
  return out;
}

void PairSums::compress() {
  if (row_.empty()) return;
  std::vector<std::uint32_t> order(row_.size());
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  order = counted(row_, counted(col_, order));
  const std::size_t size = rows_ * cols_;
  reorder(row_, order, 1);
  reorder(col_, order, 1);
  reorder(value_, order, size);
  std::size_t last = 0;
  for (std::size_t k = 1; k < row_.size(); ++k) {
    const bool same = row_[k] == row_[last] && col_[k] == col_[last];
    if (!same) {
      ++last;
      row_[last] = row_[k];
      col_[last] = col_[k];
    }
    for (std::size_t a = 0; a < size; ++a) {
      double& to = value_[last * size + a];
      to = same ? to + value_[k * size + a] : value_[k * size + a];
    }
  }
  row_.resize(last + 1);
  col_.resize(last + 1);
  value_.resize((last + 1) * size);
  settled_ = row_.size();
}

PairBlocks PairSums::sorted() {
  compress();
  PairBlocks out;
  out.rows = rows_;
  out.cols = cols_;
  out.row = std::move(row_);
  out.col = std::move(col_);
  out.value = std::move(value_);
  return out;
}

}  // namespace henderson
