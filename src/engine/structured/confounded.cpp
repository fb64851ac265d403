#include "henderson/structured/confounded.hpp"

#include "henderson/likelihood/gradient.hpp"
#include "henderson/search/start.hpp"

namespace henderson {

constexpr double kMoreRounding = 1e3;  // sums over the rows round more than those over cross-products

std::vector<int> confounded_terms(const StructuredCriterion& criterion, const StructuredPoint& at) {
  const Layout& layout = criterion.problem().layout;
  if (layout.n_theta == 0 || !at.ok()) return {};
  const VectorXd psi = layout.psi(at.theta);
  std::vector<RandomDirection> directions;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    for (Index k = 0; k < term.n_psi; ++k) {
      MatrixXd e = MatrixXd::Zero(layout.groups[term.group].q, layout.groups[term.group].q);
      e.block(term.column, term.column, term.q, term.q) =
          term.structure->derivative(psi.segment(term.psi, term.n_psi), term.q, k);
      directions.push_back({static_cast<int>(t), term.group, e});
    }
  }
  const StructuredSums s = structured_sums(criterion, at, directions, Wanted::search);
  const Index u = layout.n_psi;
  return confounded(layout, {structured_moments(s, at, true).t.topLeftCorner(u, u),
                             kMoreRounding * structured_moments(s, at, false).t.diagonal().head(u)});
}

}  // namespace henderson
