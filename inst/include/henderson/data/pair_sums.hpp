// Sums of small blocks over pairs of levels, hashed while rows come in.
#ifndef HENDERSON_DATA_PAIR_SUMS_HPP
#define HENDERSON_DATA_PAIR_SUMS_HPP

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <unordered_map>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {

class PairSums {
 public:
  PairSums(Index rows, Index cols, Index col_levels) : rows_(rows), cols_(cols), col_levels_(col_levels) {}

  double* at(std::int64_t row, std::int64_t col) {
    const std::int64_t key = row * col_levels_ + col;
    const auto found = index_.emplace(key, static_cast<std::int64_t>(keys_.size()));
    if (found.second) {
      keys_.push_back(key);
      value_.resize(value_.size() + rows_ * cols_, 0.0);
    }
    return value_.data() + found.first->second * rows_ * cols_;
  }

  PairBlocks sorted() const {
    std::vector<std::int64_t> order(keys_.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return keys_[a] < keys_[b]; });
    PairBlocks out;
    out.rows = rows_;
    out.cols = cols_;
    out.value.reserve(value_.size());
    for (const std::int64_t k : order) {
      out.row.push_back(keys_[k] / col_levels_);
      out.col.push_back(keys_[k] % col_levels_);
      out.value.insert(out.value.end(), value_.begin() + k * rows_ * cols_, value_.begin() + (k + 1) * rows_ * cols_);
    }
    return out;
  }

 private:
  Index rows_, cols_;
  std::int64_t col_levels_;
  std::unordered_map<std::int64_t, std::int64_t> index_;
  std::vector<std::int64_t> keys_;
  std::vector<double> value_;
};

}  // namespace henderson

#endif
