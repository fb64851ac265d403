#include "henderson/data/level_precision.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "henderson/linalg/error.hpp"
#include "henderson/linalg/limits.hpp"

namespace henderson {

namespace {

struct Entry {
  std::int64_t row, col;
  double value;
};

// Columns of a lower triangle from entries in any order, those at one place added up.
void sorted_columns(std::vector<Entry>& entries, Index n, SparsePattern& pattern, std::vector<double>& value) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.col != b.col ? a.col < b.col : a.row < b.row; });
  pattern.start.assign(n + 1, 0);
  pattern.row.clear();
  value.clear();
  const Entry* last = nullptr;
  for (const Entry& e : entries) {
    if (last != nullptr && last->row == e.row && last->col == e.col) {
      value.back() += e.value;
      continue;
    }
    pattern.row.push_back(e.row);
    value.push_back(e.value);
    ++pattern.start[e.col + 1];
    last = &e;
  }
  for (Index j = 0; j < n; ++j) pattern.start[j + 1] += pattern.start[j];
}

}  // namespace

LevelPrecision::LevelPrecision(SparsePattern lower, std::vector<double> value, Checkpoint& checkpoint)
    : lower_(std::move(lower)), value_(std::move(value)), order_(minimum_degree_order(lower_)) {
  const Index n = levels();
  std::vector<Index> rank(n);
  for (Index k = 0; k < n; ++k) rank[order_[k]] = k;
  std::vector<Entry> entries;
  entries.reserve(value_.size());
  for (Index j = 0; j < n; ++j)
    for (std::int64_t s = lower_.start[j]; s < lower_.start[j + 1]; ++s) {
      const std::int64_t a = rank[lower_.row[s]], b = rank[j];
      entries.push_back({std::max(a, b), std::min(a, b), value_[s]});
    }
  SparsePattern ordered;
  std::vector<double> ordered_value;
  sorted_columns(entries, n, ordered, ordered_value);
  SparseCholesky factor;
  factor.analyze(ordered, checkpoint);
  root_ = factor.pattern();
  std::fill(factor.values().begin(), factor.values().end(), 0.0);
  for (Index j = 0; j < n; ++j) {
    std::int64_t at = root_.start[j];
    for (std::int64_t s = ordered.start[j]; s < ordered.start[j + 1]; ++s) {
      while (root_.row[at] != ordered.row[s]) ++at;
      factor.values()[at] = ordered_value[s];
    }
  }
  if (!factor.factorize(checkpoint)) throw Error("precision", "");
  log_det_ = factor.log_det();
  root_value_ = factor.values();
}

LevelPrecision::LevelPrecision(const Eigen::MatrixXi& parent, const VectorXd& sampling) {
  const Index n = parent.rows();
  std::vector<Entry> entries;
  order_.resize(n);
  root_.start.push_back(0);
  for (Index k = 0; k < n; ++k) {
    const Index i = order_[k] = n - 1 - k;
    const double own = 1 / std::sqrt(sampling[i]);
    std::vector<std::pair<std::int64_t, double>> column = {{i, 1.0}};
    for (Index side = 0; side < 2; ++side) {
      if (parent(i, side) < 0) continue;
      if (side == 1 && parent(i, 0) == parent(i, 1)) column.back().second -= 0.5;      // selfed
      else column.emplace_back(parent(i, side), -0.5);
    }
    for (const auto& a : column)
      for (const auto& b : column)
        if (a.first >= b.first) entries.push_back({a.first, b.first, a.second * b.second / sampling[i]});
    std::sort(column.begin(), column.end(), std::greater<std::pair<std::int64_t, double>>());
    for (const auto& a : column) {
      root_.row.push_back(n - 1 - a.first);
      root_value_.push_back(own * a.second);
    }
    root_.start.push_back(static_cast<std::int64_t>(root_.row.size()));
  }
  sorted_columns(entries, n, lower_, value_);
  log_det_ = -sampling.array().log().sum();
}

LevelPrecision::Rows LevelPrecision::taken(const std::vector<Index>& first, Index q,
                                           const Eigen::Ref<const MatrixXd>& b) const {
  const Index columns = b.cols();
  Rows x(levels(), q * columns);
  for (Index c = 0; c < columns; ++c)
    for (Index k = 0; k < levels(); ++k)
      for (Index a = 0; a < q; ++a) x(k, a + c * q) = b(first[order_[k]] + a, c);
  return x;
}

void LevelPrecision::solve_lower(Rows& x) const {
  for (Index j = 0; j < levels(); ++j) {
    std::int64_t s = root_.start[j];
    x.row(j) /= root_value_[s];
    for (++s; s < root_.start[j + 1]; ++s) x.row(root_.row[s]) -= root_value_[s] * x.row(j);
  }
}

