#include "henderson/data/level_precision.hpp"

#include "henderson/linalg/error.hpp"

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;
using henderson::LevelPrecision;

namespace {

// Animals after their parents, some of them unknown, some selfed.
Eigen::MatrixXi random_parents(Rng& rng, Index n) {
  Eigen::MatrixXi out(n, 2);
  for (Index i = 0; i < n; ++i)
    for (Index side = 0; side < 2; ++side)
      out(i, side) = std::uniform_int_distribution<int>(-1, static_cast<int>(i) - 1)(rng);
  return out;
}

// The tabular method.
MatrixXd relationships(const Eigen::MatrixXi& parent) {
  const Index n = parent.rows();
  MatrixXd a = MatrixXd::Zero(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      for (Index side = 0; side < 2; ++side)
        if (parent(i, side) >= 0) a(i, j) += a(parent(i, side), j) / 2;
      a(j, i) = a(i, j);
    }
    a(i, i) = 1;
    if (parent(i, 0) >= 0 && parent(i, 1) >= 0) a(i, i) += a(parent(i, 0), parent(i, 1)) / 2;
  }
  return a;
}

MatrixXd dense(const LevelPrecision& q) {
  MatrixXd out = MatrixXd::Zero(q.levels(), q.levels());
  for (Index j = 0; j < q.levels(); ++j)
    for (std::int64_t s = q.lower().start[j]; s < q.lower().start[j + 1]; ++s)
      out(q.lower().row[s], j) = out(j, q.lower().row[s]) = q.value()[s];
  return out;
}

void check_precision(const LevelPrecision& q, const MatrixXd& k, Rng& rng) {
  const Index n = k.rows();
  CHECK((dense(q) * k - MatrixXd::Identity(n, n)).norm() < 1e-8);
  CHECK(std::abs(q.log_det() + std::log(k.determinant())) < 1e-8 * static_cast<double>(n));
  const MatrixXd root = q.root_times(MatrixXd::Identity(n, n));
  CHECK((root * root.transpose() - k).norm() < 1e-9 * k.norm());
  std::vector<Index> first(n);
  for (Index l = 0; l < n; ++l) first[l] = 2 * (n - 1 - l);      // two columns for each level, levels in another order
  const MatrixXd b = MatrixXd::NullaryExpr(2 * n, 3, [&]() { return normal(rng); });
  MatrixXd kb = MatrixXd::Zero(2 * n, 3), half = b, times = b;
  for (Index l = 0; l < n; ++l)
    for (Index m = 0; m < n; ++m) kb.middleRows(first[l], 2) += k(l, m) * b.middleRows(first[m], 2);
  q.multiply(first, 2, times);
  CHECK((times - kb).norm() < 1e-9 * kb.norm());
  q.half(first, 2, half);
  CHECK((half.transpose() * half - b.transpose() * kb).norm() < 1e-9 * kb.norm() * b.norm());
}

}  // namespace

TEST_CASE("a pedigree's precision, root and inbreeding are those of its relationship matrix") {
  Rng rng(11);
  henderson::Checkpoint checkpoint;
  for (const Index n : {1, 2, 8, 40}) {
    const Eigen::MatrixXi parent = random_parents(rng, n);
    const MatrixXd a = relationships(parent);
    const VectorXd f = henderson::inbreeding(parent, checkpoint);
    CHECK((f - (a.diagonal() - VectorXd::Ones(n))).norm() < 1e-12);
    check_precision(LevelPrecision(parent, henderson::mendelian_sampling(parent, f)), a, rng);
  }
}

TEST_CASE("a precision given as a sparse matrix; one that is not positive definite throws") {
  Rng rng(12);
  henderson::Checkpoint checkpoint;
  const Index n = 12;
  henderson::SparsePattern lower;
  std::vector<double> value;
  lower.start.push_back(0);
  for (Index j = 0; j < n; ++j) {
    for (const Index i : {j, j + 1, j + 5}) {
      if (i >= n) continue;
      lower.row.push_back(i);
      value.push_back(i == j ? 5 : normal(rng));
    }
    lower.start.push_back(static_cast<std::int64_t>(lower.row.size()));
  }
  const LevelPrecision q(lower, value, checkpoint);
  const MatrixXd k = dense(q).inverse();
  check_precision(q, k, rng);
  CHECK((q.variances(checkpoint) - k.diagonal()).norm() < 1e-12);
  value[0] = -1;
  CHECK_THROWS_AS(LevelPrecision(lower, value, checkpoint), henderson::Error);
}
