// The rows of basis * L, one for each of the user's columns: their lengths are standard deviations, relative to sigma,
// and their angles correlations. Held parameters are functions of them.
#ifndef HENDERSON_CONSTRAINTS_HELD_ROWS_HPP
#define HENDERSON_CONSTRAINTS_HELD_ROWS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/data/cross_products.hpp"
#include "henderson/likelihood/gradient.hpp"

namespace henderson {

// One of the user's columns of a random term.
struct TermColumn {
  int term = 0;
  Index row = 0;
  bool operator==(const TermColumn& other) const { return term == other.term && row == other.row; }
};

bool contains(const std::vector<TermColumn>& columns, int term, Index row);

struct HeldValue {
  double value = 0;
  VectorXd gradient;   // theta, log sigma
  MatrixXd hessian;
};

struct Constraints {
  VectorXd gap;                    // target - value, standard deviations relative to the target
  MatrixXd gradient;               // one column per constraint
  std::vector<MatrixXd> hessian;
};

class HeldRows {
 public:
  HeldRows(const Layout& layout, const CrossProducts& data) : layout_(&layout), data_(&data) {}

  const Layout& layout() const { return *layout_; }
  const MatrixXd& basis(int term) const { return data_->z_basis[term]; }

  MatrixXd factor(int t, const VectorXd& theta) const;
  VectorXd row(const TermColumn& column, const VectorXd& theta) const;
  // d row / d theta of its term.
  MatrixXd row_derivative(int t, Index row, const VectorXd& own) const;
  // d2 (row times `along`) / d theta d theta.
  MatrixXd row_curvature(int t, Index row, const VectorXd& own, const VectorXd& along) const;
  // Relative variance of a column on the scale of one level's data: below 1 it is less than a level can tell.
  double weight(const TermColumn& column, const VectorXd& theta) const;
  // The square of a row whose weight is 1.
  double unit_square(const TermColumn& column) const;
  double rows_per_level(int term) const;

  // theta of a factor of the user's columns.
  void set_factor(int t, const MatrixXd& factor, VectorXd& theta) const;
  VectorXd with_row(const TermColumn& column, const VectorXd& row, VectorXd theta) const;
  VectorXd without(const std::vector<TermColumn>& columns, VectorXd theta) const;

  // Columns with a held correlation and a standard deviation that is free: it may end at 0, where the criterion need
  // not be flat and the correlation is not defined.
  std::vector<TermColumn> collapsible(const std::vector<Held>& held) const;
  static bool holds_sd(const std::vector<Held>& held, int term, Index row);

  // The unit in which a held parameter's gap is taken.
  static double unit(const Held& held) { return held.row == held.col && held.value > 0 ? held.value : 1; }

  HeldValue evaluate(const Held& held, const VectorXd& theta, double log_sigma) const;

  // Held parameters have their values; rows at 0 are linear in theta, and what is held of their correlations is void.
  Constraints constraints(const std::vector<Held>& held, const std::vector<TermColumn>& zero, const VectorXd& theta,
                          double log_sigma) const;

 private:
  const Layout* layout_;
  const CrossProducts* data_;
};

// A direction for the row of `column`, with the held angles to the rows of `a`, and the least that slope'u can be for
// one.
struct Direct {
  VectorXd u;          // empty where there is none
  double least = 0;
};

Direct steepest(const std::vector<Held>& held, const TermColumn& column, const MatrixXd& a, const VectorXd& slope);

}  // namespace henderson

#endif
