#include "henderson/prediction/prediction.hpp"

#include <memory>
#include <vector>

#include "henderson/prediction/henderson_predictor.hpp"
#include "henderson/prediction/marginal_predictor.hpp"

namespace henderson {

VectorXd group_row(const Layout& layout, const CrossProducts& data, const Combinations& c, int group, Index row) {
  VectorXd out(layout.groups[group].q);
  for (const int t : layout.groups[group].terms) {
    const Term& term = layout.terms[t];
    out.segment(term.column, term.q) = data.z_basis[t].transpose() * c.z[t].row(row).transpose();
  }
  return out;
}

MatrixXd group_basis(const Layout& layout, const CrossProducts& data, int group) {
  const Group& g = layout.groups[group];
  MatrixXd out = MatrixXd::Zero(g.q, g.q);
  for (const int t : g.terms) {
    const Term& term = layout.terms[t];
    out.block(term.column, term.column, term.q, term.q) = data.z_basis[t];
  }
  return out;
}

std::unique_ptr<Predictor> make_predictor(const Problem& problem, const CrossProducts& data, const Evaluation& at,
                                          Checkpoint& checkpoint) {
  if (at.bounded() && !in_root_form(problem)) return std::make_unique<HendersonPredictor>(problem, data, at);
  return std::make_unique<MarginalPredictor>(problem, data, at, checkpoint);
}

}  // namespace henderson
