// What stands in for C^{-1} in the conjugate gradients: the diagonal blocks of C, and for other factors that are nested
// in each other a sparse factorization of the family.
#ifndef HENDERSON_ITERATIVE_PRECONDITIONER_HPP
#define HENDERSON_ITERATIVE_PRECONDITIONER_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/iterative/family.hpp"

namespace henderson {
namespace iterative {

class Preconditioner {
 public:
  Preconditioner(const Incidence& incidence, Checkpoint& checkpoint);

  void set(const Operator& c);

  Panel solve(const Panel& r) const;
  void solve(const Panel& r, Panel& out) const;

  // The diagonal blocks M_j alone: M^{-1}r, and with M_j = K_j K_j' the products K^{-1}r and K^{-T}r.
  Panel solve_diagonal(const Panel& r) const;
  Panel solve_root(const Panel& r, bool transposed) const;
  double log_det() const { return log_det_; }
  // M_j^{-1}, for each factor q x q per level.
  const std::vector<std::vector<double>>& inverse() const { return inverse_; }
  // Lambda M_j^{-1} Lambda'.
  std::vector<std::vector<double>> scaled_inverse(const Operator& c) const;

  std::size_t families() const { return families_.size(); }
  // Diagonal blocks of S, as set() found them.
  const std::vector<std::vector<double>>& diagonal() const { return s_; }

 private:
  void set_blocks(const Operator& c, std::size_t factor);
  // blocks[g] of each level times its rows of r.
  void apply(const std::vector<std::vector<double>>& blocks, bool transposed, const Panel& r, Panel& out) const;

  const Incidence& incidence_;
  Checkpoint& checkpoint_;
  std::vector<Family> families_;
  std::vector<bool> usable_;
  std::vector<std::vector<double>> s_, inverse_, root_inverse_;
  VectorXd diagonal_;
  double log_det_ = 0;
};

}  // namespace iterative
}  // namespace henderson

#endif
