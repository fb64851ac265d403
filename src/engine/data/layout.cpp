#include "henderson/data/layout.hpp"

#include <algorithm>

namespace henderson {

void Layout::add_group(Index levels) {
  groups.emplace_back();
  groups.back().levels = levels;
}

void Layout::add_term(int group, Index q, const Covariance& structure) {
  Term term;
  term.group = group;
  term.q = q;
  term.structure = &structure;
  term.column = groups.at(group).q;
  term.theta = n_theta;
  term.n_theta = structure.n_parameters(q);
  n_theta += term.n_theta;
  groups[group].q += q;
  groups[group].terms.push_back(static_cast<int>(terms.size()));
  terms.push_back(term);
}

void Layout::finish() {
  rest.resize(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) rest[g] = static_cast<int>(g);
  std::stable_sort(rest.begin(), rest.end(),
                   [&](int a, int b) { return groups[a].levels > groups[b].levels; });
  if (rest.empty()) return;
  lead = rest.front();
  rest.erase(rest.begin());
}

Index Layout::rest_columns() const {
  Index sum = 0;
  for (const int g : rest) sum += groups[g].levels * groups[g].q;
  return sum;
}

bool Layout::bounded() const {
  return std::all_of(terms.begin(), terms.end(), [](const Term& term) { return term.structure->bounded(); });
}

MatrixXd Layout::factor(int group, const VectorXd& theta) const {
  const Group& g = groups[group];
  const bool factored = bounded();
  MatrixXd l = MatrixXd::Zero(g.q, g.q);
  for (const int t : g.terms) {
    const Term& term = terms[t];
    const VectorXd own = theta.segment(term.theta, term.n_theta);
    l.block(term.column, term.column, term.q, term.q) =
        factored ? term.structure->factor(own, term.q) : term.structure->sigma(own, term.q);
  }
  return l;
}

}  // namespace henderson
