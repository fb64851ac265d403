// Variances of predictions where covariances may be indefinite: by Z'V^{-1}Z in the place of Henderson's coefficient
// matrix, which has no inverse of a covariance to add. For a combination x'beta + z'b, with u = Sigma z:
//   Var(x'beta_hat + z'(b_hat - b)) / sigma^2 = z'Sigma z - u'Z'V^{-1}Z u + a' Phi a,   a = x - X'V^{-1}Z u.
#ifndef HENDERSON_PREDICTION_PREDICTION_UNBOUNDED_HPP
#define HENDERSON_PREDICTION_PREDICTION_UNBOUNDED_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/prediction/prediction.hpp"

namespace henderson {

class UnboundedPredictor {
 public:
  // `problem` must have one class per level.
  UnboundedPredictor(const Problem& problem, const CrossProducts& data, const Evaluation& at, Checkpoint& checkpoint);

  VectorXd variances(const Combinations& c, Checkpoint& checkpoint) const;

  MatrixXd covariance(const Combinations& c) const;

  std::vector<MatrixXd> conditional(int group, Checkpoint& checkpoint) const;

  // Var(b_hat - b): for each level of a group (columns) the variances of its effects (rows), in the user's columns.
  MatrixXd errors(int group, Checkpoint& checkpoint) const;

 private:
  // One combination: for each group its level (or -1), z and u; x is a times the root of Phi.
  struct Parts {
    std::vector<Index> level;
    std::vector<VectorXd> z, u;
    VectorXd x;
  };

  Parts parts_of(const Combinations& c, Index row) const;

  double between(const Parts& a, const Parts& b) const;

  MatrixXd zvz(int g, Index l, int h, Index m) const;
  MatrixXd zvx(int g, Index l) const;

  void within_levels();

  const Problem& pr_;
  const CrossProducts& data_;
  const Evaluation& at_;
  const Layout& layout_;
  std::vector<std::vector<Index>> first_;
  std::vector<MatrixXd> sigma_, level_zvz_, level_zvx_;
  DenseZ dense_;
};

}  // namespace henderson

#endif
