#include "henderson/linalg/sparse_cholesky.hpp"

#include <Eigen/OrderingMethods>
#include <Eigen/SparseCore>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace henderson {

std::vector<Index> minimum_degree_order(const SparsePattern& lower) {
  using Sparse = Eigen::SparseMatrix<double, Eigen::ColMajor, std::int64_t>;
  const Index n = lower.size();
  std::vector<Eigen::Triplet<double, std::int64_t>> entries;
  entries.reserve(lower.row.size());
  for (Index j = 0; j < n; ++j)
    for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) entries.emplace_back(lower.row[s], j, 1.0);
  Sparse a(n, n);
  a.setFromTriplets(entries.begin(), entries.end());
  Eigen::PermutationMatrix<Eigen::Dynamic, Eigen::Dynamic, std::int64_t> inverse;
  Eigen::AMDOrdering<std::int64_t>()(a.selfadjointView<Eigen::Lower>(), inverse);
  return std::vector<Index>(inverse.indices().data(), inverse.indices().data() + n);
}

EliminationTree::EliminationTree(const SparsePattern& lower) : n_(lower.size()), parent_(n_, -1), mark_(n_, -1) {
  transpose(lower);
  std::vector<Index> ancestor(n_, -1);
  for (Index k = 0; k < n_; ++k) {
    for (std::int64_t s = start_[k]; s < start_[k + 1]; ++s) {
      for (Index i = column_[s]; i != -1 && i < k;) {
        const Index next = ancestor[i];
        ancestor[i] = k;
        if (next == -1) parent_[i] = k;
        i = next;
      }
    }
  }
}

Index EliminationTree::reach(Index k, std::vector<Index>& stack) {
  Index top = n_;
  std::vector<Index>& path = path_;
  mark_[k] = k;
  for (std::int64_t s = start_[k]; s < start_[k + 1]; ++s) {
    path.clear();
    for (Index i = column_[s]; mark_[i] != k; i = parent_[i]) {
      path.push_back(i);
      mark_[i] = k;
    }
    while (!path.empty()) {
      stack[--top] = path.back();
      path.pop_back();
    }
  }
  return top;
}

FactorSize EliminationTree::size(double entries, double work, Checkpoint& checkpoint) {
  FactorSize out;
  std::vector<double> count(n_, 1.0);
  std::vector<Index> stack(n_);
  for (Index k = 0; k < n_ && !out.exceeded; ++k) {
    const Index first = reach(k, stack);
    out.entries += n_ - first + 1;
    // Column j grows from c to c + 1 entries: the operations of its outer product grow by 2 c + 1.
    for (Index s = first; s < n_; ++s) out.work += 2 * count[stack[s]]++ + 1;
    out.exceeded = static_cast<double>(out.entries) > entries || out.work > work;
    if (k % 256 == 0) checkpoint.check();
  }
  std::fill(mark_.begin(), mark_.end(), -1);
  return out;
}

std::vector<std::int64_t> EliminationTree::column_counts(Checkpoint& checkpoint) {
  std::vector<std::int64_t> count(n_, 1);
  std::vector<Index> stack(n_);
  for (Index k = 0; k < n_; ++k) {
    for (Index s = reach(k, stack); s < n_; ++s) ++count[stack[s]];
    if (k % 256 == 0) checkpoint.check();
  }
  std::fill(mark_.begin(), mark_.end(), -1);
  return count;
}

void EliminationTree::transpose(const SparsePattern& lower) {
  start_.assign(n_ + 1, 0);
  for (const std::int64_t i : lower.row) ++start_[i + 1];
  for (Index i = 0; i < n_; ++i) start_[i + 1] += start_[i];
  column_.resize(lower.row.size());
  std::vector<std::int64_t> next(start_.begin(), start_.end() - 1);
  for (Index j = 0; j < n_; ++j)
    for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) column_[next[lower.row[s]]++] = j;
}

void SparseCholesky::analyze(const SparsePattern& lower, Checkpoint& checkpoint) {
  EliminationTree tree(lower);
  const std::vector<std::int64_t> count = tree.column_counts(checkpoint);
  const Index n = lower.size();
  factor_.start.assign(n + 1, 0);
  for (Index j = 0; j < n; ++j) factor_.start[j + 1] = factor_.start[j] + count[j];
  factor_.row.resize(factor_.start[n]);
  std::vector<std::int64_t> next(factor_.start.begin(), factor_.start.end() - 1);
  std::vector<Index> stack(n);
  for (Index k = 0; k < n; ++k) {
    for (Index s = tree.reach(k, stack); s < n; ++s) factor_.row[next[stack[s]]++] = k;
    factor_.row[next[k]++] = k;
    if (k % 256 == 0) checkpoint.check();
  }
  value_.resize(factor_.row.size());
}

