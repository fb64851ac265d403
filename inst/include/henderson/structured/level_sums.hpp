// Z'V^{-1}Z of a unit with sparse equations, summed over the levels of each group, from the inverse of the equations on
// the pattern of their factor alone.
//
// With G = Z'V^{-1}Z, Lambda'G Lambda = Q - Q H^{-1} Q (see sparse_unit.hpp), and the sum of the levels' blocks of G in
// coordinates of independent levels is Lambda^{-T} (levels I - sum_lm Q_lm (H^{-1})_lm) Lambda^{-1}. That of a group
// whose covariance matrix is singular is the limit of matrices with a ridge, by extrapolation from two of them.
#ifndef HENDERSON_STRUCTURED_LEVEL_SUMS_HPP
#define HENDERSON_STRUCTURED_LEVEL_SUMS_HPP

#include <utility>
#include <vector>

#include "henderson/structured/sparse_unit.hpp"

namespace henderson {

class LevelSums {
 public:
  // `information`: the diagonal of Z'R^{-1}Z.
  LevelSums(const Unit& unit, const Operators& operators, VectorXd information, Checkpoint& checkpoint)
      : unit_(unit), operators_(operators), information_(std::move(information)), checkpoint_(checkpoint) {}

  // By group; `inverse`: H^{-1} on the pattern of its factor, for the relative factors `factor`.
  std::vector<MatrixXd> sums(const std::vector<double>& inverse, const std::vector<MatrixXd>& factor) const;

 private:
  MatrixXd sum(const std::vector<double>& inverse, const MatrixXd& factor, int group) const;
  VectorXd mean_information(int group, Index q) const;  // of the levels about each column
  bool nearly_singular(int group, const MatrixXd& factor) const;
  void add_limits(const std::vector<int>& singular, const std::vector<MatrixXd>& factor,
                  std::vector<MatrixXd>& out) const;

  const Unit& unit_;
  const Operators& operators_;
  VectorXd information_;
  Checkpoint& checkpoint_;
};

}  // namespace henderson

#endif
