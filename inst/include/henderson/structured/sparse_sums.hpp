// The sums of a unit whose equations are sparse. Matrices with a row and a column for each random effect are N, I - S N
// and G = (I - S N) S; whatever a subject contributes meets them in its few columns.
#ifndef HENDERSON_STRUCTURED_SPARSE_SUMS_HPP
#define HENDERSON_STRUCTURED_SPARSE_SUMS_HPP

#include <vector>

#include "henderson/structured/random_sums.hpp"
#include "henderson/structured/sparse_unit.hpp"

namespace henderson {

class SparseSums {
 public:
  SparseSums(const StructuredProblem& pr, const StructuredPoint& at, const std::vector<RandomDirection>& random,
             bool full, const Unit& unit, const Operators& operators, StructuredSums& out, Checkpoint& checkpoint);

  void add();

 private:
  // A residual direction K: Z'K V^{-1}[X e], and Z'K Z by subject.
  struct Direction {
    MatrixXd z_xe, half;               // half: N = half'half in z_xe
    std::vector<std::size_t> subject;
    std::vector<double> value;         // lower triangles in the subjects' columns
    std::vector<Index> touched;        // columns of Z'K Z that are not zero
    MatrixXd times;                    // N Z'K Z in these columns
  };
  struct Entry {
    Index row, col;
    double value;
  };
  using Entries = std::vector<Entry>;  // of a symmetric matrix, lower triangle in the order of elimination

  MatrixXd in_columns_of(std::size_t subject) const;             // of N
  void read_rows();
  void add_subject(std::size_t s);
  void add_pairs(const SubjectOperator& op, const MatrixXd& b, const std::vector<MatrixXd>& h, const MatrixXd& n);
  void collect(Direction& direction, std::size_t s, const MatrixXd& b, const MatrixXd& h) const;
  void add_residual_pairs();
  void add_random();
  void add_average();
  std::vector<MatrixXd> level_blocks(const MatrixXd& left, const Direction& direction, MatrixXd& work) const;
  static double trace_of(const Direction& k, const Direction& l);
  std::vector<Index> touched(const Entries& s) const;              // columns that are not zero

  Entries summed(const std::vector<std::size_t>& subject, const std::vector<double>& value) const;
  static MatrixXd times(const Entries& s, const MatrixXd& rows);          // S rows
  void times(const MatrixXd& rows, const Entries& s, const std::vector<Index>& columns,
             Eigen::Ref<MatrixXd> out) const;                              // these columns of rows S

  const StructuredProblem& pr_;
  const StructuredPoint& at_;
  const std::vector<RandomDirection>& random_;
  bool full_;
  const Unit& unit_;
  const Operators& operators_;
  StructuredSums& out_;
  Checkpoint& checkpoint_;
  Index d_;
  SparseEquations equations_;
  std::vector<MatrixXd> rows_;         // whitened [Z X e] by subject
  Entries s_;                          // S
  MatrixXd s_xe_, out_xe_;             // S_z,xe, N S_z,xe
  MatrixXd n_;                         // N, or for the average information
  std::vector<double> inverse_;        // H^{-1} on the pattern of its factor
  std::vector<Direction> directions_;  // of the residuals
};

// Bytes that the sums of such a unit take.
double bytes_of_sparse_sums(const StructuredProblem& pr, const Unit& unit, bool average);

}  // namespace henderson

#endif
