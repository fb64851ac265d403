#include "henderson/residual/subject_operator.hpp"

#include "henderson/linalg/decompositions.hpp"


namespace henderson {

DenseOperator::DenseOperator(const ResidualModel& model, const VectorXd& psi, Index group, const MatrixXd& positions,
                             const MatrixXd& w, int order) {
  SubjectMatrices s;
  model.fill(psi, group, positions, w, order, s);
  active_ = s.active;
  if (!s.m.r.allFinite()) return;
  const Eigen::LLT<MatrixXd> llt(s.m.r);
  if (llt.info() != Eigen::Success) return;
  l_ = llt.matrixL();
  log_det_ = 2 * l_.diagonal().array().log().sum();
  for (const MatrixXd& d : s.m.d)
    k_.push_back(turned(d));
  for (const MatrixXd& d : s.m.dd)
    kk_.push_back(d.size() > 0 ? turned(d) : MatrixXd());
}

MatrixXd DenseOperator::second_form(Index i, Index j, const MatrixXd& left, const MatrixXd& right) const {
  return left.transpose() * (second(i, j) * right);
}

MatrixXd DenseOperator::turned(const MatrixXd& d) const {
  MatrixXd out = l_.triangularView<Eigen::Lower>().solve(d);
  return l_.triangularView<Eigen::Lower>().solve(out.transpose());
}

}  // namespace henderson
