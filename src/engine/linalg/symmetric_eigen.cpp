#include "henderson/linalg/symmetric_eigen.hpp"

#include "henderson/linalg/decompositions.hpp"


namespace henderson {

SymmetricEigen::SymmetricEigen(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  values_ = solver.eigenvalues();
  vectors_ = solver.eigenvectors();
}

}  // namespace henderson