void LevelPrecision::solve_upper(Rows& x) const {
  for (Index j = levels() - 1; j >= 0; --j) {
    const std::int64_t begin = root_.start[j];
    for (std::int64_t s = begin + 1; s < root_.start[j + 1]; ++s)
      x.row(j) -= root_value_[s] * x.row(root_.row[s]);
    x.row(j) /= root_value_[begin];
  }
}

// By panels of columns, which stay in the cache.
void LevelPrecision::half(const std::vector<Index>& first, Index q, Eigen::Ref<MatrixXd> b) const {
  for (Index c = 0; c < b.cols(); c += kPanel) half_of_few(first, q, b.middleCols(c, std::min(kPanel, b.cols() - c)));
}

void LevelPrecision::half_of_few(const std::vector<Index>& first, Index q, Eigen::Ref<MatrixXd> b) const {
  Rows x = taken(first, q, b);
  solve_lower(x);
  for (Index c = 0; c < b.cols(); ++c)
    for (Index k = 0; k < levels(); ++k)
      for (Index a = 0; a < q; ++a) b(first[k] + a, c) = x(k, a + c * q);
}

void LevelPrecision::multiply(const std::vector<Index>& first, Index q, Eigen::Ref<MatrixXd> b) const {
  Rows x = taken(first, q, b);
  solve_lower(x);
  solve_upper(x);
  for (Index k = 0; k < levels(); ++k)
    for (Index c = 0; c < b.cols(); ++c)
      for (Index a = 0; a < q; ++a) b(first[order_[k]] + a, c) = x(k, a + c * q);
}

VectorXd LevelPrecision::variances(Checkpoint& checkpoint) const {
  SparseCholesky factor;
  factor.analyze(root_, checkpoint);
  std::fill(factor.values().begin(), factor.values().end(), 0.0);
  for (Index j = 0; j < levels(); ++j) {
    std::int64_t at = factor.pattern().start[j];
    for (std::int64_t s = root_.start[j]; s < root_.start[j + 1]; ++s) {
      while (factor.pattern().row[at] != root_.row[s]) ++at;
      factor.values()[at] = root_value_[s];
    }
  }
  const std::vector<double> inverse = factor.inverse_on_pattern(checkpoint);
  VectorXd out(levels());
  for (Index k = 0; k < levels(); ++k) out[order_[k]] = inverse[factor.pattern().start[k]];
  return out;
}

MatrixXd LevelPrecision::root_times(MatrixXd z) const {
  Rows x = z;
  solve_upper(x);
  for (Index k = 0; k < levels(); ++k) z.row(order_[k]) = x.row(k);
  return z;
}

namespace {

// Contributions of the ancestors of one animal to its own relationship, from the youngest to the oldest.
class Ancestors {
 public:
  Ancestors(const Eigen::MatrixXi& parent, Index n) : parent_(parent), share_(VectorXd::Zero(n)) {}

  double square(Index animal, const VectorXd& sampling) {
    std::priority_queue<Index> waiting;
    share_[animal] = 1;
    waiting.push(animal);
    double out = 0;
    while (!waiting.empty()) {
      const Index j = waiting.top();
      waiting.pop();
      const double own = share_[j];
      share_[j] = 0;
      out += own * own * sampling[j];
      for (Index side = 0; side < 2; ++side) {
        const Index p = parent_(j, side);
        if (p < 0) continue;
        if (share_[p] == 0) waiting.push(p);
        share_[p] += 0.5 * own;
      }
    }
    return out;
  }

 private:
  const Eigen::MatrixXi& parent_;
  VectorXd share_;
};

double sampling_of(const Eigen::MatrixXi& parent, Index i, const VectorXd& inbreeding) {
  double out = 1;
  for (Index side = 0; side < 2; ++side)
    if (parent(i, side) >= 0) out -= 0.25 * (1 + inbreeding[parent(i, side)]);
  return out;
}

}  // namespace

VectorXd inbreeding(const Eigen::MatrixXi& parent, Checkpoint& checkpoint) {
  const Index n = parent.rows();
  VectorXd out = VectorXd::Zero(n), sampling(n);
  Ancestors ancestors(parent, n);
  std::unordered_map<std::int64_t, double> of_parents;      // full sibs share theirs
  for (Index i = 0; i < n; ++i) {
    sampling[i] = sampling_of(parent, i, out);
    if (i % 256 == 0) checkpoint.check();
    if (parent(i, 0) < 0 || parent(i, 1) < 0) continue;
    const std::int64_t low = std::min(parent(i, 0), parent(i, 1)), high = std::max(parent(i, 0), parent(i, 1));
    const auto found = of_parents.emplace(low * n + high, 0.0);
    if (found.second) found.first->second = ancestors.square(i, sampling) - 1;
    out[i] = found.first->second;
  }
  return out;
}

VectorXd mendelian_sampling(const Eigen::MatrixXi& parent, const VectorXd& inbreeding) {
  VectorXd out(parent.rows());
  for (Index i = 0; i < parent.rows(); ++i) out[i] = sampling_of(parent, i, inbreeding);
  return out;
}

}  // namespace henderson
