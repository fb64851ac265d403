// Random columns in the scale of the typical level.
//
// Z's columns are orthogonal over all rows. Where a few levels outweigh all others (one value of 1e10, weights of very
// different sizes) that is the scale of those few, and what the others say is lost beside it. The typical scale M of
// the levels' Z_l'Z_l is where the levels are half saturated on average: mean of Z_l'(I + Z_l M^{-1} Z_l')^{-1} Z_l
// = M / 2. No level, however large, adds more to it than its rank, and it follows any mixing of the columns: an
// M-estimate of scatter, Kent and Tyler (1991), Annals of Statistics 19, 2102-2119.
#ifndef HENDERSON_DATA_TYPICAL_SCALE_HPP
#define HENDERSON_DATA_TYPICAL_SCALE_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {

// Roots R_l of one group's levels, R_l'R_l = Z_l'Z_l.
struct LevelRoots {
  std::vector<MatrixXd> r;
  std::vector<int> mixed;   // per column: columns with the same number may be mixed
};

// L, upper triangular, such that the typical level's R L has the size `per_level`; empty where there is no such scale,
// because a column is zero in most levels.
MatrixXd typical_scale(const LevelRoots& levels, double per_level);

// Columns of one group that a structure lets mix; a structure that keeps its columns apart has each by itself.
std::vector<int> mixed_columns(const Layout& layout, const Group& group, bool apart);

class TypicalScaling {
 public:
  TypicalScaling(const Layout& layout, CrossProducts& data) : layout_(layout), data_(data) {}

  void run();

 private:
  static constexpr Index kLevels = 500;   // a sample of this size tells what is typical
  static constexpr double kWorthwhile = 100;

  static Index stride(Index levels) { return (levels + kLevels - 1) / kLevels; }

  LevelRoots lead_roots() const;

  // Plain sums hold the sizes of the columns to all digits, but not how near they are to each other.
  LevelRoots rest_roots(std::size_t g) const;

  // Only where it is worth it: else the columns stay orthogonal over all rows.
  MatrixXd scale_of(int g, const LevelRoots& roots) const;

  void apply(int group, const MatrixXd& scale);

  static void scale_blocks(PairBlocks& pairs, const MatrixXd* left, const MatrixXd* right);

  const Layout& layout_;
  CrossProducts& data_;
};

}  // namespace henderson

#endif
