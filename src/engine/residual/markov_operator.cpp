#include "henderson/residual/markov_operator.hpp"

namespace henderson {

MarkovOperator::MarkovOperator(const std::vector<KernelValue>& links, Index parameter, int order)
    : r_(links.size()), s_(links.size()) {
  active_ = {parameter};
  const Index m = static_cast<Index>(links.size());
  double log_det = 0;
  for (Index t = 0; t < m; ++t) {
    const double r = links[t].value, s2 = (1 - r) * (1 + r);
    if (!(s2 > 0)) return;
    r_[t] = r;
    s_[t] = std::sqrt(s2);
    log_det += std::log(s2);
  }
  if (order > 0) differentiate(links);
  log_det_ = log_det;
}

void MarkovOperator::differentiate(const std::vector<KernelValue>& links) {
  const Index m = static_cast<Index>(links.size());
  diagonal_ = VectorXd::Zero(m + 1);
  second_diagonal_ = VectorXd::Zero(m + 1);
  off_.resize(m);
  second_off_.resize(m);
  for (Index t = 0; t < m; ++t) {
    const double r = links[t].value, one = links[t].d[0], two = links[t].dd[0], v = 1 / ((1 - r) * (1 + r));
    trace_ += -2 * r * v * one;  // d log|R|
    log_det_second_ += -2 * (1 + r * r) * v * v * one * one - 2 * r * v * two;
    // R^{-1} has u = r^2 v before and v after the link, -w = -r v between.
    const double slope = 2 * r * v * v, w_slope = (1 + r * r) * v * v;
    const double bend = (2 + 6 * r * r) * v * v * v, w_bend = 2 * r * (3 + r * r) * v * v * v;
    diagonal_[t] += slope * one;
    diagonal_[t + 1] += slope * one;
    off_[t] = -w_slope * one;
    second_diagonal_[t] += bend * one * one + slope * two;
    second_diagonal_[t + 1] += bend * one * one + slope * two;
    second_off_[t] = -(w_bend * one * one + w_slope * two);
  }
  // tr K_i K_i = (log|R|)_ii + tr(R O_ii); R has 1 on the diagonal and r beside it.
  trace_two_ = log_det_second_ + second_diagonal_.sum() + 2 * (r_.array() * second_off_.array()).sum();
}

void MarkovOperator::whiten(Eigen::Ref<MatrixXd> rows) const {
  for (Index c = 0; c < rows.cols(); ++c) {
    auto x = rows.col(c);
    for (Index t = x.size() - 1; t > 0; --t)
      x[t] = (x[t] - r_[t - 1] * x[t - 1]) / s_[t - 1];
  }
}

void MarkovOperator::direct(Index, const MatrixXd& whitened, MatrixXd& out) const {
  MatrixXd raw = coloured(whitened);
  out = -tridiagonal(diagonal_, off_, raw);
  backward(out);
}

MatrixXd MarkovOperator::second_form(Index, Index, const MatrixXd& left, const MatrixXd& right) const {
  MatrixXd kl, kr;
  direct(0, left, kl);
  direct(0, right, kr);
  return 2 * kl.transpose() * kr -
         coloured(left).transpose() * tridiagonal(second_diagonal_, second_off_, coloured(right));
}

MatrixXd MarkovOperator::coloured(MatrixXd rows) const {  // L rows
  for (Index c = 0; c < rows.cols(); ++c) {
    auto x = rows.col(c);
    for (Index t = 1; t < x.size(); ++t)
      x[t] = r_[t - 1] * x[t - 1] + s_[t - 1] * x[t];
  }
  return rows;
}

void MarkovOperator::backward(MatrixXd& rows) const {  // L' rows
  const Index m = rows.rows() - 1;
  for (Index c = 0; c < rows.cols(); ++c) {
    auto x = rows.col(c);
    if (m > 0) x[m] *= s_[m - 1];
    for (Index t = m - 1; t >= 0; --t)
      x[t] = (t > 0 ? s_[t - 1] : 1.0) * (x[t] + r_[t] / s_[t] * x[t + 1]);
  }
}

MatrixXd MarkovOperator::tridiagonal(const VectorXd& diagonal, const VectorXd& off, const MatrixXd& rows) {
  const Index m = off.size();
  MatrixXd out = diagonal.asDiagonal() * rows;
  out.topRows(m) += off.asDiagonal() * rows.bottomRows(m);
  out.bottomRows(m) += off.asDiagonal() * rows.topRows(m);
  return out;
}

}  // namespace henderson
