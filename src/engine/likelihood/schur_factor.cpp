#include "henderson/likelihood/schur_factor.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace henderson {

void SchurFactor::set_lambda(const Layout& layout, const std::vector<MatrixXd>& factor) {
  lambda_.clear();
  for (const int g : layout.rest) lambda_.push_back(factor[g]);
}

bool SchurFactor::factorize(const SchurComplement& rest, const std::vector<double>& y, Checkpoint& checkpoint) {
  dense_ = rest.dense();
  const Index n = rest.columns();
  std::vector<double> scaled = times_lambda(rest, y);
  if (dense_) {
    matrix_.resize(n, n);
  } else if (sparse_.pattern().row.empty()) {
    sparse_ = rest.symbolic();
  }
  Index widest = 1;
  for (const Node& node : rest.nodes()) widest = std::max(widest, node.q);
  MatrixXd work = MatrixXd::Zero(n, widest);
  for (std::size_t j = 0; j < rest.nodes().size(); ++j) {
    const Node& node = rest.nodes()[j];
    if (dense_) {
      auto columns = matrix_.middleCols(node.first, node.q);
      rest.columns_of(static_cast<Index>(j), lambda_, scaled, columns);
      rest.add_precision(static_cast<Index>(j), columns);
    } else {
      rest.columns_of(static_cast<Index>(j), lambda_, scaled, work.leftCols(node.q));
      rest.add_precision(static_cast<Index>(j), work.leftCols(node.q));
      store(node, work);
    }
    if (j % 64 == 0) checkpoint.check();
  }
  return dense_ ? cholesky_in_place(matrix_, checkpoint) : sparse_.factorize(checkpoint);
}

double SchurFactor::log_det() const {
  return dense_ ? 2 * matrix_.diagonal().array().log().sum() : sparse_.log_det();
}

void SchurFactor::solve_lower(Eigen::Ref<MatrixXd> b) const {
  if (b.size() == 0) return;
  if (dense_) matrix_.triangularView<Eigen::Lower>().solveInPlace(b);
  else sparse_.solve_lower(b);
}

void SchurFactor::solve_lower(Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint) const {
  if (b.size() == 0) return;
  if (dense_) solve_left(matrix_, b, checkpoint);
  else sparse_.solve_lower(b);
}

void SchurFactor::solve_upper(Eigen::Ref<MatrixXd> b) const {
  if (b.size() == 0) return;
  if (dense_) matrix_.triangularView<Eigen::Lower>().transpose().solveInPlace(b);
  else sparse_.solve_upper(b);
}

MatrixXd SchurFactor::covariance_times(const SchurComplement& rest, const MatrixXd& b) const {
  MatrixXd x = lambda_transposed(rest, b);
  solve_lower(x);
  solve_upper(x);
  return lambda_times(rest, x);
}

SchurFactor::Inverse SchurFactor::inverse(Checkpoint& checkpoint) const {
  Inverse out;
  out.dense = dense_;
  if (dense_) {
    out.matrix = matrix_;
    inverse_from_cholesky_in_place(out.matrix, checkpoint);
  } else {
    out.pattern = &sparse_.pattern();
    out.value = sparse_.inverse_on_pattern(checkpoint);
  }
  return out;
}

std::vector<double> SchurFactor::times_lambda(const SchurComplement& rest, const std::vector<double>& y) const {
  std::vector<double> out = y;
  const Index lead_q = rest.lead_q();
  for (Index e = 0; e < rest.entries(); ++e) {
    const Node& node = rest.entry_node(e);
    double* block = out.data() + rest.entry_offset(e);
    if (node.q == 1) {
      for (Index a = 0; a < lead_q; ++a) block[a] *= lambda_[node.rest](0, 0);
    } else {
      Eigen::Map<MatrixXd> map(block, lead_q, node.q);
      map = (map * lambda_[node.rest]).eval();
    }
  }
  return out;
}

void SchurFactor::store(const Node& node, MatrixXd& work) {
  const SparsePattern& pattern = sparse_.pattern();
  for (Index a = 0; a < node.q; ++a) {
    const Index j = node.first + a;
    for (std::int64_t s = pattern.start[j]; s < pattern.start[j + 1]; ++s) {
      sparse_.values()[s] = work(pattern.row[s], a);
    }
  }
  for (Index a = 0; a < node.q; ++a) {
    const Index j = node.first;
    for (std::int64_t s = pattern.start[j]; s < pattern.start[j + 1]; ++s) work(pattern.row[s], a) = 0;
  }
}

MatrixXd SchurFactor::apply(const SchurComplement& rest, const MatrixXd& b, bool transposed) const {
  MatrixXd out(b.rows(), b.cols());
  if (lambda_.size() == 1 && lambda_[0].size() == 1) return lambda_[0](0, 0) * b;
  for (const Node& node : rest.nodes()) {
    const MatrixXd& l = lambda_[node.rest];
    if (node.q == 1) {
      out.row(node.first) = l(0, 0) * b.row(node.first);
    } else if (transposed) {
      out.middleRows(node.first, node.q).noalias() = l.transpose() * b.middleRows(node.first, node.q);
    } else {
      out.middleRows(node.first, node.q).noalias() = l * b.middleRows(node.first, node.q);
    }
  }
  return out;
}

}  // namespace henderson
