#include "henderson/iterative/solution.hpp"

namespace henderson {
namespace iterative {

Solution solution(const Model& model, const Point& at, double value) {
  const Layout& layout = model.layout;
  const CrossProducts& data = model.data;
  Solution out;
  out.value = value;
  out.sigma2 = at.sigma2;
  out.r2 = at.r2;
  out.log_det_x = at.log_det_x + 2 * model.problem.log_det_r;
  out.beta = data.x.response.col(model.response) + data.x.basis * at.beta;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(data.x.basis.transpose());
  out.vcov = at.sigma2 * half.transpose() * half;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd sigma = at.factor[term.group] * at.factor[term.group].transpose();
    const MatrixXd& basis = data.z_basis[t];
    out.covariance.push_back(at.sigma2 * basis * sigma.block(term.column, term.column, term.q, term.q) *
                             basis.transpose());
    const GroupRows rows = group_rows(model, term.group);
    out.b.push_back(term_effects(layout, data, t, [&](Index level) -> VectorXd {
      const Index at_row = rows.first + level * rows.q;
      if (!rows.lead) return at.b_rest.col(0).segment(at_row, rows.q);
      return sigma * at.lead_w.col(0).segment(at_row, rows.q);
    }));
  }
  return out;
}

}  // namespace iterative
}  // namespace henderson
