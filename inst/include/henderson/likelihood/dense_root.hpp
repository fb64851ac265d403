// Crossed factors whose covariances may be indefinite: Z in root form as one dense matrix.
//
// With Z = Q A the random effects leave K = I + A Sigma A' in the place of V: V is positive definite where K is, so
// that variances may be negative. The order of elimination that serves positive definite Sigma is not used.
#ifndef HENDERSON_LIKELIHOOD_DENSE_ROOT_HPP
#define HENDERSON_LIKELIHOOD_DENSE_ROOT_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/leading.hpp"
#include "henderson/likelihood/remainder.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

// First column of every level of a group: the leading factor's, level by level, then the others' in order of elimination.
std::vector<Index> dense_columns(const Layout& layout, const Remainder& rest, int group);

constexpr Index kDenseRoot = 3000;  // columns of Z up to which A is formed

class DenseRoot {
 public:
  DenseRoot(const Layout& layout, const CrossProducts& data, const Remainder& rest);

  void set_response(const MatrixXd& lead_rows, const MatrixXd& rest_columns, const MatrixXd& within, double within_yy);

  const MatrixXd& a() const { return a_; }        // rows x columns of Z
  const MatrixXd& d() const { return d_; }        // the same rows of [X y]
  const MatrixXd& left() const { return left_; }  // [X y]'[X y] of what is orthogonal to Z

 private:
  MatrixXd a_, d_, left_, to_rows_;
};

}  // namespace henderson

#endif
