#include "henderson/prediction/solution.hpp"

#include <vector>

namespace henderson {

namespace {

// Sigma Z'Py of the levels of a group, which begin at `first`.
template <class First>
MatrixXd from_score(const Evaluation& at, int group, Index q, Index levels, const VectorXd& w, const First& first) {
  const MatrixXd sigma = at.sigma(group);
  MatrixXd out(q, levels);
  for (Index l = 0; l < levels; ++l) out.col(l) = sigma * w.segment(first(l), q);
  return out;
}

// Random effects of each group, one column for each level.
std::vector<MatrixXd> effects_in(const Rooted&, const Problem& pr, const Evaluation& at) {
  const VectorXd w = at.root_z.transpose() * (at.root_d.col(pr.p) - at.root_d.leftCols(pr.p) * at.beta);
  std::vector<MatrixXd> out;
  for (std::size_t g = 0; g < pr.layout->groups.size(); ++g) {
    const int group = static_cast<int>(g);
    const std::vector<Index> first = dense_columns(pr, group);
    out.push_back(from_score(at, group, pr.layout->groups[g].q, pr.layout->groups[g].levels, w,
                             [&](Index l) { return first[l]; }));
  }
  return out;
}

std::vector<MatrixXd> effects_in(const OneFactor&, const Problem& pr, const Evaluation& at) {
  const VectorXd w = solve_leading(pr, at, false).w;
  const Index q = pr.lead.q;
  std::vector<MatrixXd> out(pr.layout->groups.size());
  out[pr.layout->lead] =
      from_score(at, pr.layout->lead, q, pr.layout->lead_levels(), w, [&](Index l) { return l * q; });
  return out;
}

std::vector<MatrixXd> effects_in(const Crossed&, const Problem& pr, const Evaluation& at) {
  std::vector<MatrixXd> out = effects_in(OneFactor{}, pr, at);
  for (const int g : pr.layout->rest) {
    const Group& group = pr.layout->groups[g];
    const std::vector<Index> first = rest_columns(pr, g);
    out[g].resize(group.q, group.levels);
    for (Index l = 0; l < group.levels; ++l) out[g].col(l) = at.b_rest.segment(first[l], group.q);
  }
  return out;
}

}  // namespace

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
  const std::vector<MatrixXd> effects =
      std::visit([&](const auto& regime) { return effects_in(regime, problem, at); }, problem.regime);
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd& basis = data.z_basis[t];
    const MatrixXd own = at.sigma(term.group).block(term.column, term.column, term.q, term.q);
    out.covariance.push_back(at.sigma2 * basis * own * basis.transpose());
    const MatrixXd& all = effects[term.group];
    out.b.push_back(term_effects(layout, data, t, [&](Index level) -> VectorXd { return all.col(level); }));
  }
  return out;
}

}  // namespace henderson
