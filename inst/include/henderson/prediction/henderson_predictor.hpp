// Variances by quadratic forms in the inverse of Henderson's coefficient matrix,
//   C = [ Lambda'Z'Z Lambda + I, Lambda'Z'X; X'Z Lambda, X'X ],
// by the forward half of a solve, so that nothing the size of C^{-1} is formed unless asked for.
#ifndef HENDERSON_PREDICTION_HENDERSON_PREDICTOR_HPP
#define HENDERSON_PREDICTION_HENDERSON_PREDICTOR_HPP

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "henderson/prediction/prediction.hpp"

namespace henderson {

// The forward-solved combinations: their inner products are covariances.
struct Forward {
  MatrixXd lead;              // q x rows: in the slot of the row's leading level
  std::vector<std::optional<Index>> level;   // that level, if it has effects
  MatrixXd rest, x;           // other factors' columns x rows, p x rows
};

class HendersonPredictor : public Predictor {
 public:
  // `problem` must have one class per level.
  HendersonPredictor(const Problem& problem, const CrossProducts& data, const Evaluation& at);

  Forward forward(const Combinations& c, Index begin, Index end) const;

  VectorXd variances(const Combinations& c, Checkpoint& checkpoint) const override;
  MatrixXd covariance(const Combinations& c) const override;
  std::vector<MatrixXd> conditional(int group, Checkpoint& checkpoint) const override;
  MatrixXd errors(int group, Checkpoint& checkpoint) const override;

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
