// Variances of estimated and predicted quantities: quadratic forms in the inverse of Henderson's coefficient matrix,
//   C = [ Lambda'Z'Z Lambda + I, Lambda'Z'X; X'Z Lambda, X'X ],
// by the forward half of a solve, so that nothing the size of C^{-1} is formed unless asked for.
#ifndef HENDERSON_PREDICTION_PREDICTION_HPP
#define HENDERSON_PREDICTION_PREDICTION_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/data/design_source.hpp"
#include "henderson/likelihood/gradient.hpp"

namespace henderson {

// Linear combinations x'beta + z'b in the user's columns: one combination per row.
struct Combinations {
  ConstMatrix x{nullptr, 0, 0};      // rows x kept columns
  std::vector<ConstMatrix> z;        // per term: rows x q
  std::vector<const int*> code;      // per group: level from 1, or 0 for none
  bool random = true;                // false: x'beta alone
};

// The row's z for one group in orthogonal coordinates.
VectorXd group_row(const Layout& layout, const CrossProducts& data, const Combinations& c, int group, Index row);

MatrixXd group_basis(const Layout& layout, const CrossProducts& data, int group);

// The forward-solved combinations: their inner products are covariances.
struct Forward {
  MatrixXd lead;              // q x rows: in the slot of the row's leading level
  std::vector<Index> level;   // that level, or -1
  MatrixXd rest, x;           // other factors' columns x rows, p x rows
};

class Predictor {
 public:
  // `problem` must have one class per level.
  Predictor(const Problem& problem, const CrossProducts& data, const Evaluation& at);

  Forward forward(const Combinations& c, Index begin, Index end) const;

  // Var(x'beta_hat + z'(b_hat - b)) of each combination.
  VectorXd variances(const Combinations& c, Checkpoint& checkpoint) const;

  // Covariances between all combinations.
  MatrixXd covariance(const Combinations& c) const;

  // Var(b | y, beta, theta, sigma) of every level of one group, q x q each, in the user's columns.
  std::vector<MatrixXd> conditional(int group, Checkpoint& checkpoint) const;

 private:
  // One combination's leading part is eliminated; what it leaves in the other factors and X is subtracted.
  void enter(const Combinations& c, Index row, Index i, Forward& out) const;

  Eigen::Map<const MatrixXd> root(Index level) const;

  std::vector<MatrixXd> conditional_lead(const MatrixXd& basis, Checkpoint& checkpoint) const;

  // B'T_r C^{-1} T_r'B for one level, B = q x q.
  MatrixXd through_rest(Index l, const MatrixXd& b, const std::vector<double>& scaled,
                        const SchurFactor::Inverse& inverse) const;

  std::vector<MatrixXd> conditional_rest(int group, const MatrixXd& basis, Checkpoint& checkpoint) const;

  const Problem& pr_;
  const CrossProducts& data_;
  const Evaluation& at_;
  const Layout& layout_;
  MatrixXd s_rx_;
  std::vector<std::vector<Index>> rest_first_;
};

}  // namespace henderson

#endif
