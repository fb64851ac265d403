#include "henderson/linalg/sparse_cholesky.hpp"

#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/stop.hpp"

using namespace henderson_tests;
using henderson::SparsePattern;

namespace {

// A random symmetric pattern: the lower triangle of a matrix, diagonally dominant, with `extra` entries below.
MatrixXd random_sparse(Rng& rng, Index n, Index extra) {
  MatrixXd a = MatrixXd::Zero(n, n);
  std::uniform_int_distribution<Index> any(0, n - 1);
  for (Index k = 0; k < extra; ++k) {
    const Index i = any(rng), j = any(rng);
    a(std::max(i, j), std::min(i, j)) = normal(rng);
  }
  a.diagonal().setZero();
  a = symmetric(a);
  a.diagonal() = a.cwiseAbs().rowwise().sum() + VectorXd::Constant(n, 0.5);
  return a;
}

SparsePattern pattern_of(const MatrixXd& a) {
  SparsePattern out;
  out.start.push_back(0);
  for (Index j = 0; j < a.cols(); ++j) {
    for (Index i = j; i < a.rows(); ++i)
      if (i == j || a(i, j) != 0) out.row.push_back(i);
    out.start.push_back(static_cast<std::int64_t>(out.row.size()));
  }
  return out;
}

henderson::SparseCholesky analyzed(const MatrixXd& a) {
  henderson::Checkpoint checkpoint;
  henderson::SparseCholesky out;
  out.analyze(pattern_of(a), checkpoint);
  const SparsePattern& f = out.pattern();
  for (Index j = 0; j < a.cols(); ++j)
    for (std::int64_t s = f.start[j]; s < f.start[j + 1]; ++s) out.values()[s] = a(f.row[s], j);
  return out;
}

MatrixXd permuted(const MatrixXd& a, const std::vector<Index>& order) {
  MatrixXd out(a.rows(), a.cols());
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) out(i, j) = a(order[i], order[j]);
  return out;
}

}  // namespace

TEST_CASE("sparse factor, determinant, solves and selected inverse agree with dense ones") {
  Rng rng(4);
  henderson::Checkpoint checkpoint;
  for (const Index n : {1, 2, 5, 20, 60}) {
    for (const Index extra : {Index{0}, n, 3 * n}) {
      INFO("n = " << n << ", entries " << extra);
      const MatrixXd a = random_sparse(rng, n, extra);
      henderson::SparseCholesky sparse = analyzed(a);
      REQUIRE(sparse.factorize(checkpoint));
      const Eigen::LLT<MatrixXd> dense(a);
      const MatrixXd l = dense.matrixL();
      MatrixXd own = MatrixXd::Zero(n, n);
      const SparsePattern& f = sparse.pattern();
      for (Index j = 0; j < n; ++j) {
        CHECK(f.row[f.start[j]] == j);
        for (std::int64_t s = f.start[j]; s < f.start[j + 1]; ++s) own(f.row[s], j) = sparse.values()[s];
        CHECK(std::is_sorted(f.row.begin() + f.start[j], f.row.begin() + f.start[j + 1]));
      }
      CHECK(relative(own, l) < 1e-13);
      CHECK(relative(sparse.log_det(), 2 * l.diagonal().array().log().sum()) < 1e-13);
      const MatrixXd b = normals(rng, n, 3);
      MatrixXd x = b;
      sparse.solve_lower(x);
      CHECK(relative(x, MatrixXd(l.triangularView<Eigen::Lower>().solve(b))) < 1e-12);
      sparse.solve_upper(x);
      CHECK(relative(x, MatrixXd(dense.solve(b))) < 1e-12);
      const MatrixXd inverse = dense.solve(MatrixXd::Identity(n, n));
      using RowMatrix = henderson::SparseCholesky::RowMatrix;
      RowMatrix panel = RowMatrix::Identity(n, n).rightCols(n - n / 2);
      sparse.solve_rows(panel, n / 2);
      CHECK(relative(MatrixXd(panel), inverse.rightCols(n - n / 2)) < 1e-12);
      const std::vector<double> selected = sparse.inverse_on_pattern(checkpoint);
      double worst = 0;
      for (Index j = 0; j < n; ++j)
        for (std::int64_t s = f.start[j]; s < f.start[j + 1]; ++s)
          worst = std::max(worst, std::abs(selected[s] - inverse(f.row[s], j)));
      CHECK(worst < 1e-12 * inverse.cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("the symbolic step counts what the factor holds, and gives up above a limit") {
  Rng rng(5);
  henderson::Checkpoint checkpoint;
  const MatrixXd a = random_sparse(rng, 40, 60);
  const std::int64_t entries = static_cast<std::int64_t>(analyzed(a).pattern().row.size());
  henderson::EliminationTree tree(pattern_of(a));
  std::int64_t sum = 0;
  double work = 0;
  for (const std::int64_t c : tree.column_counts(checkpoint)) {
    sum += c;
    work += static_cast<double>(c) * c - 1;   // 2 (c - 1) + 1, for every entry below
  }
  CHECK(sum == entries);
  const double all = static_cast<double>(entries);
  const henderson::FactorSize size = tree.size(all, work, checkpoint);
  CHECK(size.entries == entries);
  CHECK(size.work == work);
  CHECK_FALSE(size.exceeded);
  CHECK(tree.size(all - 1, work, checkpoint).exceeded);
  CHECK(tree.size(all, work - 1, checkpoint).exceeded);
}

TEST_CASE("the order is a permutation that removes avoidable fill") {
  henderson::Checkpoint checkpoint;
  const Index n = 50;
  MatrixXd arrow =
      MatrixXd::Identity(n, n) * (n + 1.0);  // its first column meets every row: eliminated first, all fills
  arrow.col(0).setOnes();
  arrow.row(0).setOnes();
  arrow(0, 0) = n + 1.0;
  const std::vector<Index> order = henderson::minimum_degree_order(pattern_of(arrow));
  std::vector<Index> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (Index i = 0; i < n; ++i) REQUIRE(sorted[i] == i);
  CHECK(analyzed(arrow).pattern().row.size() == static_cast<std::size_t>(n * (n + 1) / 2));
  CHECK(analyzed(permuted(arrow, order)).pattern().row.size() == static_cast<std::size_t>(2 * n - 1));
}

TEST_CASE("factorization can be repeated with other values, and refuses what is not positive definite") {
  Rng rng(6);
  henderson::Checkpoint checkpoint;
  MatrixXd a = random_sparse(rng, 30, 40);
  henderson::SparseCholesky sparse = analyzed(a);
  REQUIRE(sparse.factorize(checkpoint));
  const double before = sparse.log_det();
  const SparsePattern& f = sparse.pattern();
  for (Index j = 0; j < 30; ++j)
    for (std::int64_t s = f.start[j]; s < f.start[j + 1]; ++s) sparse.values()[s] = 2 * a(f.row[s], j);
  REQUIRE(sparse.factorize(checkpoint));
  CHECK(relative(sparse.log_det(), before + 30 * std::log(2.0)) < 1e-13);
  a(29, 29) = -1;
  henderson::SparseCholesky indefinite = analyzed(a);
  CHECK_FALSE(indefinite.factorize(checkpoint));
}

TEST_CASE("sparse work can be stopped") {
  Rng rng(7);
  const MatrixXd a = random_sparse(rng, 30, 40);
  StopAtOnce stop;
  henderson::SparseCholesky sparse = analyzed(a);
  CHECK_THROWS_AS(sparse.factorize(stop), Stopped);
  henderson::SparseCholesky other;
  CHECK_THROWS_AS(other.analyze(pattern_of(a), stop), Stopped);
}
