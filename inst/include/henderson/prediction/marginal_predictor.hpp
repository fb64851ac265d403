// Variances of predictions by Z'V^{-1}Z in the place of Henderson's coefficient matrix: in root form, and where
// covariances may be indefinite and have no inverse to add. For a combination x'beta + z'b, with u = Sigma z:
//   Var(x'beta_hat + z'(b_hat - b)) / sigma^2 = z'Sigma z - u'Z'V^{-1}Z u + a' Phi a,   a = x - X'V^{-1}Z u.
#ifndef HENDERSON_PREDICTION_MARGINAL_PREDICTOR_HPP
#define HENDERSON_PREDICTION_MARGINAL_PREDICTOR_HPP

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "henderson/prediction/prediction.hpp"

namespace henderson {

class MarginalPredictor : public Predictor {
 public:
  // `problem` must have one class per level.
  MarginalPredictor(const Problem& problem, const CrossProducts& data, const Evaluation& at, Checkpoint& checkpoint);

  VectorXd variances(const Combinations& c, Checkpoint& checkpoint) const override;
  MatrixXd covariance(const Combinations& c) const override;
  std::vector<MatrixXd> conditional(int group, Checkpoint& checkpoint) const override;
  MatrixXd errors(int group, Checkpoint& checkpoint) const override;

 private:
  // One combination: for each group its level if it has effects, z and u; x is a times the root of Phi.
  struct Parts {
    std::vector<std::optional<Index>> level;
    std::vector<VectorXd> z, u;
    VectorXd x;
  };

  Parts parts_of(const Combinations& c, Index row) const;

  double between(const Parts& a, const Parts& b) const;

  MatrixXd zvz(int g, Index l, int h, Index m) const;
  MatrixXd zvx(int g, Index l) const;

  // Z'V^{-1}Z and Z'V^{-1}X: of one factor level by level, of several as one matrix.
  void read(const OneFactor&, Checkpoint& checkpoint);
  void read(const Crossed&, Checkpoint& checkpoint);
  void read(const Rooted&, Checkpoint& checkpoint);

  const Problem& pr_;
  const CrossProducts& data_;
  const Evaluation& at_;
  const Layout& layout_;
  std::vector<std::vector<Index>> first_;
  std::vector<MatrixXd> sigma_, level_zvz_, level_zvx_;
  DenseZ dense_;
  bool by_levels_ = false;
};

}  // namespace henderson

#endif
