// Sums of small blocks over pairs of levels, in the order in which the rows come.
//
// Blocks are written one after another and sorted now and then, by counting, when as many are new as were there before:
// the memory is that of the pairs, or of a few million rows, and a pair's sum is taken in the order of its rows.
#ifndef HENDERSON_DATA_PAIR_SUMS_HPP
#define HENDERSON_DATA_PAIR_SUMS_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {

class PairSums {
 public:
  PairSums(Index rows, Index cols) : rows_(rows), cols_(cols) {}

  // A block of zeros to which the pair's contribution is added; valid until the next call.
  double* at(std::int64_t row, std::int64_t col);

  // What has been summed; nothing is left here.
  PairBlocks sorted();

 private:
  void compress();
  // The entries in the order of `key`, equal ones as they were.
  static std::vector<std::uint32_t> counted(const std::vector<int>& key, const std::vector<std::uint32_t>& order);

  Index rows_, cols_;
  std::vector<int> row_, col_;
  std::vector<double> value_;
  std::size_t settled_ = 0;   // entries at the front that are sorted and without repeats
};

}  // namespace henderson

#endif
