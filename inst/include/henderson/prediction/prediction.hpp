// Variances of estimated and predicted quantities.
#ifndef HENDERSON_PREDICTION_PREDICTION_HPP
#define HENDERSON_PREDICTION_PREDICTION_HPP

#include <Eigen/Core>
#include <memory>
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

// Variances at one point of a model, by the method that its regime has.
class Predictor {
 public:
  virtual ~Predictor() = default;

  // Var(x'beta_hat + z'(b_hat - b)) of each combination.
  virtual VectorXd variances(const Combinations& c, Checkpoint& checkpoint) const = 0;

  // Covariances between all combinations.
  virtual MatrixXd covariance(const Combinations& c) const = 0;

  // Var(b | y, beta, theta, sigma) of every level of one group, q x q each, in the user's columns.
  virtual std::vector<MatrixXd> conditional(int group, Checkpoint& checkpoint) const = 0;

  // Var(b_hat - b): for each level of a group (columns) the variances of its effects (rows), in the user's columns.
  virtual MatrixXd errors(int group, Checkpoint& checkpoint) const = 0;
};

// `problem` must have one class per level.
std::unique_ptr<Predictor> make_predictor(const Problem& problem, const CrossProducts& data, const Evaluation& at,
                                          Checkpoint& checkpoint);

}  // namespace henderson

#endif
