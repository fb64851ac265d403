#include "henderson/iterative/deflation.hpp"

#include "henderson/linalg/random_stream.hpp"

namespace henderson {
namespace iterative {

double sign_of(std::uint64_t seed, std::uint64_t probe, std::uint64_t row) {
  const std::uint64_t stream = mixed(seed + kSplitMixStep * (probe + 1));
  return (mixed(stream + kSplitMixStep * (row + 1)) >> 63) != 0 ? 1.0 : -1.0;
}

void Deflation::project(Panel& x) const {
  const MatrixXd share = square.cwiseInverse().asDiagonal() * MatrixXd(v.transpose() * x);
  x -= v * share;
}

Deflation deflation(const Incidence& incidence, Index few_levels) {
  std::vector<std::size_t> factor;
  for (std::size_t g = 0; g < incidence.factors().size(); ++g) {
    const OtherFactor& f = incidence.factors()[g];
    factor.insert(factor.end(), f.levels <= few_levels ? f.levels * f.q : f.q, g);
  }
  Deflation out;
  out.factor = factor;
  out.v.setZero(incidence.columns(), static_cast<Index>(factor.size()));
  Index column = 0;
  for (const OtherFactor& f : incidence.factors()) {
    const bool few = f.levels <= few_levels;
    for (Index l = 0; l < f.levels; ++l)
      for (Index a = 0; a < f.q; ++a) out.v(f.first + l * f.q + a, column + (few ? l * f.q + a : a)) = 1;
    column += few ? f.levels * f.q : f.q;
  }
  out.square = out.v.colwise().squaredNorm();
  return out;
}

}  // namespace iterative
}  // namespace henderson
