#include "henderson/prediction/prediction_error.hpp"

#include <vector>

namespace henderson {

PredictionError::PredictionError(const Problem& problem, const CrossProducts& data, const Evaluation& at)
    : pr_(problem), data_(data), at_(at), layout_(*problem.layout) {
  MatrixXd s = at_.rest.lambda_transposed(pr_.rest, at_.s_d.leftCols(pr_.p));
  at_.rest.solve_lower(s);
  at_.rest.solve_upper(s);
  rest_slope_ = -at_.rest.lambda_times(pr_.rest, s);
}

MatrixXd PredictionError::variances(int group, const std::vector<MatrixXd>& conditional,
                                    Checkpoint& checkpoint) const {
  const MatrixXd basis = group_basis(layout_, data_, group);
  const std::vector<Index> first = group == layout_.lead ? std::vector<Index>() : rest_columns(pr_, group);
  const Index q = layout_.groups[group].q, levels = layout_.groups[group].levels;
  MatrixXd out(q, levels);
  for (Index l = 0; l < levels; ++l) {
    MatrixXd half =
        (basis * (group == layout_.lead ? lead_slope(l) : rest_slope_.middleRows(first[l], q).eval())).transpose();
    at_.x_root.triangularView<Eigen::Lower>().solveInPlace(half);
    out.col(l) = conditional[l].diagonal() + at_.sigma2 * half.colwise().squaredNorm().transpose();
    if (l % 1024 == 0) checkpoint.check();
  }
  return out;
}

MatrixXd PredictionError::lead_slope(Index l) const {
  const Index q = pr_.lead.q;
  const MatrixXd& lambda = at_.factor[layout_.lead];
  const MatrixXd m = Eigen::Map<const MatrixXd>(pr_.lead.r + l * q * q, q, q) * lambda;
  MatrixXd k(q, q);
  cholesky_plus_identity(MatrixXd(m.transpose()), k);  // I + M'M
  MatrixXd x = pr_.lead.t.block(l * q, 0, q, pr_.p);
  for (Index e = pr_.rest.level_begin(l); e < pr_.rest.level_end(l); ++e) {
    const Node& node = pr_.rest.entry_node(e);
    x.noalias() +=
        Eigen::Map<const MatrixXd>(pr_.rest.entry_value(e), q, node.q) * rest_slope_.middleRows(node.first, node.q);
  }
  MatrixXd out = m.transpose() * x;
  k.triangularView<Eigen::Lower>().solveInPlace(out);
  k.triangularView<Eigen::Lower>().transpose().solveInPlace(out);
  return -lambda * out;
}

}  // namespace henderson
