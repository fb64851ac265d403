// A unit with many random effects of which few meet in a subject, or are related: its mixed-model equations are sparse.
//
// With b = Lambda a, Lambda the blocks of the levels' relative factors and Q the precision of the levels (I where they
// are independent), the equations of a are H = Lambda'S Lambda + Q, S = Z'R^{-1}Z: sparse, and positive definite for a
// singular Lambda too. N = Lambda H^{-1} Lambda' is what the random effects take out of rows, V^{-1} = R^{-1} - R^{-1}Z
// N Z'R^{-1}, and log|V| = log|R| + log|H| - log|Q|.
#ifndef HENDERSON_STRUCTURED_SPARSE_UNIT_HPP
#define HENDERSON_STRUCTURED_SPARSE_UNIT_HPP

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "henderson/linalg/sparse_cholesky.hpp"
#include "henderson/structured/point.hpp"

namespace henderson {

// What does not depend on the parameters: the order of elimination, the pattern of H, and Q.
class SparseUnit {
 public:
  // Empty where dense equations are cheaper.
  static std::shared_ptr<const SparseUnit> of(const Layout& layout, const Unit& unit, Checkpoint& checkpoint);

  Index position(Index column) const { return position_[static_cast<std::size_t>(column)]; }
  Index column(Index position) const { return column_[static_cast<std::size_t>(position)]; }
  const SparseCholesky& precision() const { return precision_; }       // the pattern of H with the values of Q
  double log_det_precision() const { return log_det_precision_; }
  // Place in the factor of each product of two columns of a subject: columns j, rows i >= j.
  const std::int64_t* places(std::size_t subject) const { return entry_.data() + start_[subject]; }
  std::int64_t place(Index row, Index column) const;

 private:
  void set_pattern(const Layout& layout, const Unit& unit, const SparsePattern& levels, Checkpoint& checkpoint);
  bool cheaper(const Unit& unit) const;
  void add_precision(const Layout& layout, const Unit& unit);
  void find_places(const Unit& unit);

  std::vector<Index> position_, column_;  // of each column, and the column at each position
  SparseCholesky precision_;
  double log_det_precision_ = 0;
  std::vector<std::int64_t> entry_;
  std::vector<std::size_t> start_;
};

// The equations at one point. `d`: the columns beside Z in the rows of the subjects.
class SparseEquations {
 public:
  SparseEquations(const Unit& unit, const Operators& operators, const std::vector<MatrixXd>& factor, Index d,
                  Checkpoint& checkpoint);

  bool ok() const { return ok_; }
  double log_det() const { return log_det_; }            // log|H| - log|Q|
  const MatrixXd& products() const { return products_; }  // D'R^{-1}D
  const MatrixXd& right() const { return right_; }        // Z'R^{-1}D

  MatrixXd half(const MatrixXd& rows) const;             // half(A)'half(B) = A'N B
  MatrixXd times(const MatrixXd& rows) const;            // N rows
  MatrixXd effects(const MatrixXd& normals) const;       // with covariance matrix N, from independent ones
  MatrixXd inverse(Checkpoint& checkpoint) const;        // N
  // The blocks of the levels in N, in the order of the unit's levels.
  std::vector<MatrixXd> blocks(Checkpoint& checkpoint) const;

  // H^{-1} on the pattern of the factor, and N in the columns of a subject from it.
  std::vector<double> inverse_on_pattern(Checkpoint& checkpoint) const {
    return cholesky_.inverse_on_pattern(checkpoint);
  }
  MatrixXd in_subject(const std::vector<double>& inverse, std::size_t subject) const;

 private:
  void add_subject(std::size_t s, const MatrixXd& rows, Index d);
  void scale_rows(MatrixXd& rows, const std::vector<Index>& columns) const;
  MatrixXd lambda(const MatrixXd& rows, bool transposed) const;
  MatrixXd ordered(const MatrixXd& rows) const;
  MatrixXd unordered(const MatrixXd& rows) const;

  const Unit* unit_;
  const SparseUnit* own_;
  const std::vector<MatrixXd>* factor_;
  std::vector<int> group_;               // of each column of the unit
  SparseCholesky cholesky_;
  MatrixXd products_, right_;
  double log_det_ = 0;
  bool ok_ = false;
};

}  // namespace henderson

#endif
