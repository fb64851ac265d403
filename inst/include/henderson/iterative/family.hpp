// A sparse stand-in for the block of C of other factors that are nested in each other, such as items in brands.
//
// It has the correlations of I + Lambda'Z'Z Lambda, in which rows count as they are, and the diagonal of C. So it is
// positive definite, and its factor has no fill where the factors form a chain.
#ifndef HENDERSON_ITERATIVE_FAMILY_HPP
#define HENDERSON_ITERATIVE_FAMILY_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/iterative/operator.hpp"
#include "henderson/likelihood/elimination_order.hpp"
#include "henderson/linalg/sparse_cholesky.hpp"

namespace henderson {
namespace iterative {

class Family {
 public:
  Family(const Incidence& incidence, std::vector<std::size_t> members, Checkpoint& checkpoint);

  // Is its factor as sparse as the matrix, nearly?
  bool sparse() const { return sparse_; }
  const std::vector<std::size_t>& members() const { return members_; }

  // False where rounding has left it indefinite.
  bool set(const Operator& c, const VectorXd& diagonal, Checkpoint& checkpoint);

  // The family's rows of `out` <- M^{-1} of those of `r`.
  void solve(const Panel& r, Panel& out) const;

 private:
  SparsePattern node_pattern() const;
  void add(Index column, Index row, double value);
  void add_block(Index node, Index other, const MatrixXd& block);

  const Incidence& incidence_;
  std::vector<std::size_t> members_;
  std::vector<Index> first_node_;      // of each member
  std::vector<Index> place_;           // node -> first column in the order of elimination
  std::vector<Index> column_;          // column in that order -> column of the other factors
  bool sparse_ = false;
  SparseCholesky factor_;
};

}  // namespace iterative
}  // namespace henderson

#endif
