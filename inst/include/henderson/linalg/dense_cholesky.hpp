// Cholesky factor and inverse of one dense symmetric matrix, in place, by recursion on halves, so that nearly all
// work is matrix multiplication. Only lower triangles are read and written.
#ifndef HENDERSON_LINALG_DENSE_CHOLESKY_HPP
#define HENDERSON_LINALG_DENSE_CHOLESKY_HPP

#include <Eigen/Core>
#include <algorithm>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/multiply.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index kLeaf = 32;

// Where to cut: a multiple of the kernel's height.
inline Index half_of(Index n) { return std::max<Index>(16, (n / 2 + 8) / 16 * 16); }

// B <- B L^{-T}.
void solve_transposed_right(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint);

// B <- B L^{-1}.
void solve_right(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint);

// B <- L^{-1} B.
void solve_left(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint);

// B <- L' B.
void multiply_transposed_left(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint);

// Lower triangle of C += alpha A B for a symmetric product.
void multiply_add_symmetric(Eigen::Ref<MatrixXd> c, double alpha, const Strided& a, const Strided& b, Index k,
                            Checkpoint& checkpoint);

// Lower Cholesky factor over the lower triangle of `a`; false if `a` is not positive definite.
bool cholesky_in_place(Eigen::Ref<MatrixXd> a, Checkpoint& checkpoint);

// Inverse of the lower triangular matrix in the lower triangle of `l`, in place.
void invert_lower_in_place(Eigen::Ref<MatrixXd> l, Checkpoint& checkpoint);

// M'M of the lower triangular matrix in the lower triangle of `m`, in place (lower triangle).
void multiply_transposed_lower_in_place(Eigen::Ref<MatrixXd> m, Checkpoint& checkpoint);

// From the Cholesky factor in the lower triangle to the lower triangle of the inverse matrix.
void inverse_from_cholesky_in_place(Eigen::Ref<MatrixXd> l, Checkpoint& checkpoint);

}  // namespace henderson

#endif
