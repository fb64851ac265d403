#include "henderson/structured/point.hpp"

#include <cmath>
#include <cstdint>

#include "henderson/structured/sparse_unit.hpp"
#include "henderson/structured/visit_form.hpp"

namespace henderson {

Index connected_effects(const StructuredProblem& pr, bool sparse) {
  Index out = 0;
  for (const Unit& unit : pr.units.units)
    if ((unit.sparse != nullptr) == sparse) out = std::max(out, unit.q);
  return out;
}

double sparse_operations(const StructuredProblem& pr) {
  double out = 0;
  for (const Unit& unit : pr.units.units) {
    if (!unit.sparse) continue;
    const std::vector<std::int64_t>& start = unit.sparse->precision().pattern().start;
    for (std::size_t j = 0; j + 1 < start.size(); ++j) {
      const double entries = static_cast<double>(start[j + 1] - start[j]);
      out += entries * entries;
    }
  }
  return out;
}

StructuredCriterion::StructuredCriterion(const StructuredProblem& problem, Checkpoint& checkpoint)
    : pr_(&problem), checkpoint_(&checkpoint) {}

StructuredPoint StructuredCriterion::evaluate(const VectorXd& theta, const VectorXd& psi) const {
  StructuredPoint out;
  out.theta = theta;
  out.psi = psi;
  out.degrees = static_cast<double>(pr_->reml ? pr_->n - pr_->p : pr_->n);
  for (std::size_t g = 0; g < pr_->layout.groups.size(); ++g) {
    out.factor.push_back(pr_->layout.factor(static_cast<int>(g), theta));
    if (!out.factor.back().allFinite()) return out;
  }
  if (!psi.allFinite()) return out;
  if (pr_->visits) {
    MatrixXd s;
    if (pr_->visits->gram(pr_->residual, psi, s, out.log_det_v, *checkpoint_)) solve(s, out);
    return out;
  }
  const Operators operators = make_operators(*pr_, psi, 0, *checkpoint_);
  if (operators.empty()) return out;
  for (const Pattern& pattern : pr_->units.patterns)
    out.log_det_v += static_cast<double>(pattern.count) * operators[&pattern - pr_->units.patterns.data()]->log_det();
  MatrixXd s = MatrixXd::Zero(pr_->p + 1, pr_->p + 1);
  Index done = 0;
  for (const Unit& unit : pr_->units.units) {
    if (++done % 64 == 0) checkpoint_->check();
    if (!add_unit(unit, operators, s, out)) return out;
  }
  solve(s, out);
  return out;
}

bool StructuredCriterion::add_unit(const Unit& unit, const Operators& operators, MatrixXd& s,
                                   StructuredPoint& out) const {
  const Index d = pr_->p + 1, q = unit.q;
  if (unit.sparse) {
    const SparseEquations equations(unit, operators, out.factor, d, *checkpoint_);
    if (!equations.ok()) return false;
    out.log_det_v += unit.multiplicity * equations.log_det();
    const MatrixXd w = equations.half(equations.right());
    s += equations.products() - w.transpose() * w;
    return true;
  }
  const MatrixXd own = unit_gram(unit, operators, d, [](const SubjectRows&, const MatrixXd&) {});
  s += own.bottomRightCorner(d, d);
  if (q == 0) return true;
  const Eigen::LLT<MatrixXd> llt = dense_equations(unit, out.factor, own.topLeftCorner(q, q));
  if (llt.info() != Eigen::Success) return false;
  out.log_det_v += unit.multiplicity * 2 * llt.matrixLLT().diagonal().array().log().sum();
  const MatrixXd w = llt.matrixL().solve(lambda_times(unit, out.factor, own.topRightCorner(q, d), true));
  s.noalias() -= w.transpose() * w;
  return true;
}

void StructuredCriterion::solve(const MatrixXd& s, StructuredPoint& out) const {
  const Index p = pr_->p;
  const Eigen::LLT<MatrixXd> llt(s.topLeftCorner(p, p));
  if (p > 0 && llt.info() != Eigen::Success) return;
  out.x_root = p > 0 ? MatrixXd(llt.matrixL()) : MatrixXd(0, 0);
  out.log_det_x = 2 * out.x_root.diagonal().array().log().sum();
  out.beta = s.col(p).head(p);
  out.x_root.triangularView<Eigen::Lower>().solveInPlace(out.beta);
  out.r2 = s(p, p) - out.beta.squaredNorm();
  out.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace(out.beta);
  out.sigma2 = pr_->known_sigma2.value_or(out.r2 / out.degrees);
  if (!(out.sigma2 > 0) || !(out.r2 > 0)) return;
  out.value = out.log_det_v + out.degrees * std::log(2 * M_PI * out.sigma2) + out.r2 / out.sigma2 - pr_->log_weight;
  if (pr_->reml) out.value += out.log_det_x + 2 * pr_->log_det_r;
}

std::unique_ptr<SubjectOperator> make_operator(const ResidualModel& model, const VectorXd& psi, const Pattern& pattern,
                                               int order) {
  if (pattern.grid)
    return std::make_unique<KroneckerOperator>(model, psi, pattern.group, *pattern.grid, order);
  const Index parameter = pattern.positions.cols() == 1 ? model.chain(pattern.group) : -1;
  if (parameter >= 0 && pattern.positions.rows() > kDensePositions) {
    return std::make_unique<MarkovOperator>(
        model.structure().links(psi.segment(parameter, 1), pattern.positions.col(0)), parameter, order);
  }
  return std::make_unique<DenseOperator>(model, psi, pattern.group, pattern.positions, pattern.w, order);
}

Operators make_operators(const StructuredProblem& pr, const VectorXd& psi, int order, Checkpoint& checkpoint) {
  Operators out;
  for (const Pattern& pattern : pr.units.patterns) {
    out.push_back(make_operator(pr.residual, psi, pattern, order));
    if (!out.back()->ok()) return {};
    checkpoint.check();
  }
  return out;
}

// T rows.
static MatrixXd related_rows(const UnitRelation& r, MatrixXd rows) {
  const Index levels = r.precision->levels(), columns = rows.cols();
  MatrixXd z(levels, r.q * columns);
  const auto each = [&](const auto& body) {
    for (Index c = 0; c < columns; ++c)
      for (Index a = 0; a < r.q; ++a)
        for (Index l = 0; l < levels; ++l) body(z(l, a + c * r.q), rows(r.first[l] + a, c));
  };
  each([](double& to, double from) { to = from; });
  z = r.precision->root_times(std::move(z));
  each([](double from, double& to) { to = from; });
  return rows;
}

MatrixXd lambda_times(const Unit& unit, const std::vector<MatrixXd>& factor, const MatrixXd& rows, bool transposed) {
  MatrixXd out(rows.rows(), rows.cols());
  for (const UnitLevel& l : unit.levels) {
    const MatrixXd& own = factor[l.group];
    if (transposed)
      out.middleRows(l.first, own.rows()).noalias() = own.transpose() * rows.middleRows(l.first, own.rows());
    else
      out.middleRows(l.first, own.rows()).noalias() = own * rows.middleRows(l.first, own.rows());
  }
  if (transposed) return independent_rows(unit, std::move(out));
  return related_rows(unit, std::move(out));
}

MatrixXd related_rows(const Unit& unit, MatrixXd rows) {
  for (const UnitRelation& r : unit.related) rows = related_rows(r, std::move(rows));
  return rows;
}

Eigen::LLT<MatrixXd> dense_equations(const Unit& unit, const std::vector<MatrixXd>& factor, const MatrixXd& s) {
  MatrixXd h = lambda_times(unit, factor, s, true);
  h = lambda_times(unit, factor, h.transpose(), true);
  h.diagonal().array() += 1;
  return Eigen::LLT<MatrixXd>(h);
}

MatrixXd independent_rows(const Unit& unit, MatrixXd rows) {
  make_independent(unit, rows);
  return rows;
}

void make_independent(const Unit& unit, MatrixXd& rows) {
  for (const UnitRelation& r : unit.related) r.precision->half(r.first, r.q, rows);
}

}  // namespace henderson
