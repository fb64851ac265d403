// QR decomposition whose rounding error in each row is small beside that row, whatever the sizes of the others.
//
// Rows in decreasing order of size, columns pivoted: Cox and Higham (1998), Stability of Householder QR factorization
// for weighted least squares problems, in Numerical Analysis 1997.
#ifndef HENDERSON_LINALG_ROW_WISE_QR_HPP
#define HENDERSON_LINALG_ROW_WISE_QR_HPP

#include <Eigen/Core>

namespace henderson {

// Columns of z, then those of x are reduced: z has `z_rank` rows that are not zero, and below them x has `x_rank`.
struct RowWiseQr {
  Eigen::MatrixXd z, x, y;            // Q' times what was given
  Eigen::Index z_rank = 0, x_rank = 0;
};

RowWiseQr row_wise_qr(const Eigen::MatrixXd& z, const Eigen::MatrixXd& x, const Eigen::MatrixXd& y);

}  // namespace henderson

#endif
