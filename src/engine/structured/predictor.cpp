#include "henderson/structured/predictor.hpp"


namespace henderson {

StructuredPredictor::StructuredPredictor(const StructuredCriterion& criterion, const StructuredPoint& at)
    : pr_(criterion.problem()), at_(at), checkpoint_(criterion.checkpoint()), blocks_(pr_.all_units().size()) {
  const Operators operators = make_operators(pr_, at.psi, 0, checkpoint_);
  for (std::size_t u = 0; u < pr_.all_units().size(); ++u) {
    const Unit& unit = pr_.all_units()[u];
    for (std::size_t l = 0; l < unit.levels.size(); ++l)
      place_[{unit.levels[l].group, unit.levels[l].level}] = {u, unit.levels[l].first, l};
    equations_.emplace_back(unit, operators, at.factor, pr_.p + 1, checkpoint_);
    taken_.push_back(unit.q > 0 ? equations_.back().times(equations_.back().right().leftCols(pr_.p)) : MatrixXd());
  }
}

VectorXd StructuredPredictor::variances(const StructuredCombinations& c) const {
  VectorXd out(c.x.rows());
  for (Index i = 0; i < c.x.rows(); ++i) {
    VectorXd l = c.x.row(i).transpose();
    double own = 0;
    for (const auto& part : by_unit(c, i)) {
      own += equations_[part.first].half(part.second).squaredNorm();
      l -= taken_[part.first].transpose() * part.second;
    }
    at_.x_root.triangularView<Eigen::Lower>().solveInPlace(l);
    out[i] = own + l.squaredNorm();
  }
  return out;
}

MatrixXd StructuredPredictor::conditional(int group, Index level) const {
  const auto at = place_.find({group, level});
  if (at == place_.end()) return at_.factor[group] * at_.factor[group].transpose();
  std::vector<MatrixXd>& own = blocks_[at->second.unit];
  if (own.empty()) own = equations_[at->second.unit].blocks(checkpoint_);
  return own[at->second.number];
}

std::map<std::size_t, VectorXd> StructuredPredictor::by_unit(const StructuredCombinations& c, Index i) const {
  std::map<std::size_t, VectorXd> out;
  for (std::size_t g = 0; g < c.z.size(); ++g) {
    if (c.code[g][i] < 0) continue;
    const auto at = place_.find({static_cast<int>(g), c.code[g][i]});
    if (at == place_.end()) continue;
    VectorXd& z = out[at->second.unit];
    if (z.size() == 0) z = VectorXd::Zero(pr_.all_units()[at->second.unit].q);
    z.segment(at->second.first, c.z[g].cols()) += c.z[g].row(i).transpose();
  }
  return out;
}

}  // namespace henderson
