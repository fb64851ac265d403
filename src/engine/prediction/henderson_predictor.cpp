#include "henderson/prediction/henderson_predictor.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "henderson/prediction/prediction_error.hpp"

namespace henderson {

HendersonPredictor::HendersonPredictor(const Problem& problem, const CrossProducts& data, const Evaluation& at)
    : pr_(problem), data_(data), at_(at), layout_(*problem.layout) {
  s_rx_ = at_.rest.lambda_transposed(pr_.rest, at_.s_d.leftCols(pr_.p));
  at_.rest.solve_lower(s_rx_);
  for (const int g : layout_.rest) rest_first_.push_back(rest_columns(pr_, g));
}

Forward HendersonPredictor::forward(const Combinations& c, Index begin, Index end) const {
  const Index rows = end - begin, q = pr_.lead.q, r = c.random ? pr_.rest.columns() : 0, p = pr_.p;
  Forward out;
  out.lead = MatrixXd::Zero(q, rows);
  out.level.assign(rows, std::nullopt);
  out.rest = MatrixXd::Zero(r, rows);
  out.x = MatrixXd(p, rows);
  for (Index i = 0; i < rows; ++i) {
    out.x.col(i) = data_.x.basis.transpose() * c.x.row(begin + i).transpose();
    if (c.random) enter(c, begin + i, i, out);
  }
  if (r > 0) {
    out.rest = at_.rest.lambda_transposed(pr_.rest, out.rest);
    at_.rest.solve_lower(out.rest);
    out.x.noalias() -= s_rx_.transpose() * out.rest;
  }
  at_.x_root.triangularView<Eigen::Lower>().solveInPlace(out.x);
  return out;
}

VectorXd HendersonPredictor::variances(const Combinations& c, Checkpoint& checkpoint) const {
  const Index rows = c.x.rows();
  VectorXd out(rows);
  constexpr Index kBatch = 256;
  for (Index begin = 0; begin < rows; begin += kBatch) {
    const Index end = std::min(begin + kBatch, rows);
    const Forward f = forward(c, begin, end);
    out.segment(begin, end - begin) = (f.lead.colwise().squaredNorm() + f.rest.colwise().squaredNorm() +
                                       f.x.colwise().squaredNorm()).transpose() * at_.sigma2;
    checkpoint.check();
  }
  return out;
}

MatrixXd HendersonPredictor::covariance(const Combinations& c) const {
  const Forward f = forward(c, 0, c.x.rows());
  MatrixXd out = f.rest.transpose() * f.rest + f.x.transpose() * f.x;
  for (Index i = 0; i < out.rows(); ++i)
    for (Index j = 0; j < out.cols(); ++j)
      if (f.level[i] && f.level[i] == f.level[j]) out(i, j) += f.lead.col(i).dot(f.lead.col(j));
  return at_.sigma2 * out;
}

std::vector<MatrixXd> HendersonPredictor::conditional(int group, Checkpoint& checkpoint) const {
  const MatrixXd basis = group_basis(layout_, data_, group);
  return group == layout_.lead ? conditional_lead(basis, checkpoint) : conditional_rest(group, basis, checkpoint);
}

void HendersonPredictor::enter(const Combinations& c, Index row, Index i, Forward& out) const {
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
    const int level = c.code[layout_.rest[g]][row];
    if (level > 0) out.rest.col(i).segment(rest_first_[g][level - 1], layout_.groups[layout_.rest[g]].q) =
        group_row(layout_, data_, c, layout_.rest[g], row);
  }
  const int level = pr_.lead.q > 0 ? c.code[layout_.lead][row] : 0;
  if (level <= 0) return;
  const Index l = level - 1, q = pr_.lead.q;
  out.level[i] = l;
  const MatrixXd m = root(l) * at_.factor[layout_.lead];
  MatrixXd k(q, q);
  cholesky_plus_identity(MatrixXd(m.transpose()), k);  // I + M'M
  VectorXd v = at_.factor[layout_.lead].transpose() * group_row(layout_, data_, c, layout_.lead, row);
  k.triangularView<Eigen::Lower>().solveInPlace(v);
  out.lead.col(i) = v;
  k.triangularView<Eigen::Lower>().transpose().solveInPlace(v);
  const VectorXd back = m * v;
  out.x.col(i).noalias() -= pr_.lead.t.block(l * q, 0, q, pr_.p).transpose() * back;
  for (Index e = pr_.rest.level_begin(l); e < pr_.rest.level_end(l); ++e) {
    const Node& node = pr_.rest.entry_node(e);
    const Eigen::Map<const MatrixXd> t(pr_.rest.entry_value(e), q, node.q);
    out.rest.col(i).segment(node.first, node.q).noalias() -= t.transpose() * back;
  }
}

