#include "henderson/structured/predictor.hpp"

#include "henderson/linalg/decompositions.hpp"


namespace henderson {

StructuredPredictor::StructuredPredictor(const StructuredCriterion& criterion, const StructuredPoint& at)
    : pr_(criterion.problem()), at_(at) {
  const Operators operators = make_operators(pr_, at.psi, 0, criterion.checkpoint());
  for (std::size_t u = 0; u < pr_.all_units().size(); ++u) {
    const Unit& unit = pr_.all_units()[u];
    for (const UnitLevel& l : unit.levels)
      place_[{l.group, l.level}] = {static_cast<Index>(u), l.first};
    roots_.push_back(MatrixXd());
    taken_.push_back(MatrixXd());
    if (unit.q == 0) continue;
    const MatrixXd s = unit_gram(unit, operators, pr_.p + 1, [](const SubjectRows&, const MatrixXd&) {});
    MatrixXd h = lambda_times(unit, at.factor, s.topLeftCorner(unit.q, unit.q), true);
    h = lambda_times(unit, at.factor, h.transpose(), true);
    h.diagonal().array() += 1;
    const Eigen::LLT<MatrixXd> llt(h);
    roots_.back() = lambda_times(unit, at.factor, llt.matrixU().solve(MatrixXd::Identity(unit.q, unit.q)), false);
    taken_.back() = roots_.back() * (roots_.back().transpose() * s.block(0, unit.q, unit.q, pr_.p));
  }
}

VectorXd StructuredPredictor::variances(const StructuredCombinations& c) const {
  VectorXd out(c.x.rows());
  for (Index i = 0; i < c.x.rows(); ++i) {
    VectorXd l = c.x.row(i).transpose();
    double own = 0;
    for (const auto& part : by_unit(c, i)) {
      own += (roots_[part.first].transpose() * part.second).squaredNorm();
      l -= taken_[part.first].transpose() * part.second;
    }
    at_.x_root.triangularView<Eigen::Lower>().solveInPlace(l);
    out[i] = own + l.squaredNorm();
  }
  return out;
}

MatrixXd StructuredPredictor::conditional(int group, Index level) const {
  const Index q = pr_.layout.groups[group].q;
  const auto at = place_.find({group, level});
  if (at == place_.end()) return at_.factor[group] * at_.factor[group].transpose();
  const auto rows = roots_[at->second.first].middleRows(at->second.second, q);
  return rows * rows.transpose();
}

std::map<Index, VectorXd> StructuredPredictor::by_unit(const StructuredCombinations& c, Index i) const {
  std::map<Index, VectorXd> out;
  for (std::size_t g = 0; g < c.z.size(); ++g) {
    if (c.code[g][i] < 0) continue;
    const auto at = place_.find({static_cast<int>(g), c.code[g][i]});
    if (at == place_.end()) continue;
    VectorXd& z = out[at->second.first];
    if (z.size() == 0) z = VectorXd::Zero(pr_.all_units()[at->second.first].q);
    z.segment(at->second.second, c.z[g].cols()) += c.z[g].row(i).transpose();
  }
  return out;
}

}  // namespace henderson
