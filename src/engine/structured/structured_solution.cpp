#include "henderson/structured/structured_solution.hpp"

#include <vector>

#include "henderson/structured/prepare.hpp"

namespace henderson {

Solution structured_solution(const StructuredCriterion& criterion, const StructuredPoint& at,
                             const Coordinates& coordinates) {
  const Layout& layout = criterion.problem().layout;
  const Projection& x = coordinates.x;
  Solution out;
  out.value = at.value;
  out.sigma2 = at.sigma2;
  out.r2 = at.r2;
  out.log_det_random = at.log_det_v;
  out.log_det_x = at.log_det_x + 2 * x.log_det_r;
  out.beta = x.response.col(0) + x.basis * at.beta;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(x.basis.transpose());
  out.vcov = at.sigma2 * half.transpose() * half;
  const std::vector<MatrixXd> modes = structured_modes(criterion, at);
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd& basis = coordinates.terms[t].basis;
    const MatrixXd l = basis * at.factor[term.group].block(term.column, term.column, term.q, term.q);
    out.covariance.push_back(at.sigma2 * l * l.transpose());
    out.b.push_back(modes[term.group].middleCols(term.column, term.q) * basis.transpose());
  }
  return out;
}

std::vector<MatrixXd> structured_conditional(const StructuredPredictor& predictor, const Layout& layout,
                                             const StructuredPoint& at, const Coordinates& coordinates, int group) {
  const Group& g = layout.groups[group];
  MatrixXd basis = MatrixXd::Zero(g.q, g.q);
  for (const int t : g.terms) {
    const Term& term = layout.terms[t];
    basis.block(term.column, term.column, term.q, term.q) = coordinates.terms[t].basis;
  }
  std::vector<MatrixXd> out;
  for (Index l = 0; l < g.levels; ++l)
    out.push_back(at.sigma2 * basis * predictor.conditional(group, l) * basis.transpose());
  return out;
}

}  // namespace henderson
