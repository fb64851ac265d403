// The Cholesky factor of C = Q + Lambda' S Lambda of the other factors, dense or sparse behind one interface.
#ifndef HENDERSON_LIKELIHOOD_SCHUR_FACTOR_HPP
#define HENDERSON_LIKELIHOOD_SCHUR_FACTOR_HPP

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "henderson/likelihood/schur_complement.hpp"

namespace henderson {

class SchurFactor {
 public:
  void set_lambda(const Layout& layout, const std::vector<MatrixXd>& factor);
  const std::vector<MatrixXd>& lambda() const { return lambda_; }

  bool factorize(const SchurComplement& rest, const std::vector<double>& y, Checkpoint& checkpoint);

  double log_det() const;
  void solve_lower(Eigen::Ref<MatrixXd> b) const;
  // For many columns: the dense case by blocks.
  void solve_lower(Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint) const;
  void solve_upper(Eigen::Ref<MatrixXd> b) const;

  MatrixXd lambda_times(const SchurComplement& rest, const MatrixXd& b) const { return apply(rest, b, false); }
  MatrixXd lambda_transposed(const SchurComplement& rest, const MatrixXd& b) const { return apply(rest, b, true); }

  // Lambda C^{-1} Lambda' b.
  MatrixXd covariance_times(const SchurComplement& rest, const MatrixXd& b) const;

  // Entries of C^{-1}: the whole lower triangle, or those on the pattern of the factor.
  struct Inverse {
    bool dense = true;
    MatrixXd matrix;
    const SparsePattern* pattern = nullptr;
    std::vector<double> value;
    double operator()(Index i, Index j) const {
      if (i < j) std::swap(i, j);
      if (dense) return matrix(i, j);
      const auto begin = pattern->row.begin() + pattern->start[j], end = pattern->row.begin() + pattern->start[j + 1];
      const auto found = std::lower_bound(begin, end, static_cast<std::int64_t>(i));
      return found == end || *found != i ? 0.0 : value[found - pattern->row.begin()];
    }
  };
  Inverse inverse(Checkpoint& checkpoint) const;

  // H^{-1/2} T_r Lambda.
  std::vector<double> times_lambda(const SchurComplement& rest, const std::vector<double>& y) const;

 private:
  void store(const Node& node, MatrixXd& work);

  MatrixXd apply(const SchurComplement& rest, const MatrixXd& b, bool transposed) const;

  bool dense_ = true;
  std::vector<MatrixXd> lambda_;
  MatrixXd matrix_;
  SparseCholesky sparse_;
};

}  // namespace henderson

#endif
