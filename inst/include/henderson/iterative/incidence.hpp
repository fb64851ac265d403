// Which levels of the leading factor occur with which levels of the others: the occupied pairs, level by level.
#ifndef HENDERSON_ITERATIVE_INCIDENCE_HPP
#define HENDERSON_ITERATIVE_INCIDENCE_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {
namespace iterative {

// One of the other grouping factors. Its levels have `q` neighbouring columns each, from column `first` on.
struct OtherFactor {
  int group = 0;
  Index q = 1, levels = 0, first = 0;
  std::vector<std::int64_t> start;   // leading level -> its pairs
  std::vector<int> level;            // of each pair
  const double* value = nullptr;     // Z_1'Z_r of each pair, lead_q x q; null where all of them are 1
  const double* own = nullptr;       // Z_r'Z_r of each level, q x q
};

// Z_g'Z_h of two other factors.
struct OtherPair {
  std::size_t g = 0, h = 0;
  const PairBlocks* blocks = nullptr;
};

class Incidence {
 public:
  // `data` must outlive it.
  Incidence(const Layout& layout, const CrossProducts& data);

  Index columns() const { return columns_; }
  Index lead_q() const { return q_; }
  Index lead_levels() const { return levels_; }
  // Has each factor one column?
  bool single() const { return q_ == 1 && columns_ == levels_of_others_; }
  std::int64_t pairs() const { return pairs_; }
  const std::vector<OtherFactor>& factors() const { return factors_; }
  const std::vector<OtherPair>& couplings() const { return couplings_; }
  // Z_1l'Z_1l of each leading level.
  const std::vector<double>& lead_squares() const { return squares_; }
  // Z_1'[X y].
  MatrixXd lead_times(const CrossProducts& data, Index response) const;

  // The leading levels of part k of parts(): about the same number of pairs each. The number depends on the data alone.
  int parts() const { return static_cast<int>(part_.size()) - 1; }
  Index part_begin(int k) const { return part_[k]; }

 private:
  void read(const PairBlocks& pairs, OtherFactor& factor);
  void divide();

  Index q_ = 1, levels_ = 0, columns_ = 0, levels_of_others_ = 0;
  std::int64_t pairs_ = 0;
  const double* r_ = nullptr;
  std::vector<OtherFactor> factors_;
  std::vector<OtherPair> couplings_;
  std::vector<double> squares_;
  std::vector<Index> part_;
};

}  // namespace iterative
}  // namespace henderson

#endif
