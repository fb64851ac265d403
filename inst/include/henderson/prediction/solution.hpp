// The estimates at one theta, in the coordinates of the user's columns.
#ifndef HENDERSON_PREDICTION_SOLUTION_HPP
#define HENDERSON_PREDICTION_SOLUTION_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/gradient.hpp"

namespace henderson {

struct Solution {
  double value = 0, sigma2 = 0, r2 = 0, log_det_random = 0, log_det_x = 0;
  VectorXd beta;                      // of the kept columns
  MatrixXd vcov;
  std::vector<MatrixXd> covariance;   // per term, absolute
  std::vector<MatrixXd> b;            // per term: levels x q
};

// Random effects of one term in the user's coordinates, from stacked effects of its group's block.
template <class Rows>
inline MatrixXd term_effects(const Layout& layout, const CrossProducts& data, std::size_t t, const Rows& effects) {
  const Term& term = layout.terms[t];
  const Group& g = layout.groups[term.group];
  MatrixXd out(g.levels, term.q);
  for (Index l = 0; l < g.levels; ++l) out.row(l) = effects(l).segment(term.column, term.q).transpose();
  return out * data.z_basis[t].transpose();
}

// `problem` must have one class per level.
Solution solve(const Problem& problem, const CrossProducts& data, const Evaluation& at, Index response);

}  // namespace henderson

#endif