Eigen::Map<const MatrixXd> HendersonPredictor::root(Index level) const {
  const Index q = pr_.lead.q;
  return Eigen::Map<const MatrixXd>(pr_.lead.r + level * q * q, q, q);
}

std::vector<MatrixXd> HendersonPredictor::conditional_lead(const MatrixXd& basis, Checkpoint& checkpoint) const {
  const Index q = pr_.lead.q, levels = layout_.lead_levels();
  const MatrixXd& lambda = at_.factor[layout_.lead];
  std::vector<MatrixXd> out(levels);
  const SchurFactor::Inverse inverse = at_.rest.inverse(checkpoint);
  const std::vector<double> scaled = at_.rest.times_lambda(pr_.rest, pr_.rest.values());
  for (Index l = 0; l < levels; ++l) {
    const MatrixXd m = root(l) * lambda;
    MatrixXd k(q, q), half = lambda.transpose() * basis.transpose();
    cholesky_plus_identity(MatrixXd(m.transpose()), k);
    k.triangularView<Eigen::Lower>().solveInPlace(half);
    MatrixXd v = half.transpose() * half;
    if (pr_.rest.level_begin(l) < pr_.rest.level_end(l)) {
      k.triangularView<Eigen::Lower>().transpose().solveInPlace(half);
      v += through_rest(l, m * half, scaled, inverse);
    }
    out[l] = at_.sigma2 * v;
    if (l % 1024 == 0) checkpoint.check();
  }
  return out;
}

MatrixXd HendersonPredictor::through_rest(Index l, const MatrixXd& b, const std::vector<double>& scaled,
                                 const SchurFactor::Inverse& inverse) const {
  const Index q = pr_.lead.q;
  std::vector<Index> column;
  for (Index e = pr_.rest.level_begin(l); e < pr_.rest.level_end(l); ++e) {
    const Node& node = pr_.rest.entry_node(e);
    for (Index a = 0; a < node.q; ++a) column.push_back(node.first + a);
  }
  MatrixXd t(q, column.size());
  Index at = 0;
  for (Index e = pr_.rest.level_begin(l); e < pr_.rest.level_end(l); ++e) {
    const Index width = pr_.rest.entry_node(e).q;
    t.middleCols(at, width) = Eigen::Map<const MatrixXd>(scaled.data() + pr_.rest.entry_offset(e), q, width);
    at += width;
  }
  MatrixXd c(column.size(), column.size());
  for (std::size_t i = 0; i < column.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j) c(i, j) = c(j, i) = inverse(column[i], column[j]);
  const MatrixXd bt = b.transpose() * t;
  return bt * c * bt.transpose();
}

std::vector<MatrixXd> HendersonPredictor::conditional_rest(int group, const MatrixXd& basis,
                                                           Checkpoint& checkpoint) const {
  const SchurFactor::Inverse inverse = at_.rest.inverse(checkpoint);
  const Index q = layout_.groups[group].q;
  const MatrixXd l = basis * at_.factor[group];
  std::vector<MatrixXd> out;
  for (const Index first : rest_columns(pr_, group)) {
    MatrixXd c(q, q);
    for (Index b = 0; b < q; ++b)
      for (Index a = 0; a < q; ++a) c(a, b) = inverse(first + a, first + b);
    out.push_back(at_.sigma2 * l * c * l.transpose());
  }
  return out;
}

MatrixXd HendersonPredictor::errors(int group, Checkpoint& checkpoint) const {
  return PredictionError(pr_, data_, at_).variances(group, conditional(group, checkpoint), checkpoint);
}

}  // namespace henderson
