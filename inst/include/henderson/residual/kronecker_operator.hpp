// R of a separable structure over a grid: the Kronecker product of a matrix for each axis, the last axis fastest.
//
// Rows that the data lack are rows of the grid all the same, of zeros. With M = S R^{-1} S' over the missing rows S and
// G = L^{-1} S', whitened rows are (I - G M^{-1} G') L^{-1} rows: their products are those of the observed rows by the
// inverse of their own part of R, whose log determinant is log|R| + log|M|, and directions are (I - P) K_i (I - P).
#ifndef HENDERSON_RESIDUAL_KRONECKER_OPERATOR_HPP
#define HENDERSON_RESIDUAL_KRONECKER_OPERATOR_HPP

#include <memory>

#include "henderson/residual/subject_operator.hpp"

namespace henderson {

// The positions of one subject as a grid.
struct Grid {
  std::vector<MatrixXd> axes;  // positions x columns of each factor of the structure
  std::vector<Index> missing;  // rows of the grid without data
  Index size() const;
};

class KroneckerOperator : public SubjectOperator {
 public:
  KroneckerOperator(const ResidualModel& model, const VectorXd& psi, Index group, const Grid& grid, int order);

  void whiten(Eigen::Ref<MatrixXd> rows) const override;
  void direct(Index i, const MatrixXd& whitened, MatrixXd& out) const override;
  double trace(Index i) const override { return traces_[i]; }
  double trace(Index i, Index j) const override { return pairs_(i, j); }
  bool has_second(Index i, Index j) const override;
  double second_trace(Index i, Index j) const override { return seconds_(i, j); }
  MatrixXd second_form(Index i, Index j, const MatrixXd& left, const MatrixXd& right) const override;

 private:
  struct Axis {
    std::unique_ptr<SubjectOperator> op;
    Index n = 0, inner = 1;  // rows of the axes after it
    // Where rows are missing: W = L^{-1}, W'W, and with K_i or K_ij or K_i K_j between.
    MatrixXd w, inverse;
    std::vector<MatrixXd> first;
    std::vector<std::vector<MatrixXd>> pair, second;
  };
  struct Parameter {
    std::size_t axis = 0;
    Index own = 0;  // number within the axis
  };

  // Calls body with the rows of one axis leading, a matrix (n of the axis) x (all else), and puts them back.
  template <class Body>
  static void along(const Axis& axis, MatrixXd& rows, const Body& body);
  void raw_direct(Index i, MatrixXd& rows) const;
  MatrixXd raw_directed(Index i, const MatrixXd& rows) const;
  static MatrixXd slice(const MatrixXd& rows, Index first, const Axis& axis);
  void leave_out(MatrixXd& rows) const;
  void fill_traces(int order);
  void add_dense(Axis& axis, int order) const;
  void fill_missing(int order);
  // Entries over the missing rows of the product of a matrix for each axis.
  MatrixXd at_missing(const std::vector<const MatrixXd*>& m) const;
  std::vector<const MatrixXd*> inverses() const;

  std::vector<Axis> axes_;
  std::vector<Parameter> parameters_;
  std::vector<Index> missing_;
  Index n_ = 1;
  MatrixXd m_root_;  // Cholesky factor of M
  VectorXd traces_;
  MatrixXd pairs_, seconds_;
};

}  // namespace henderson

#endif
