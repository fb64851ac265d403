#include "henderson/residual/known_blocks.hpp"

namespace henderson {

std::vector<ResidualParameter> KnownBlocks::parameters() const {
  std::vector<ResidualParameter> out;
  for (std::size_t k = 0; estimated_ && k < all_.size(); ++k)
    out.push_back({ResidualKind::covariance, static_cast<Index>(k), 0, Step::natural});
  return out;
}

MatrixXd KnownBlocks::cut(const Blocks& from, const MatrixXd& positions) const {
  const Index n = positions.rows();
  MatrixXd out(n, n);
  for (Index a = 0; a < n; ++a) {
    const MatrixXd& block = from[static_cast<std::size_t>(positions(a, 0))];
    for (Index b = 0; b < n; ++b)
      out(a, b) = positions(a, 0) == positions(b, 0)
                      ? block(static_cast<Index>(positions(a, 1)), static_cast<Index>(positions(b, 1)))
                      : 0;
  }
  return out;
}

void KnownBlocks::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  out.resize(psi.size(), order);
  if (!estimated_) {
    out.r = cut(all_[0], positions);
    return;
  }
  out.r = MatrixXd::Zero(positions.rows(), positions.rows());
  for (std::size_t k = 0; k < all_.size(); ++k) {
    const MatrixXd own = cut(all_[k], positions);
    out.r += psi[static_cast<Index>(k)] * own;
    if (order > 0) out.d[k] = own;
  }
}

double KnownBlocks::typical(const Blocks& blocks) const {
  double sum = 0, rows = 0;
  for (const MatrixXd& block : blocks) {
    sum += block.trace();
    rows += static_cast<double>(block.rows());
  }
  return sum > 0 ? sum / rows : 1;
}

std::vector<VectorXd> KnownBlocks::starts(const ResidualMoments& moments) const {
  if (!estimated_) return {VectorXd()};
  const Index k = static_cast<Index>(all_.size());
  VectorXd out(k);
  for (Index i = 0; i < k; ++i)
    out[i] = moments.variance / (static_cast<double>(k) * typical(all_[static_cast<std::size_t>(i)]));
  return {out};
}

}  // namespace henderson
