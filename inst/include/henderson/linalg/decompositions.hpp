// Decompositions of plain matrices, which linalg/decompositions.cpp instantiates once for all units: compiling one of
// them takes up to a second.
#ifndef HENDERSON_LINALG_DECOMPOSITIONS_HPP
#define HENDERSON_LINALG_DECOMPOSITIONS_HPP

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

namespace Eigen {

extern template class LLT<MatrixXd>;
extern template class HouseholderQR<MatrixXd>;
extern template class ColPivHouseholderQR<MatrixXd>;
extern template class SelfAdjointEigenSolver<MatrixXd>;
extern template class JacobiSVD<MatrixXd>;

}  // namespace Eigen

#endif
