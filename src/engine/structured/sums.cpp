#include "henderson/structured/sums.hpp"

namespace henderson {

void StructuredSums::start(Index random_directions, Index residual_directions, Index p) {
  random = random_directions;
  residual = residual_directions;
  const Index k = random + residual;
  t = a_ee = VectorXd::Zero(k);
  a_xx.assign(k, MatrixXd::Zero(p, p));
  a_xe = MatrixXd::Zero(p, k);
  t_two = x_two = e_two = MatrixXd::Zero(k, k);
  second_t = second_x = second_e = MatrixXd::Zero(residual, residual);
}

void StructuredSums::add_full(Index a, Index c, const MatrixXd& block) {
  const Index p = block.rows();
  q_full.block(a * p, c * p, p, p) += a == c ? MatrixXd((block + block.transpose()) / 2) : block;
}

void StructuredSums::add_second(Index i, Index j, const MatrixXd& own) {
  MatrixXd& at = r_full[static_cast<std::size_t>(i * (i + 1) / 2 + j)];
  if (at.size() == 0) at = MatrixXd::Zero(own.rows(), own.cols());
  at += own;
}

MatrixXd standard_columns(const StructuredPoint& at) {
  const Index p = at.beta.size();
  MatrixXd out = MatrixXd::Identity(p + 1, p + 1);
  out.topLeftCorner(p, p) = at.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(p, p)).transpose();
  out.col(p).head(p) = -at.beta;
  return out;
}

MatrixXd standard_rows(const SubjectRows& subject, const Operators& operators, const MatrixXd& transform) {
  const Index k = static_cast<Index>(subject.columns.size()), d = transform.cols();
  MatrixXd rows(subject.b.rows(), k + d);
  rows.leftCols(k) = subject.b.leftCols(k);
  rows.rightCols(d).noalias() = subject.b.rightCols(d) * transform;
  operators[subject.pattern]->whiten(rows);
  return rows;
}

StructuredMoments structured_moments(const StructuredSums& s, const StructuredPoint& at, bool reml) {
  const Index k = s.t.size();
  StructuredMoments out;
  out.trace = s.t;
  out.quadratic = s.a_ee / at.sigma2;
  out.t = s.t_two;
  out.ai = (s.e_two - s.a_xe.transpose() * s.a_xe) / at.sigma2;
  out.residual_curvature = s.second_t - s.second_e / at.sigma2;
  if (s.average) out.t = out.ai;
  if (!reml) return out;
  if (!s.average) out.t -= 2 * s.x_two;
  out.residual_curvature -= s.second_x;
  MatrixXd all(k > 0 ? s.a_xx[0].size() : 0, k), both = MatrixXd::Zero(k, k);
  for (Index i = 0; i < k; ++i) {
    const MatrixXd own = (s.a_xx[i] + s.a_xx[i].transpose()) / 2;
    out.trace[i] -= own.trace();
    all.col(i) = Eigen::Map<const VectorXd>(own.data(), own.size());
  }
  if (s.average) return out;
  both.selfadjointView<Eigen::Lower>().rankUpdate(all.transpose());
  both.triangularView<Eigen::StrictlyUpper>() = both.transpose();
  out.t += both;
  return out;
}

}  // namespace henderson
