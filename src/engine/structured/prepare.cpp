#include "henderson/structured/prepare.hpp"


#include "henderson/linalg/decompositions.hpp"
#include "henderson/structured/classes.hpp"
#include "henderson/structured/unit_equations.hpp"
#include "henderson/structured/visit_form.hpp"

namespace henderson {

MatrixXd orthogonal_columns(const Layout& layout, const Coordinates& c, const DesignChunk& chunk, int group) {
  MatrixXd out(chunk.rows(), layout.groups[group].q);
  for (const int t : layout.groups[group].terms) {
    const Term& term = layout.terms[t];
    const MatrixXd shifted = chunk.z[t].rowwise() - c.terms[t].shift.transpose();
    out.middleCols(term.column, term.q) = shifted * c.terms[t].map;
  }
  return out;
}

MatrixXd orthogonal_fixed(const Coordinates& c, const DesignChunk& chunk) {
  const Index p = static_cast<Index>(c.x.kept.size());
  MatrixXd shifted(chunk.rows(), p), out(chunk.rows(), p + 1);
  for (Index j = 0; j < p; ++j)
    shifted.col(j) = chunk.x.col(c.x.kept[j]).array() - c.x.shift[c.x.kept[j]];
  if (p > 0) out.leftCols(p) = shifted * c.x.to_orthogonal.triangularView<Eigen::Upper>();
  out.col(p) = (chunk.y.col(0).array() - c.response_shift[0]).matrix() - shifted * c.x.fit.col(0);
  return out;
}

Prepared prepare(const Layout& layout, Constants constants, DesignSource& source, const DesignChunk& chunk,
                 const ResidualRows& residual, Checkpoint& checkpoint) {
  Prepared out;
  out.coordinates = CoordinateFinder(layout, std::move(constants), checkpoint).run(source);
  MatrixXd d = orthogonal_fixed(out.coordinates, chunk);
  std::vector<MatrixXd> z;
  for (std::size_t g = 0; g < layout.groups.size(); ++g)
    z.push_back(orthogonal_columns(layout, out.coordinates, chunk, static_cast<int>(g)));
  for (Index i = 0; i < chunk.rows(); ++i)
    if (root_weight(chunk, i) > 0) out.used.push_back(i);
  const Index n = static_cast<Index>(out.used.size());
  StructuredRows& rows = out.rows;
  rows.d.resize(n, d.cols());
  rows.positions.resize(n, residual.positions.cols());
  rows.w.resize(n, residual.w.cols());
  rows.subject.resize(n);
  rows.group = residual.group;
  rows.code.assign(layout.groups.size(), std::vector<Index>(n));
  for (const MatrixXd& own : z)
    rows.z.emplace_back(n, own.cols());
  for (Index k = 0; k < n; ++k) {
    const Index i = out.used[k];
    const double w = root_weight(chunk, i);
    rows.d.row(k) = w * d.row(i);
    rows.positions.row(k) = residual.positions.row(i);
    rows.w.row(k) = residual.w.row(i);
    rows.subject[k] = residual.subject[i];
    for (std::size_t g = 0; g < z.size(); ++g) {
      rows.z[g].row(k) = w * z[g].row(i);
      rows.code[g][k] = chunk.code[g][i] - 1;
    }
  }
  return out;
}

std::vector<Index> axis_columns(const ResidualModel& residual, const StructuredRows& rows) {
  std::vector<Index> out;
  for (const AxisFactor& factor : residual.axes(rows.positions.cols())) out.push_back(factor.columns);
  return out;
}

StructuredProblem structured_problem(const Layout& layout, const Prepared& prepared, ResidualModel residual, bool reml,
                                     Checkpoint& checkpoint) {
  StructuredProblem out;
  out.layout = layout;
  out.residual = std::move(residual);
  out.units = UnitBuilder(out.layout, prepared.rows, axis_columns(out.residual, prepared.rows)).run();
  for (Unit& unit : out.units.units) unit.sparse = SparseUnit::of(out.layout, unit, checkpoint);
  std::vector<Unit> fewer = pseudo_units(out.units, checkpoint);
  if (!fewer.empty()) {
    out.whole = std::make_shared<const std::vector<Unit>>(std::move(out.units.units));
    out.units.units = std::move(fewer);
  }
  out.n = prepared.rows.d.rows();
  out.p = prepared.rows.p();
  out.log_weight = prepared.coordinates.log_weight;
  out.log_det_r = prepared.coordinates.x.log_det_r;
  out.reml = reml;
  out.visits = VisitForm::of(out);
  return out;
}

std::vector<MatrixXd> structured_modes(const StructuredCriterion& criterion, const StructuredPoint& at) {
  const StructuredProblem& pr = criterion.problem();
  std::vector<MatrixXd> out;
  for (const Group& g : pr.layout.groups)
    out.push_back(MatrixXd::Zero(g.levels, g.q));
  const Operators operators = make_operators(pr, at.psi, 0, criterion.checkpoint());
  const Index d = pr.p + 1;
  for (const Unit& unit : pr.all_units()) {
    if (unit.q == 0) continue;
    const UnitEquations equations(unit, operators, at.factor, d, criterion.checkpoint());
    const MatrixXd& right = equations.right();
    const MatrixXd b = equations.times(right.col(pr.p) - right.leftCols(pr.p) * at.beta);
    for (const UnitLevel& l : unit.levels)
      out[l.group].row(l.level) = b.block(l.first, 0, pr.layout.groups[l.group].q, 1).transpose();
  }
  return out;
}

}  // namespace henderson
