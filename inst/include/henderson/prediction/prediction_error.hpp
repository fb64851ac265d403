// Variances of prediction errors b_hat - b of all random effects, without the inverse of Henderson's coefficient
// matrix: the conditional variance, and what the estimation of beta adds,
//   Var(b_hat - b) = Var(b | y) + H Var(beta_hat) H',  H = d b_hat / d beta = -Lambda (Lambda'Z'Z Lambda + I)^{-1}
//   Lambda'Z'X.
#ifndef HENDERSON_PREDICTION_PREDICTION_ERROR_HPP
#define HENDERSON_PREDICTION_PREDICTION_ERROR_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/prediction/prediction.hpp"

namespace henderson {

class PredictionError {
 public:
  // `problem` must have one class per level.
  PredictionError(const Problem& problem, const CrossProducts& data, const Evaluation& at);

  // Of each level of a group, from the conditional variances.
  MatrixXd variances(int group, const std::vector<MatrixXd>& conditional, Checkpoint& checkpoint) const;

 private:
  // Rows of H of one leading level: the other factors' effects move too when beta does.
  MatrixXd lead_slope(Index l) const;

  const Problem& pr_;
  const CrossProducts& data_;
  const Evaluation& at_;
  const Layout& layout_;
  MatrixXd rest_slope_;
};

}  // namespace henderson

#endif
