// Crossed factors in root form: Z as one dense matrix.
//
// With Z = Q A the random effects leave K = I + A Sigma A' in the place of V. V is positive definite where K is, so
// that variances may be negative; and nothing is subtracted, so that no digits are lost where the residual variance is
// next to nothing beside the others. The order of elimination that serves other models is not used.
#ifndef HENDERSON_LIKELIHOOD_ROOT_FORM_HPP
#define HENDERSON_LIKELIHOOD_ROOT_FORM_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/leading.hpp"
#include "henderson/likelihood/schur_complement.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

// First column of every level of a group: the leading factor's, level by level, then the others' in order of
// elimination.
std::vector<Index> dense_columns(const Layout& layout, const SchurComplement& rest, int group);

constexpr double kLostDigits = 1e6;     // what r2 is subtracted from, relative to it, where that is so
constexpr double kLostToRows = 1e4;     // the same where the rows were kept, which have all digits

class RootForm {
 public:
  // From the rows where they were kept, else from the sums, which have half of the digits.
  RootForm(const Layout& layout, const CrossProducts& data, const SchurComplement& rest);

  // Rows that Z and X leave free: n less the rank of [Z X].
  Index spare(const CrossProducts& data, const SchurComplement& rest) const;

  // `within_yy`: what X and Z leave of the response, by its sum of squares; what was added to it counts. Not `spare`:
  // Z and X fit any response.
  void set_response(const CrossProducts& data, const SchurComplement& rest, Index response, double within_yy,
                    bool spare);

  const MatrixXd& a() const { return a_; }        // rows x columns of Z
  const MatrixXd& d() const { return d_; }        // the same rows of [X y]
  const MatrixXd& left() const { return left_; }  // what is orthogonal to Z: rows of [X y] in the span of X there
  double left_yy() const { return left_yy_; }     // and the square of what X leaves of y

 private:
  void read_rows(const Layout& layout, const CrossProducts& data, const SchurComplement& rest);
  void read_sums(const Layout& layout, const CrossProducts& data, const SchurComplement& rest);
  // Rows B of [X y] with B'B = [X y]'[X y] but for what X leaves of y.
  static MatrixXd root_of(const MatrixXd& square, double floor);

  MatrixXd a_, d_, left_;
  MatrixXd to_rows_;                // from the columns of the Schur complement to the last rows of a, by sums
  MatrixXd turned_x_, turned_y_;    // the rows that were kept, turned as those of Z
  Index x_rank_ = 0;
  double left_yy_ = 0;
};

}  // namespace henderson

#endif
