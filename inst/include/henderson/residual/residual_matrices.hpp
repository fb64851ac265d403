// R(psi) of rows as if they were one subject.
#ifndef HENDERSON_RESIDUAL_RESIDUAL_MATRICES_HPP
#define HENDERSON_RESIDUAL_RESIDUAL_MATRICES_HPP

#include <vector>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/residual/residual_model.hpp"

namespace henderson {

// Relative to sigma^2; `group` (from 0): whose parameters a row's subject has. R, with `slopes` followed by dR / dpsi_k
// for each k.
std::vector<MatrixXd> residual_matrices(const ResidualModel& model, const VectorXd& psi, const MatrixXd& positions,
                                        const MatrixXd& w, const std::vector<Index>& group, bool slopes);

// Diagonal of R for each column of `psi`: rows x columns.
MatrixXd residual_variances(const ResidualModel& model, const MatrixXd& psi, const MatrixXd& positions,
                            const MatrixXd& w, const std::vector<Index>& group, Checkpoint& checkpoint);

}  // namespace henderson

#endif