bool SparseCholesky::factorize(Checkpoint& checkpoint) {
  const Index n = factor_.size();
  std::vector<Index> head(n, -1), link(n, -1);
  std::vector<std::int64_t> at(n);
  VectorXd work = VectorXd::Zero(n);
  for (Index j = 0; j < n; ++j) {
    const std::int64_t begin = factor_.start[j], end = factor_.start[j + 1];
    for (std::int64_t s = begin; s < end; ++s) work[factor_.row[s]] = value_[s];
    for (Index k = head[j]; k != -1;) {
      const Index next = link[k];
      const std::int64_t first = at[k], last = factor_.start[k + 1];
      const double scale = value_[first];
      for (std::int64_t s = first; s < last; ++s) work[factor_.row[s]] -= scale * value_[s];
      chain(k, first + 1, head, link, at);
      k = next;
    }
    const double pivot = work[j];
    if (!(pivot > 0)) return false;
    const double root = std::sqrt(pivot);
    value_[begin] = root;
    work[j] = 0;
    for (std::int64_t s = begin + 1; s < end; ++s) {
      value_[s] = work[factor_.row[s]] / root;
      work[factor_.row[s]] = 0;
    }
    chain(j, begin + 1, head, link, at);
    if (j % 64 == 0) checkpoint.check();
  }
  return true;
}

double SparseCholesky::log_det() const {
  double sum = 0;
  for (Index j = 0; j < factor_.size(); ++j) sum += std::log(value_[factor_.start[j]]);
  return 2 * sum;
}

void SparseCholesky::solve_lower(Eigen::Ref<MatrixXd> b) const {
  for (Index c = 0; c < b.cols(); ++c)
    for (Index j = 0; j < factor_.size(); ++j) {
      std::int64_t s = factor_.start[j];
      const double x = b(j, c) / value_[s];
      b(j, c) = x;
      if (x == 0) continue;
      for (++s; s < factor_.start[j + 1]; ++s) b(factor_.row[s], c) -= value_[s] * x;
    }
}

void SparseCholesky::solve_upper(Eigen::Ref<MatrixXd> b) const {
  for (Index c = 0; c < b.cols(); ++c)
    for (Index j = factor_.size() - 1; j >= 0; --j) {
      const std::int64_t begin = factor_.start[j];
      double sum = b(j, c);
      for (std::int64_t s = begin + 1; s < factor_.start[j + 1]; ++s) sum -= value_[s] * b(factor_.row[s], c);
      b(j, c) = sum / value_[begin];
    }
}

void SparseCholesky::solve_rows(RowMatrix& b, Index first) const {
  for (Index j = first; j < factor_.size(); ++j) {
    std::int64_t s = factor_.start[j];
    b.row(j) /= value_[s];
    for (++s; s < factor_.start[j + 1]; ++s) b.row(factor_.row[s]) -= value_[s] * b.row(j);
  }
  for (Index j = factor_.size() - 1; j >= 0; --j) {
    const std::int64_t begin = factor_.start[j];
    for (std::int64_t s = begin + 1; s < factor_.start[j + 1]; ++s) b.row(j) -= value_[s] * b.row(factor_.row[s]);
    b.row(j) /= value_[begin];
  }
}

std::vector<double> SparseCholesky::inverse_on_pattern(Checkpoint& checkpoint) const {
  const Index n = factor_.size();
  std::vector<double> z(value_.size());
  VectorXd l = VectorXd::Zero(n), sum = VectorXd::Zero(n);
  std::vector<Index> mark(n, -1);
  for (Index j = n - 1; j >= 0; --j) {
    const std::int64_t begin = factor_.start[j], end = factor_.start[j + 1];
    const double pivot = value_[begin];
    for (std::int64_t s = begin + 1; s < end; ++s) {
      const Index i = factor_.row[s];
      mark[i] = j;
      l[i] = value_[s] / pivot;
      sum[i] = 0;
    }
    for (std::int64_t s = begin + 1; s < end; ++s) {
      const Index k = factor_.row[s];
      std::int64_t t = factor_.start[k];
      double own = z[t] * l[k];
      for (++t; t < factor_.start[k + 1]; ++t) {
        const Index i = factor_.row[t];
        if (mark[i] != j) continue;
        own += z[t] * l[i];
        sum[i] += z[t] * l[k];
      }
      sum[k] += own;
    }
    double diagonal = 1 / (pivot * pivot);
    for (std::int64_t s = begin + 1; s < end; ++s) {
      const Index i = factor_.row[s];
      z[s] = -sum[i];
      diagonal += l[i] * sum[i];
    }
    z[begin] = diagonal;
    if (j % 64 == 0) checkpoint.check();
  }
  return z;
}

void SparseCholesky::chain(Index k, std::int64_t s, std::vector<Index>& head, std::vector<Index>& link,
                           std::vector<std::int64_t>& at) const {
  if (s >= factor_.start[k + 1]) return;
  const Index row = factor_.row[s];
  at[k] = s;
  link[k] = head[row];
  head[row] = k;
}

}  // namespace henderson
