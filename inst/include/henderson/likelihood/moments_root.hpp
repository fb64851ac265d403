// Moments of crossed factors in root form: matrices of the root's rows in place of the columns of Z, which are more.
#ifndef HENDERSON_LIKELIHOOD_MOMENTS_ROOT_HPP
#define HENDERSON_LIKELIHOOD_MOMENTS_ROOT_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/moments.hpp"

namespace henderson {

class RootMoments {
 public:
  RootMoments(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint);

  Moments compute(const std::vector<Direction>& directions);

 private:
  void read_group(int group);
  void make_products(const std::vector<Direction>& directions);
  // Sums over levels of the diagonal blocks of Z'PZ (ML: Z'V^{-1}Z) and of Z'Py (Z'Py)'.
  void add_blocks(int group, Moments& out) const;
  // K^{-1/2} A (I x E) A' K^{-1/2}, and A (I x E) Z'Py.
  MatrixXd directed(const Direction& d) const;
  MatrixXd summed_directly(const Direction& d) const;
  VectorXd directed_response(const Direction& d) const;

  const Problem& pr_;
  const Evaluation& at_;
  Checkpoint& checkpoint_;
  MatrixXd u_;                                  // K^{-1/2}X, orthonormal but for what lies outside of Z
  VectorXd e_;                                  // K^{-1/2}(y - X beta)
  std::vector<std::vector<MatrixXd>> columns_;  // per group: K^{-1/2}A of the levels, one matrix for each column
  std::vector<std::vector<VectorXd>> w_;        // per group: Z'Py of the levels
  std::vector<std::vector<MatrixXd>> products_; // per group: columns_[a] columns_[b]', b <= a, or none
};

}  // namespace henderson

#endif
