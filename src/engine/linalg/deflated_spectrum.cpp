#include "henderson/linalg/deflated_spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

DeflatedSpectrum::Index DeflatedSpectrum::below(double x) const {
  const double epsilon = std::numeric_limits<double>::epsilon();
  VectorXd inverse(diagonal_.size());
  Index count = 0;
  for (Index i = 0; i < diagonal_.size(); ++i) {
    double distance = diagonal_[i] - x;
    if (distance < 0) ++count;
    // On an entry of D the count is that of a neighbour of x.
    if (std::abs(distance) < epsilon * std::abs(x))
      distance = distance < 0 ? -epsilon * std::abs(x) : epsilon * std::abs(x);
    inverse[i] = 1 / distance;
  }
  if (a_.cols() == 0) return count;
  MatrixXd inner = -(a_.transpose() * inverse.asDiagonal() * a_);
  inner.diagonal().array() += 1;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(inner, Eigen::EigenvaluesOnly);
  return count + (eigen.eigenvalues().array() < 0).count();
}

DeflatedSpectrum::VectorXd DeflatedSpectrum::above(double least, Checkpoint& checkpoint) const {
  std::vector<double> found;
  if (diagonal_.size() > 0 && diagonal_.maxCoeff() > least) {
    const double most = diagonal_.maxCoeff() * (1 + 1e-12);  // D - A A' <= D
    std::vector<Bracket> open{{least, most, below(least), diagonal_.size()}};
    while (!open.empty()) {
      checkpoint.check();
      const Bracket b = open.back();
      open.pop_back();
      if (b.count_low == b.count_high) continue;
      const double middle = b.high > 4 * b.low ? std::sqrt(b.low) * std::sqrt(b.high) : b.low + (b.high - b.low) / 2;
      if (b.high - b.low <= 1e-12 * b.high) {
        found.insert(found.end(), b.count_high - b.count_low, middle);
        continue;
      }
      const Index count = std::min(std::max(below(middle), b.count_low), b.count_high);
      open.push_back({middle, b.high, count, b.count_high});
      open.push_back({b.low, middle, b.count_low, count});
    }
  }
  return Eigen::Map<const VectorXd>(found.data(), static_cast<Index>(found.size()));
}

}  // namespace henderson
