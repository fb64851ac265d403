// The Schur complement of the other factors as an operator: nothing of its size squared is ever formed.
//
// With N_l = Z_1l'Z_r, A_l = Z_1l'Z_1l and G_l = Lambda_1 (I + Lambda_1'A_l Lambda_1)^{-1} Lambda_1' of each leading
// level,
//   S = Z_r'V_1^{-1}Z_r = Z_r'Z_r - sum_l N_l'G_l N_l,   C = I + Lambda_r'S Lambda_r,   F_l = I - G_l A_l.
#ifndef HENDERSON_ITERATIVE_OPERATOR_HPP
#define HENDERSON_ITERATIVE_OPERATOR_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/iterative/incidence.hpp"
#include "henderson/iterative/panel.hpp"
#include "henderson/linalg/checkpoint.hpp"

namespace henderson {
namespace iterative {

class Operator {
 public:
  // `threads` changes the time, never a result.
  Operator(const Incidence& incidence, int threads, Checkpoint& checkpoint)
      : pairs_(incidence), threads_(threads), checkpoint_(checkpoint) {}

  const Incidence& incidence() const { return pairs_; }
  Checkpoint& checkpoint() const { return checkpoint_; }

  // Lambda of each group of the layout. Throws "iterative_ratio" where the differences in S would lose all digits.
  void set(const Layout& layout, const std::vector<MatrixXd>& factor);

  const MatrixXd& lambda(std::size_t factor) const { return lambda_[factor]; }

  // Lambda_r v and Lambda_r'v.
  Panel scaled(const Panel& v, bool transposed = false) const;

  // In one pass over the pairs, for V_1^{-1} applied to the columns f = Z_1 p + Z_r u:
  //   rest = Z_r'V_1^{-1}f = N'F p + S u,   lead = Z_1'V_1^{-1}f = F'(A p + N u).
  // `u`, `p`, `rest` and `lead` may be null.
  void sweep(const Panel* u, const Panel* p, Panel* rest, Panel* lead) const;

  Panel multiply(const Panel& v) const;   // C v
  void multiply(const Panel& v, Panel& out) const;

  Panel times_lead(const Panel& p) const;   // F'p, level by level

  // Diagonal blocks of S, for each factor q x q per level.
  std::vector<std::vector<double>> diagonal() const;

  // For each leading level sum_j N_lj D_j N_lj', with one block D_j for each level of the other factors.
  std::vector<double> between(const std::vector<std::vector<double>>& blocks) const;

  // sum_l F_l'B_l, with B_l = A_l where `blocks` is null, and sum_l F_l'B_l F_l.
  MatrixXd lead_sum(const std::vector<double>* blocks) const;

  const std::vector<double>& g() const { return g_; }

 private:
  void sweep_panel(const Panel* u, const Panel* p, Panel* rest, Panel* lead) const;
  void scale(const Panel& v, bool transposed, Panel& out) const;
  void set_level(Index l, const MatrixXd& sigma);

  const Incidence& pairs_;
  int threads_;
  Checkpoint& checkpoint_;
  std::vector<MatrixXd> lambda_;
  std::vector<double> g_, ft_;   // G_l and F_l'
  // What one pass leaves for the next: memory of this size is dear to ask for.
  mutable std::vector<Panel> buffer_;
  mutable Panel scaled_;
};

}  // namespace iterative
}  // namespace henderson

#endif
