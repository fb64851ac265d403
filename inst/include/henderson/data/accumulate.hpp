// From rows to cross-products, chunk by chunk: one pass for the orthogonal coordinates, then this one for the sums.
#ifndef HENDERSON_DATA_ACCUMULATE_HPP
#define HENDERSON_DATA_ACCUMULATE_HPP

#include <Eigen/Core>
#include <utility>
#include <vector>

#include "henderson/data/coordinates.hpp"
#include "henderson/data/cross_products.hpp"
#include "henderson/data/design_source.hpp"
#include "henderson/data/pair_sums.hpp"
#include "henderson/data/typical_scale.hpp"
#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

// The rows of some levels of the leading factor: R and T of each level one after the other, what is left of the rows,
// and room for one of them.
struct LevelShare {
  std::vector<double> level;
  StreamingQr within;
  VectorXd row, shifted;
  std::vector<VectorXd> z_row;       // per group
  std::vector<Index> own;            // rows of the chunk at hand
  LevelShare(const Layout& layout, Index columns, Index responses);
};

class Accumulator {
 public:
  Accumulator(const Layout& layout, Constants constants, Checkpoint& checkpoint, int threads = 1)
      : layout_(layout), constants_(std::move(constants)), checkpoint_(checkpoint), threads_(threads) {}

  CrossProducts run(DesignSource& source);

 private:
  void prepare();

  // Level l belongs to share l modulo their number, a power of two that depends on the model alone. Each share is
  // worked on by one thread, so that all rows of a level are taken in their order.
  void prepare_shares(Index chunks);
  void sum_shares(DesignSource& source);
  Index share_of(Index level) const { return level & ((Index(1) << share_bits_) - 1); }
  double* r_of(Index level) { return shares_[share_of(level)].level.data() + (level >> share_bits_) * level_size(); }
  double* t_of(Index level) { return r_of(level) + q_ * q_; }
  Index level_size() const { return q_ * (q_ + p_ + m_); }
  // Shares first, first + step, ... of a chunk.
  void add(const DesignChunk& chunk, Index first, Index step, Checkpoint& checkpoint);
  void find_own(const DesignChunk& chunk, Index from, Index first, Index step);
  void add_row(const DesignChunk& chunk, Index i, LevelShare& share);
  void fetch_ahead(const DesignChunk& chunk, const std::vector<Index>& own, std::size_t at);

  void read_row(const DesignChunk& chunk, Index i, double w, LevelShare& share) const;

  // In shifted coordinates, so that no large numbers cancel twice.
  void subtract_fit(double w, LevelShare& share) const;

  void add_rest(const DesignChunk& chunk, Index i, const LevelShare& share);

  // Small models with crossed factors; no rows at all where there are too many.
  void keep_row(const DesignChunk& chunk, Index i, const LevelShare& share);
  void finish_rows();

  // Givens rotations take the row's random-effect part into the level's R; what is left of the row stays in it.
  void rotate_into_level(Index level, LevelShare& share);

  void finish();
  void take_levels();
  void take_rest();

  // A row of R that is rounding error carries no information on its coefficient: its part of [X y] is within.
  void settle_levels();

  const Layout& layout_;
  Constants constants_;
  static constexpr Index kSharedRows = 2048;   // at a time: they stay in the cache while one share after another reads

  Checkpoint& checkpoint_;
  int threads_;
  CrossProducts out_;
  Index p_ = 0, q_ = 0, m_ = 0;
  std::vector<TermCoordinates> terms_;
  VectorXd kept_shift_, response_shift_;
  MatrixXd rest_w_;
  std::vector<LevelShare> shares_;
  int share_bits_ = 0;               // of a level's number
  bool keeps_ = false;
  std::vector<double> kept_;
  std::vector<int> kept_level_;
  std::vector<Index> rest_offset_;
  std::vector<PairSums> lead_rest_;
  std::vector<std::vector<double>> rest_diagonal_;
  std::vector<std::vector<PairSums>> rest_pairs_;
};

}  // namespace henderson

#endif
