// Eigenvalues and vectors of a symmetric matrix: Eigen's solver, compiled once.
#ifndef HENDERSON_LINALG_SYMMETRIC_EIGEN_HPP
#define HENDERSON_LINALG_SYMMETRIC_EIGEN_HPP

#include <Eigen/Core>

namespace henderson {

class SymmetricEigen {
 public:
  explicit SymmetricEigen(const Eigen::MatrixXd& matrix);
  const Eigen::VectorXd& eigenvalues() const { return values_; }     // ascending
  const Eigen::MatrixXd& eigenvectors() const { return vectors_; }   // columns

 private:
  Eigen::VectorXd values_;
  Eigen::MatrixXd vectors_;
};

}  // namespace henderson

#endif
