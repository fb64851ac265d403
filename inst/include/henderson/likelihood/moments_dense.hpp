// Moments of small models with several grouping factors, exact, from Z'V^{-1}Z as one dense matrix.
#ifndef HENDERSON_LIKELIHOOD_MOMENTS_DENSE_HPP
#define HENDERSON_LIKELIHOOD_MOMENTS_DENSE_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/moments.hpp"

namespace henderson {

// Columns of Z: the leading factor's, level by level, then the others' in order of elimination.
struct DenseZ {
  MatrixXd zvz, zpz;   // Z'V^{-1}Z and Z'PZ
  MatrixXd zvx;        // Z'V^{-1}X
  VectorXd w;          // Z'Py
};

// Where the levels of one of the other groups stand in the order of elimination.
std::vector<Index> rest_columns(const Problem& pr, int group);

// Where the levels of a group stand in DenseZ.
inline std::vector<Index> dense_columns(const Problem& pr, int group) {
  return dense_columns(*pr.layout, pr.rest, group);
}

// Z'PZ from Z'V^{-1}Z and Z'V^{-1}X.
void take_out_x(const Evaluation& at, DenseZ& z, Checkpoint& checkpoint);

DenseZ dense_z_of_root(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint);

DenseZ dense_z(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint);

// (I x E) applied to the rows of one group; other rows are zero.
MatrixXd direct(const Problem& pr, const Direction& d, const MatrixXd& rows);

// tr(V_i M) for M = Z'PZ or Z'V^{-1}Z.
VectorXd block_traces(const Problem& pr, const MatrixXd& m, const std::vector<Direction>& directions);

// All moments but t.
Moments moments_from(const Problem& pr, const Evaluation& at, const DenseZ& z,
                     const std::vector<Direction>& directions);

Moments moments_dense(const Problem& pr, const Evaluation& at, const std::vector<Direction>& directions,
                      Checkpoint& checkpoint);

}  // namespace henderson

#endif
