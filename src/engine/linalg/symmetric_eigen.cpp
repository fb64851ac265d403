#include "henderson/linalg/symmetric_eigen.hpp"

#include <Eigen/Eigenvalues>

namespace henderson {

SymmetricEigen::SymmetricEigen(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  values_ = solver.eigenvalues();
  vectors_ = solver.eigenvectors();
}

}  // namespace henderson
