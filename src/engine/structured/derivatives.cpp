#include "henderson/structured/derivatives.hpp"

#include <algorithm>

#include "henderson/linalg/error.hpp"
#include "henderson/linalg/limits.hpp"
#include "henderson/structured/sparse_sums.hpp"
#include "henderson/structured/visit_form.hpp"

namespace henderson {

StructuredSums structured_sums(const StructuredCriterion& criterion, const StructuredPoint& at,
                               const std::vector<RandomDirection>& random, Wanted wanted) {
  const StructuredProblem& pr = criterion.problem();
  if (pr.visits && wanted != Wanted::pairs)
    return pr.visits->sums(pr.residual, at, wanted == Wanted::tests, criterion.checkpoint());
  return StructuredSummer(criterion, at, random, wanted == Wanted::tests || wanted == Wanted::pairs,
                          is_average(pr, wanted)).run();
}

bool is_average(const StructuredProblem& pr, Wanted wanted) {
  if (wanted == Wanted::exact) return false;
  for (const Unit& unit : pr.units.units)
    if (unit.sparse && unit.q > kExactEffects &&
        (wanted == Wanted::search || bytes_of_sparse_sums(pr, unit, false) > kExactBytes))
      return true;
  return false;
}

StructuredSummer::StructuredSummer(const StructuredCriterion& criterion, const StructuredPoint& at,
                                   const std::vector<RandomDirection>& random, bool full, bool average)
    : pr_(criterion.problem()), checkpoint_(criterion.checkpoint()), at_(at), random_(random), full_(full), p_(pr_.p) {
  out_.average = average;
}

double bytes_of_sums(const StructuredProblem& pr, bool average) {
  if (pr.visits) return 0;
  double random = 0, most = 0;
  for (const Term& term : pr.layout.terms) random += static_cast<double>(term.n_theta);
  for (const Unit& unit : pr.units.units) {
    const double q = static_cast<double>(unit.q), residual = static_cast<double>(pr.residual.size());
    const double dense = 8 * q * ((q + kStackedRows + static_cast<double>(pr.p)) * residual + q * (random + 6));
    most = std::max(most, unit.sparse ? bytes_of_sparse_sums(pr, unit, average) : dense);
  }
  return most;
}

StructuredSums StructuredSummer::run() {
  start();
  const Operators operators = make_operators(pr_, at_.psi, 2, checkpoint_);
  if (operators.empty()) throw Error("input", "the covariance matrix of the residuals is not positive definite");
  transform_ = standard_columns(at_);
  for (const Unit& unit : pr_.units.units) {
    checkpoint_.check();
    add_unit(unit, operators);
  }
  symmetric(out_.t_two);
  symmetric(out_.x_two);
  symmetric(out_.e_two);
  symmetric(out_.second_t);
  symmetric(out_.second_x);
  symmetric(out_.second_e);
  if (full_) symmetric(out_.q_full);
  return std::move(out_);
}

void StructuredSummer::start() {
  const Index u = static_cast<Index>(random_.size()), r = pr_.residual.size(), k = u + r;
  out_.start(u, r, p_);
  for (const Group& g : pr_.layout.groups) {
    out_.level_t.push_back(MatrixXd::Zero(g.q, g.q));
    out_.level_x.push_back(MatrixXd::Zero(g.q, g.q));
    out_.level_e.push_back(MatrixXd::Zero(g.q, g.q));
  }
  if (full_) out_.q_full = MatrixXd::Zero(k * p_, k * p_);
  if (full_) out_.r_full.assign(r * (r + 1) / 2, MatrixXd());
}

void StructuredSummer::add_unit(const Unit& unit, const Operators& operators) {
  if (unit.sparse) {
    SparseSums(pr_, at_, random_, full_, unit, operators, out_, checkpoint_).add();
    return;
  }
  State st;
  st.unit = &unit;
  gram(unit, operators, st);
  const Index q = unit.q;
  if (q > 0) project(st);
  st.c.assign(pr_.residual.size(), ResidualProducts());
  for (std::size_t k = 0; k < unit.subjects.size(); ++k) {
    if (q > 100 && k % 64 == 63) checkpoint_.check();
    add_subject(st, unit.subjects[k], st.rows[k], operators);
  }
  if (q > 0) {
    for (const Index r : st.active) empty_stack(st.c[r]);
    checkpoint_.check();
    add_residual_pairs(st);
    add_random(st);
  }
}

void StructuredSummer::gram(const Unit& unit, const Operators& operators, State& st) const {
  const Index d = p_ + 1;
  st.s = MatrixXd::Zero(unit.q + d, unit.q + d);
  for (const SubjectRows& subject : unit.subjects) {
    const Index k = static_cast<Index>(subject.columns.size());
    MatrixXd rows = standard_rows(subject, operators, transform_);
    if (unit.q > 0) {
      const MatrixXd own = rows.transpose() * rows;
      const auto at = [&](Index j) { return j < k ? subject.columns[j] : unit.q + j - k; };
      for (Index j = 0; j < own.cols(); ++j)
        for (Index i = 0; i < own.rows(); ++i)
          st.s(at(i), at(j)) += own(i, j);
    }
    st.rows.push_back(std::move(rows));
  }
}

void StructuredSummer::project(State& st) const {
  const Unit& unit = *st.unit;
  const Index q = unit.q;
  const Eigen::LLT<MatrixXd> llt = dense_equations(unit, at_.factor, st.s.topLeftCorner(q, q));
  const MatrixXd inverse_root = llt.matrixU().solve(MatrixXd::Identity(q, q));
  st.root = lambda_times(unit, at_.factor, inverse_root, false);
  st.out_z = st.root * (st.root.transpose() * st.s.topLeftCorner(q, q));
  st.out_xe = st.root * (st.root.transpose() * st.s.topRightCorner(q, p_ + 1));
}

MatrixXd StructuredSummer::projected(const State& st, const SubjectRows& subject, const MatrixXd& rows) const {
  const Index q = st.unit->q, d = p_ + 1, k = static_cast<Index>(subject.columns.size());
  MatrixXd out(rows.rows(), d + 2 * q);
  out.leftCols(d) = rows.rightCols(d);
  if (q == 0) return out;
  MatrixXd xe(k, d), root(k, q), z(k, q);
  out.rightCols(q).setZero();
  for (Index j = 0; j < k; ++j) {
    const Index at = subject.columns[j];
    xe.row(j) = st.out_xe.row(at);
    root.row(j) = st.root.row(at);
    z.row(j) = st.out_z.row(at);
    out.col(d + q + at) = rows.col(j);
  }
  out.leftCols(d).noalias() -= rows.leftCols(k) * xe;
  out.middleCols(d, q).noalias() = rows.leftCols(k) * root;
  out.rightCols(q).noalias() -= rows.leftCols(k) * z;
  if (!st.unit->related.empty())
    out.rightCols(q) = independent_rows(*st.unit, out.rightCols(q).transpose()).transpose();
  return out;
}

void StructuredSummer::add_subject(State& st, const SubjectRows& subject, const MatrixXd& rows,
                                   const Operators& operators) {
  const SubjectOperator& op = *operators[subject.pattern];
  const Index q = st.unit->q, d = p_ + 1, count = static_cast<Index>(op.active().size());
  const double m = st.unit->multiplicity;
  const MatrixXd b = projected(st, subject, rows);
  std::vector<MatrixXd> h(count);
  for (Index i = 0; i < count; ++i) {
    const Index at = out_.random + op.active()[i];
    op.direct(i, b, h[i]);
    out_.t[at] += m * (op.trace(i) - b.middleCols(d, q).cwiseProduct(h[i].middleCols(d, q)).sum());
    const MatrixXd a = b.leftCols(d).transpose() * h[i].leftCols(d);
    out_.a_xx[at] += a.topLeftCorner(p_, p_);
    out_.a_xe.col(at) += a.col(p_).head(p_);
    out_.a_ee[at] += a(p_, p_);
    if (q > 0) {
      ResidualProducts& c = st.c[op.active()[i]];
      if (c.root.size() == 0) st.active.push_back(op.active()[i]);
      add_products(*st.unit, c, b, h[i]);
    }
  }
  add_subject_pairs(st, op, b, h);
}

void StructuredSummer::add_products(const Unit& unit, ResidualProducts& c, const MatrixXd& b,
                                    const MatrixXd& h) const {
  const Index q = unit.q, d = p_ + 1, rows = b.rows();
  if (c.root.size() == 0) {
    c.root = MatrixXd::Zero(q, d + q);
    c.z_xe = MatrixXd::Zero(q, d);
    for (const Group& g : pr_.layout.groups) c.blocks.push_back(MatrixXd::Zero(g.q, g.q));
  }
  c.z_xe.noalias() += b.rightCols(q).transpose() * h.leftCols(d);
  for (const UnitLevel& l : unit.levels) {
    const Index own = pr_.layout.groups[l.group].q, at = d + q + l.first;
    c.blocks[l.group] += b.middleCols(at, own).transpose() * h.middleCols(at, own);
  }
  if (rows >= kStackedRows || unit.subjects.size() == 1) {
    c.root.noalias() += b.middleCols(d, q).transpose() * h.leftCols(d + q);
    return;
  }
  if (c.stack.used + rows > kStackedRows) empty_stack(c);
  if (c.stack.b.size() == 0) {
    c.stack.b.resize(kStackedRows, q);
    c.stack.h.resize(kStackedRows, d + q);
  }
  c.stack.b.middleRows(c.stack.used, rows) = b.middleCols(d, q);
  c.stack.h.middleRows(c.stack.used, rows) = h.leftCols(d + q);
  c.stack.used += rows;
}

void StructuredSummer::empty_stack(ResidualProducts& c) {
  const Index used = c.stack.used;
  if (used > 0) c.root.noalias() += c.stack.b.topRows(used).transpose() * c.stack.h.topRows(used);
  c.stack.used = 0;
}

void StructuredSummer::add_subject_pairs(const State& st, const SubjectOperator& op, const MatrixXd& b,
                                         const std::vector<MatrixXd>& h) {
  const Index q = st.unit->q, d = p_ + 1, count = static_cast<Index>(h.size());
  const double m = st.unit->multiplicity;
  for (Index i = 0; i < count; ++i)
    for (Index j = 0; j <= i; ++j) {
      const Index ri = op.active()[i], rj = op.active()[j];
      const Index a = out_.random + std::max(ri, rj), c = out_.random + std::min(ri, rj);
      out_.x_two(a, c) += h[i].leftCols(p_).cwiseProduct(h[j].leftCols(p_)).sum();
      out_.e_two(a, c) += h[i].col(p_).dot(h[j].col(p_));
      if (m > 0)
        out_.t_two(a, c) += m * (op.trace(i, j) - 2 * h[i].middleCols(d, q).cwiseProduct(h[j].middleCols(d, q)).sum());
      if (full_) out_.add_full(a, c, h[i].leftCols(p_).transpose() * h[j].leftCols(p_));
      if (op.has_second(i, j)) add_second(op, i, j, b, m, q);
    }
}

void StructuredSummer::add_second(const SubjectOperator& op, Index i, Index j, const MatrixXd& b, double m, Index q) {
  const Index d = p_ + 1, a = std::max(op.active()[i], op.active()[j]), c = std::min(op.active()[i], op.active()[j]);
  const MatrixXd form = op.second_form(i, j, b.leftCols(d), b.leftCols(d));
  out_.second_t(a, c) += m * op.second_trace(i, j);
  if (q > 0 && m > 0) out_.second_t(a, c) -= m * op.second_form(i, j, b.middleCols(d, q), b.middleCols(d, q)).trace();
  out_.second_x(a, c) += form.topLeftCorner(p_, p_).trace();
  out_.second_e(a, c) += form(p_, p_);
  if (full_) out_.add_second(a, c, form.topLeftCorner(p_, p_));
}

void StructuredSummer::add_residual_pairs(const State& st) {
  const Index q = st.unit->q;
  for (const Index ri : st.active)
    for (const Index rj : st.active) {
      if (rj > ri) continue;
      const Index a = out_.random + ri, c = out_.random + rj;
      const MatrixXd &ci = st.c[ri].root, &cj = st.c[rj].root;
      out_.x_two(a, c) -= ci.leftCols(p_).cwiseProduct(cj.leftCols(p_)).sum();
      out_.e_two(a, c) -= ci.col(p_).dot(cj.col(p_));
      out_.t_two(a, c) += st.unit->multiplicity * ci.rightCols(q).cwiseProduct(cj.rightCols(q)).sum();
      if (full_) out_.add_full(a, c, -ci.leftCols(p_).transpose() * cj.leftCols(p_));
    }
}

void StructuredSummer::add_random(const State& st) {
  const Unit& unit = *st.unit;
  const Index q = unit.q, d = p_ + 1;
  MatrixXd g = st.s.topLeftCorner(q, q) - st.s.topLeftCorner(q, q) * st.out_z;  // Z'V^{-1}Z
  g = independent_rows(unit, independent_rows(unit, std::move(g)).transpose());
  RandomSums sums(pr_, unit, random_, full_, out_);
  sums.add(g, independent_rows(unit, st.s.topRightCorner(q, d) - st.s.topLeftCorner(q, q) * st.out_xe));
  for (const Index r : st.active) sums.add_residual(r, st.c[r].z_xe, st.c[r].blocks);
}

}  // namespace henderson
