// Which random terms there are, which grouping factor each belongs to, and who owns which entry of theta.
#ifndef HENDERSON_DATA_LAYOUT_HPP
#define HENDERSON_DATA_LAYOUT_HPP

#include <Eigen/Dense>
#include <algorithm>
#include <vector>

#include "henderson/covariance/registry.hpp"

namespace henderson {

struct Term {
  int group = 0;                          // index into Layout::groups
  Index q = 1;                            // columns
  const Covariance* structure = nullptr;
  Index column = 0;                       // first column inside the group's block
  Index theta = 0, n_theta = 0;           // its part of theta
};

// Entry (row, col) of a term's covariance matrix in the user's columns, as a standard deviation (row == col) or a
// correlation; term -1 is the residual standard deviation. A standard deviation of 0 can be held where it is a
// parameter of its own: in a term of one column or of diagonal structure.
struct Held {
  int term = -1;
  Index row = 0, col = 0;
  double value = 0;
};

// All terms on one grouping factor form one block per level: q columns, covariance block diagonal over terms.
struct Group {
  Index levels = 0;
  Index q = 0;
  std::vector<int> terms;
};

struct Layout {
  std::vector<Term> terms;
  std::vector<Group> groups;
  Index n_theta = 0;
  int lead = -1;            // the group that is eliminated level by level: the one with most levels
  std::vector<int> rest;    // the other groups, by decreasing number of levels

  void add_group(Index levels) {
    groups.emplace_back();
    groups.back().levels = levels;
  }
  void add_term(int group, Index q, const Covariance& structure) {
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
  void finish() {
    rest.resize(groups.size());
    for (std::size_t g = 0; g < groups.size(); ++g) rest[g] = static_cast<int>(g);
    std::stable_sort(rest.begin(), rest.end(),
                     [&](int a, int b) { return groups[a].levels > groups[b].levels; });
    if (rest.empty()) return;
    lead = rest.front();
    rest.erase(rest.begin());
  }

  Index lead_q() const { return groups[lead].q; }
  Index lead_levels() const { return groups[lead].levels; }
  Index rest_columns() const {
    Index sum = 0;
    for (const int g : rest) sum += groups[g].levels * groups[g].q;
    return sum;
  }
  Index random_columns() const { return rest_columns() + lead_levels() * lead_q(); }

  // May every term's covariance matrix be written as L L'?
  bool bounded() const {
    return std::all_of(terms.begin(), terms.end(), [](const Term& term) { return term.structure->bounded(); });
  }

  // Relative factor of one group's block, block diagonal over its terms; without bounds the covariance itself.
  MatrixXd factor(int group, const VectorXd& theta) const {
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
};

}  // namespace henderson

#endif
