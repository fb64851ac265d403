#include "henderson/linalg/decompositions.hpp"

namespace Eigen {

template class LLT<MatrixXd>;
template class HouseholderQR<MatrixXd>;
template class ColPivHouseholderQR<MatrixXd>;
template class SelfAdjointEigenSolver<MatrixXd>;
template class JacobiSVD<MatrixXd>;

}  // namespace Eigen
