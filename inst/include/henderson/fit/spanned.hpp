// The span of the gradients of constraints, and what is orthogonal to it.
#ifndef HENDERSON_FIT_SPANNED_HPP
#define HENDERSON_FIT_SPANNED_HPP

#include <Eigen/Dense>
#include <algorithm>

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Columns C, each taken in its own unit.
class Spanned {
 public:
  explicit Spanned(const MatrixXd& columns) : size_(columns.cols()) {
    const Index k = columns.rows();
    for (Index c = 0; c < columns.cols(); ++c) size_[c] = std::max(columns.col(c).norm(), 1e-300);
    const MatrixXd unit = columns * size_.cwiseInverse().asDiagonal();
    const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(unit * unit.transpose());
    Index rank = 0;
    while (rank < k && eigen.eigenvalues()[k - 1 - rank] > 1e-12) ++rank;
    along_ = eigen.eigenvectors().leftCols(k - rank);
    across_ = eigen.eigenvectors().rightCols(rank);
    weight_ = eigen.eigenvalues().tail(rank).cwiseInverse().asDiagonal() * (across_.transpose() * unit);
  }

  const MatrixXd& along() const { return along_; }   // orthonormal basis of the complement
  // The shortest x with C'x = gap, and the multipliers l with C l nearest to -gradient.
  VectorXd restore(const VectorXd& gap) const {
    if (across_.cols() == 0) return VectorXd::Zero(across_.rows());
    return across_ * (weight_ * gap.cwiseQuotient(size_));
  }
  VectorXd multipliers(const VectorXd& gradient) const {
    if (across_.cols() == 0) return VectorXd::Zero(size_.size());
    return -(weight_.transpose() * (across_.transpose() * gradient)).cwiseQuotient(size_);
  }

 private:
  VectorXd size_;
  MatrixXd along_, across_, weight_;
};

}  // namespace henderson

#endif
