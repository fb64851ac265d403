// A known covariance matrix K of the levels of a grouping factor, by its inverse Q: sparse, with its Cholesky factor.
//
// With Q = P'C C'P (C lower triangular, P an order of elimination) K = T T' for T = P'C^{-T}, so that T'b = C^{-1} P b
// turns effects into coordinates in which levels are independent. A pedigree has C without any elimination: a column
// for each animal, the youngest first, with its own entry and one for each known parent.
#ifndef HENDERSON_DATA_LEVEL_PRECISION_HPP
#define HENDERSON_DATA_LEVEL_PRECISION_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/linalg/sparse_cholesky.hpp"

namespace henderson {

class LevelPrecision {
 public:
  // Lower triangle of Q with its diagonal; throws Error("precision", "") where Q is not positive definite.
  LevelPrecision(SparsePattern lower, std::vector<double> value, Checkpoint& checkpoint);

  // Animals after their parents: `parent` is n x 2, -1 for unknown ones; `sampling` the variances of Mendelian
  // sampling.
  LevelPrecision(const Eigen::MatrixXi& parent, const VectorXd& sampling);

  Index levels() const { return lower_.size(); }
  const SparsePattern& lower() const { return lower_; }
  const std::vector<double>& value() const { return value_; }
  double log_det() const { return log_det_; }                     // of Q

  // T'b, with `first` the rows of b where the q rows of each level begin; the q rows of the level that is eliminated
  // k-th take the place of those of level k.
  void half(const std::vector<Index>& first, Index q, Eigen::Ref<MatrixXd> b) const;

  // K b.
  void multiply(const std::vector<Index>& first, Index q, Eigen::Ref<MatrixXd> b) const;

  // The diagonal of K.
  VectorXd variances(Checkpoint& checkpoint) const;

  // T z: effects with covariance matrix K from independent ones; a row for each level.
  MatrixXd root_times(MatrixXd z) const;

 private:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Rows taken(const std::vector<Index>& first, Index q, const Eigen::Ref<const MatrixXd>& b) const;
  void half_of_few(const std::vector<Index>& first, Index q, Eigen::Ref<MatrixXd> b) const;
  void solve_lower(Rows& x) const;
  void solve_upper(Rows& x) const;

  SparsePattern lower_;
  std::vector<double> value_;
  std::vector<Index> order_;          // place in the elimination -> level
  SparsePattern root_;                // columns of C
  std::vector<double> root_value_;
  double log_det_ = 0;
};

// Coefficients of inbreeding of animals that come after their parents (n x 2, -1 for unknown ones), by the algorithm of
// Meuwissen and Luo (1992), Genetics Selection Evolution 24, 305-313.
VectorXd inbreeding(const Eigen::MatrixXi& parent, Checkpoint& checkpoint);

// Variance of Mendelian sampling of each animal: its own D in A = T D T'.
VectorXd mendelian_sampling(const Eigen::MatrixXi& parent, const VectorXd& inbreeding);

}  // namespace henderson

#endif
