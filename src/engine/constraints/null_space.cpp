#include "henderson/constraints/null_space.hpp"

#include <algorithm>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

NullSpace::NullSpace(const MatrixXd& columns) : size_(columns.cols()) {
  const Index k = columns.rows();
  for (Index c = 0; c < columns.cols(); ++c) size_[c] = std::max(columns.col(c).norm(), 1e-300);
  const MatrixXd unit = columns * size_.cwiseInverse().asDiagonal();
  const SymmetricEigen eigen(unit * unit.transpose());
  Index rank = 0;
  while (rank < k && eigen.eigenvalues()[k - 1 - rank] > 1e-12) ++rank;
  along_ = eigen.eigenvectors().leftCols(k - rank);
  across_ = eigen.eigenvectors().rightCols(rank);
  weight_ = eigen.eigenvalues().tail(rank).cwiseInverse().asDiagonal() * (across_.transpose() * unit);
}

VectorXd NullSpace::restore(const VectorXd& gap) const {
  if (across_.cols() == 0) return VectorXd::Zero(across_.rows());
  return across_ * (weight_ * gap.cwiseQuotient(size_));
}

VectorXd NullSpace::multipliers(const VectorXd& gradient) const {
  if (across_.cols() == 0) return VectorXd::Zero(size_.size());
  return -(weight_.transpose() * (across_.transpose() * gradient)).cwiseQuotient(size_);
}

}  // namespace henderson
