// C += alpha A B for dense matrices: packed panels and a register kernel, in the widest vectors that the processor
// at hand has. Compilers without such functions get Eigen's product. The scheme is that of Goto and van de Geijn
// (2008), Anatomy of high-performance matrix multiplication.
#ifndef HENDERSON_LINALG_MULTIPLY_HPP
#define HENDERSON_LINALG_MULTIPLY_HPP

#include <Eigen/Core>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;

// A matrix as it lies in memory: entry (i, j) at data[i * row + j * col].
struct Strided {
  const double* data;
  Index row, col;
};
inline Strided plain(const Eigen::Ref<const MatrixXd>& a) { return {a.data(), 1, a.outerStride()}; }
inline Strided transposed(const Eigen::Ref<const MatrixXd>& a) { return {a.data(), a.outerStride(), 1}; }

// C += alpha A B, A m x k, B k x n.
void multiply_add(Eigen::Ref<MatrixXd> c, double alpha, const Strided& a, const Strided& b, Index k,
                  Checkpoint& checkpoint);

}  // namespace henderson

#endif
