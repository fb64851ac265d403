#include "henderson/data/layout.hpp"

#include <algorithm>
#include <utility>

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
  term.psi = n_psi;
  term.n_psi = static_cast<Index>(structure.parameters(q).size());
  n_psi += term.n_psi;
  groups[group].q += q;
  groups[group].terms.push_back(static_cast<int>(terms.size()));
  terms.push_back(term);
}

void Layout::add_term(int group, Index q, std::shared_ptr<const Covariance> structure) {
  add_term(group, q, *structure);
  terms.back().made = std::move(structure);
}

bool Layout::related() const {
  return std::any_of(groups.begin(), groups.end(), [](const Group& g) { return g.precision != nullptr; });
}

void Layout::finish() {
  const auto known = [](const Group& g) { return g.precision != nullptr; };
  if (!groups.empty() && std::all_of(groups.begin(), groups.end(), known)) add_group(1);
  rest.resize(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) rest[g] = static_cast<int>(g);
  std::stable_sort(rest.begin(), rest.end(),
                   [&](int a, int b) { return groups[a].levels > groups[b].levels; });
  const auto first = std::find_if(rest.begin(), rest.end(), [&](int g) { return groups[g].precision == nullptr; });
  if (first == rest.end()) return;
  lead = *first;
  rest.erase(first);
}

Index Layout::random_columns() const {
  Index out = 0;
  for (const Group& g : groups) out += g.levels * g.q;
  return out;
}

Index Layout::rest_columns() const {
  Index sum = 0;
  for (const int g : rest) sum += groups[g].levels * groups[g].q;
  return sum;
}

VectorXd Layout::scaled(const VectorXd& theta, double c) const {
  VectorXd out(n_theta);
  for (const Term& t : terms) out.segment(t.theta, t.n_theta) = t.structure->scaled(t.own(theta), t.q, c);
  return out;
}

VectorXd Layout::psi(const VectorXd& theta) const {
  VectorXd out(n_psi);
  for (const Term& t : terms) out.segment(t.psi, t.n_psi) = t.structure->psi(t.own(theta), t.q);
  return out;
}

VectorXd Layout::scaling(const VectorXd& psi) const {
  VectorXd out(n_psi);
  for (const Term& t : terms) out.segment(t.psi, t.n_psi) = t.structure->scaling(psi.segment(t.psi, t.n_psi), t.q);
  return out;
}

MatrixXd Layout::jacobian(const VectorXd& theta) const {
  MatrixXd out = MatrixXd::Zero(n_psi, n_theta);
  for (const Term& t : terms) out.block(t.psi, t.theta, t.n_psi, t.n_theta) = t.structure->jacobian(t.own(theta), t.q);
  return out;
}

bool Layout::bounded() const {
  return std::all_of(terms.begin(), terms.end(), [](const Term& term) { return term.structure->bounded(); });
}

// The factorizations want a lower triangular root; most structures have that.
static MatrixXd triangular(const MatrixXd& root) {
  for (Index j = 1; j < root.cols(); ++j)
    if ((root.col(j).head(j).array() != 0).any()) return lower_root(root);
  return root;
}

// A block of matrices, one for each term.
template <class Block>
static MatrixXd by_term(const Layout& layout, int group, const VectorXd& theta, const Block& block) {
  const Group& g = layout.groups[group];
  MatrixXd out = MatrixXd::Zero(g.q, g.q);
  for (const int t : g.terms) {
    const Term& term = layout.terms[t];
    out.block(term.column, term.column, term.q, term.q) = block(*term.structure, term.own(theta), term.q);
  }
  return out;
}

MatrixXd Layout::factor(int group, const VectorXd& theta) const {
  return by_term(*this, group, theta, [](const Covariance& structure, const VectorXd& own, Index q) -> MatrixXd {
    return triangular(structure.factor(own, q));
  });
}

MatrixXd Layout::sigma(int group, const VectorXd& theta) const {
  return by_term(*this, group, theta, [](const Covariance& structure, const VectorXd& own, Index q) -> MatrixXd {
    return structure.sigma(own, q);
  });
}

}  // namespace henderson
