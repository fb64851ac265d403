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

class Accumulator {
 public:
  Accumulator(const Layout& layout, Constants constants, Checkpoint& checkpoint)
      : layout_(layout), constants_(std::move(constants)), checkpoint_(checkpoint) {}

  CrossProducts run(DesignSource& source);

 private:
  void prepare();

  void add(const DesignChunk& chunk);

  void read_row(const DesignChunk& chunk, Index i, double w);

  // In shifted coordinates, so that no large numbers cancel twice.
  void subtract_fit(double w);

  void add_rest(const DesignChunk& chunk, Index i);

  // Small models with crossed factors; no rows at all where there are too many.
  void keep_row(const DesignChunk& chunk, Index i);
  void finish_rows();

  // Givens rotations take the row's random-effect part into the level's R; what is left of the row stays in row_.
  void rotate_into_level(Index level);

  void finish();

  // A row of R that is rounding error carries no information on its coefficient: its part of [X y] is within.
  void settle_levels();

  const Layout& layout_;
  Constants constants_;
  Checkpoint& checkpoint_;
  CrossProducts out_;
  Index p_ = 0, q_ = 0, m_ = 0;
  std::vector<TermCoordinates> terms_;
  std::vector<VectorXd> z_row_;
  VectorXd row_, shifted_, kept_shift_, response_shift_;
  MatrixXd rest_w_;
  std::vector<StreamingQr> within_;
  std::vector<double> t_;
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
