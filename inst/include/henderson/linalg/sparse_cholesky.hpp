// Sparse Cholesky factor of a symmetric matrix given by its lower triangle, with the entries of the inverse on
// the pattern of the factor (Takahashi, Fagan and Chen 1973). Symbolic work once, numeric work many times.
// Elimination tree and column counts follow Davis (2006), Direct Methods for Sparse Linear Systems, chapter 4.
#ifndef HENDERSON_LINALG_SPARSE_CHOLESKY_HPP
#define HENDERSON_LINALG_SPARSE_CHOLESKY_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Columns of a lower triangle: rows ascending, the diagonal first. 64-bit, as fill passes 2^31 in real designs.
struct SparsePattern {
  std::vector<std::int64_t> start;  // n + 1
  std::vector<std::int64_t> row;
  Index size() const { return static_cast<Index>(start.size()) - 1; }
};

// Fill-reducing order of a symmetric pattern (lower triangle given): new position -> old index.
std::vector<Index> minimum_degree_order(const SparsePattern& lower);

struct FactorSize {
  std::int64_t entries = 0;
  double work = 0;       // multiplications and additions of the factorization
  bool exceeded = false;
};

// Elimination tree and the pattern of each row of the factor, from the rows of the lower triangle.
class EliminationTree {
 public:
  explicit EliminationTree(const SparsePattern& lower);

  // Columns j < k with L(k, j) != 0, in topological order; written to the end of `stack`, returns the first.
  Index reach(Index k, std::vector<Index>& stack);

  // Size of the factor, found without storing it; stops as soon as there is more than `entries` or `work`.
  FactorSize size(double entries, double work, Checkpoint& checkpoint);

  // Entries in each column of the factor.
  std::vector<std::int64_t> column_counts(Checkpoint& checkpoint);

 private:
  void transpose(const SparsePattern& lower);

  Index n_;
  std::vector<Index> parent_, mark_, path_;
  std::vector<std::int64_t> start_;
  std::vector<Index> column_;
};

class SparseCholesky {
 public:
  void analyze(const SparsePattern& lower, Checkpoint& checkpoint);

  const SparsePattern& pattern() const { return factor_; }
  std::vector<double>& values() { return value_; }  // filled by the caller with the matrix, then factorize()

  // Left-looking over columns: column j minus its updates by the columns k < j that have an entry in row j.
  bool factorize(Checkpoint& checkpoint);

  double log_det() const;

  void solve_lower(Eigen::Ref<MatrixXd> b) const;

  void solve_upper(Eigen::Ref<MatrixXd> b) const;

  // Both for a row-major panel whose rows above `first` are zero.
  using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  void solve_rows(RowMatrix& b, Index first) const;

  // Entries of the inverse on the pattern of the factor, aligned with pattern().
  std::vector<double> inverse_on_pattern(Checkpoint& checkpoint) const;

 private:
  // Column k's next entry below is at s: hang k on the row of that entry.
  void chain(Index k, std::int64_t s, std::vector<Index>& head, std::vector<Index>& link,
             std::vector<std::int64_t>& at) const;

  SparsePattern factor_;
  std::vector<double> value_;
};

}  // namespace henderson

#endif
