// The mixed-model equations of one unit at one point, dense or sparse: what the random effects take out of rows, their
// predictions and their draws.
#ifndef HENDERSON_STRUCTURED_UNIT_EQUATIONS_HPP
#define HENDERSON_STRUCTURED_UNIT_EQUATIONS_HPP

#include <optional>
#include <vector>

#include "henderson/structured/sparse_unit.hpp"

namespace henderson {

// With G the covariance matrix of the unit's effects and S = Z'R^{-1}Z, N = (S + G^{-1})^{-1} (for a singular G its
// limit). `d`: the columns beside Z in the rows of the subjects.
class UnitEquations {
 public:
  UnitEquations(const Unit& unit, const Operators& operators, const std::vector<MatrixXd>& factor, Index d,
                Checkpoint& checkpoint);

  const Unit& unit() const { return *unit_; }
  const MatrixXd& right() const { return sparse_ ? sparse_->right() : right_; }  // Z'R^{-1}D
  MatrixXd half(const MatrixXd& rows) const;        // half(A)'half(B) = A'N B
  MatrixXd effects(const MatrixXd& normals) const;  // with covariance matrix N, from independent ones
  MatrixXd times(const MatrixXd& rows) const { return effects(half(rows)); }    // N rows
  // The blocks of the levels in N, in the order of the unit's levels.
  std::vector<MatrixXd> blocks(Checkpoint& checkpoint) const;

 private:
  const Unit* unit_;
  const std::vector<MatrixXd>* factor_;
  std::optional<SparseEquations> sparse_;
  MatrixXd right_;
  Eigen::LLT<MatrixXd> llt_;
};

}  // namespace henderson

#endif
