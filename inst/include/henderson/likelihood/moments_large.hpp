// Moments of large models with several grouping factors: traces from the selected inverse, average information from
// one solve for each direction. t is left out: its cost is cubic in the levels of the leading factor.
#ifndef HENDERSON_LIKELIHOOD_MOMENTS_LARGE_HPP
#define HENDERSON_LIKELIHOOD_MOMENTS_LARGE_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/moments.hpp"
#include "henderson/likelihood/moments_leading.hpp"

namespace henderson {

class LargeMoments {
 public:
  LargeMoments(const Problem& problem, const Evaluation& at, Checkpoint& checkpoint)
      : pr_(problem), at_(at), layout_(*problem.layout), checkpoint_(checkpoint) {}

  Moments compute(const std::vector<Direction>& directions);

  // X'V^{-1} V_i V^{-1} X side by side.
  MatrixXd fixed_forms(const std::vector<Direction>& directions);

 private:
  void solve();

  // Z'V^{-1}X.
  void solve_fixed();

  // Calls body(level, H^{-1/2} R) for every leading level.
  template <class Body>
  void for_each_level(const Body& body) const;

  MatrixXd times_root_transposed(const MatrixXd& rows) const;

  void traces(Moments& out);

  // Rows of Z'V^{-1} x in coordinates in which related levels are independent.
  void take_relationships(Eigen::Ref<MatrixXd> rows) const;

  // The blocks sum_lm K_lm (Z'V^{-1}Z)_ml, with Z'V^{-1}Z = L^{-T} (Q - Q C^{-1} Q) L^{-1} and K = Q^{-1}, for the
  // factors with inside[] == wanted.
  void rest_trace(const SchurFactor& factor, const SchurFactor::Inverse& inverse, const std::vector<bool>& inside,
                  bool wanted, Moments& out) const;

  // The least diagonal entry of L, on the scale of one level's data, with which the digits survive the division.
  double least_entry(int rest) const;
  bool well_inside(int rest) const;

  // The traces are smooth in Sigma: where L is (nearly) singular they are taken at the least entry instead, which
  // moves them by one part in a million and leaves the zero of the gradient where it is.
  SchurFactor lifted_factor(const std::vector<bool>& inside) const;

  void lead_trace(const SchurFactor::Inverse& inverse, MatrixXd& trace);

  // Lower triangle of the inverse at ascending columns.
  static void gather(const SchurFactor::Inverse& inverse, const std::vector<Index>& column, MatrixXd& out);

  void quadratics(Moments& out);

  // F_i = V_i P y, eliminated as if it were one more response.
  void average_information(const std::vector<Direction>& directions, Moments& out);

  const Problem& pr_;
  const Evaluation& at_;
  const Layout& layout_;
  Checkpoint& checkpoint_;
  MatrixXd w_lead_, u_lead_, u_rest_, y_, c_;
  VectorXd w_rest_;
};

}  // namespace henderson

#endif
