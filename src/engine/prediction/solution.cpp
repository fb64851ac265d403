#include "henderson/prediction/solution.hpp"

#include <vector>

namespace henderson {

Solution solve(const Problem& problem, const CrossProducts& data, const Evaluation& at, Index response) {
  const Layout& layout = *problem.layout;
  Solution out;
  out.value = at.value;
  out.sigma2 = at.sigma2;
  out.r2 = at.r2;
  out.log_det_random = at.log_det_random;
  out.log_det_x = at.log_det_x + 2 * problem.log_det_r;
  out.beta = data.x.response.col(response) + data.x.basis * at.beta;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(data.x.basis.transpose());
  out.vcov = at.sigma2 * half.transpose() * half;
  LeadingSolution lead;
  VectorXd w;   // Z'Py
  if (problem.root) {
    w = at.root_z.transpose() * (at.root_d.col(problem.p) - at.root_d.leftCols(problem.p) * at.beta);
  } else {
    lead = solve_leading(problem, at, false);
  }
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd sigma = at.sigma(term.group);
    const MatrixXd& basis = data.z_basis[t];
    const MatrixXd own = sigma.block(term.column, term.column, term.q, term.q);
    out.covariance.push_back(at.sigma2 * basis * own * basis.transpose());
    const Index q = layout.groups[term.group].q;
    if (problem.root) {
      const std::vector<Index> first = dense_columns(layout, problem.rest, term.group);
      out.b.push_back(term_effects(layout, data, t, [&](Index level) -> VectorXd {
        return sigma * w.segment(first[level], q);
      }));
    } else if (term.group == layout.lead) {
      out.b.push_back(term_effects(layout, data, t, [&](Index level) -> VectorXd {
        return sigma * lead.w.segment(level * q, q);
      }));
    } else {
      const std::vector<Index> first = rest_columns(problem, term.group);
      out.b.push_back(term_effects(layout, data, t, [&](Index level) -> VectorXd {
        return at.b_rest.segment(first[level], q);
      }));
    }
  }
  return out;
}

}  // namespace henderson
