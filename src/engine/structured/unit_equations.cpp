#include "henderson/structured/unit_equations.hpp"

namespace henderson {

UnitEquations::UnitEquations(const Unit& unit, const Operators& operators, const std::vector<MatrixXd>& factor,
                             Index d, Checkpoint& checkpoint)
    : unit_(&unit), factor_(&factor) {
  if (unit.sparse) {
    sparse_.emplace(unit, operators, factor, d, checkpoint);
    return;
  }
  const Index q = unit.q;
  const MatrixXd s = unit_gram(unit, operators, d, [](const SubjectRows&, const MatrixXd&) {});
  right_ = s.topRightCorner(q, d);
  llt_ = dense_equations(unit, factor, s.topLeftCorner(q, q));
  checkpoint.check();
}

MatrixXd UnitEquations::half(const MatrixXd& rows) const {
  if (sparse_) return sparse_->half(rows);
  MatrixXd out = lambda_times(*unit_, *factor_, rows, true);
  llt_.matrixL().solveInPlace(out);
  return out;
}

MatrixXd UnitEquations::effects(const MatrixXd& normals) const {
  if (sparse_) return sparse_->effects(normals);
  return lambda_times(*unit_, *factor_, llt_.matrixU().solve(normals), false);
}

std::vector<MatrixXd> UnitEquations::blocks(Checkpoint& checkpoint) const {
  if (sparse_) return sparse_->blocks(checkpoint);
  std::vector<MatrixXd> out;
  const MatrixXd root = effects(MatrixXd::Identity(unit_->q, unit_->q));
  for (const UnitLevel& l : unit_->levels) {
    const auto rows = root.middleRows(l.first, (*factor_)[l.group].rows());
    out.push_back(rows * rows.transpose());
  }
  return out;
}

}  // namespace henderson
