// Sums of small blocks over pairs of levels, hashed while rows come in.
#ifndef HENDERSON_DATA_PAIR_SUMS_HPP
#define HENDERSON_DATA_PAIR_SUMS_HPP

#include <Eigen/Core>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {

class PairSums {
 public:
  PairSums(Index rows, Index cols, Index col_levels) : rows_(rows), cols_(cols), col_levels_(col_levels) {}

  double* at(std::int64_t row, std::int64_t col);

  PairBlocks sorted() const;

 private:
  Index rows_, cols_;
  std::int64_t col_levels_;
  std::unordered_map<std::int64_t, std::int64_t> index_;
  std::vector<std::int64_t> keys_;
  std::vector<double> value_;
};

}  // namespace henderson

#endif
