// R as a sum of known matrices, each with a coefficient, or one known matrix.
#ifndef HENDERSON_RESIDUAL_KNOWN_BLOCKS_HPP
#define HENDERSON_RESIDUAL_KNOWN_BLOCKS_HPP

#include <utility>

#include "henderson/residual/structure.hpp"

namespace henderson {

// A position is the number of a block and a row of it, both from 0.
class KnownBlocks : public ResidualStructure {
 public:
  using Blocks = std::vector<MatrixXd>;
  KnownBlocks(std::vector<Blocks> matrices, bool estimated) : all_(std::move(matrices)), estimated_(estimated) {}
  std::vector<ResidualParameter> parameters() const override;
  bool owns_scale() const override { return estimated_; }
  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;

 private:
  MatrixXd cut(const Blocks& from, const MatrixXd& positions) const;
  double typical(const Blocks& blocks) const;
  std::vector<Blocks> all_;
  bool estimated_;
};

}  // namespace henderson

#endif
