#include "henderson/structured/sparse_sums.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "henderson/linalg/error.hpp"
#include "henderson/linalg/limits.hpp"
#include "henderson/structured/level_sums.hpp"

namespace henderson {

SparseSums::SparseSums(const StructuredProblem& pr, const StructuredPoint& at,
                       const std::vector<RandomDirection>& random, bool full, const Unit& unit,
                       const Operators& operators, StructuredSums& out, Checkpoint& checkpoint)
    : pr_(pr), at_(at), random_(random), full_(full), unit_(unit), operators_(operators), out_(out),
      checkpoint_(checkpoint), d_(pr.p + 1), equations_(unit, operators, at.factor, 0, checkpoint) {
  if (!equations_.ok()) throw Error("not_finite", "the equations of the random effects are not positive definite");
}

double bytes_of_sparse_sums(const StructuredProblem& pr, const Unit& unit, bool average) {
  const double q = static_cast<double>(unit.q), residual = static_cast<double>(pr.residual.size());
  double rows = 0;
  for (const SubjectRows& subject : unit.subjects) {
    const double k = static_cast<double>(subject.columns.size());
    rows += static_cast<double>(subject.b.rows()) * (k + static_cast<double>(pr.p) + 1);
    rows += k * (k + 1) / 2 * (residual + 3);
  }
  if (average) return 8 * (q * (static_cast<double>(pr.p) + 1) * (6 + residual) + rows) +
                      40 * static_cast<double>(unit.sparse->precision().pattern().row.size());
  return 8 * (q * q * (6 + residual) + rows);
}

void SparseSums::add() {
  read_rows();
  out_xe_ = equations_.times(s_xe_);
  if (out_.average)
    inverse_ = equations_.inverse_on_pattern(checkpoint_);
  else
    n_ = equations_.inverse(checkpoint_);
  directions_.resize(static_cast<std::size_t>(pr_.residual.size()));
  for (std::size_t s = 0; s < unit_.subjects.size(); ++s) {
    if (s % 64 == 0) checkpoint_.check();
    add_subject(s);
  }
  for (Direction& own : directions_)
    if (!own.subject.empty()) own.half = equations_.half(own.z_xe);
  add_residual_pairs();
  if (random_.empty()) return;
  if (out_.average)
    add_average();
  else
    add_random();
}

void SparseSums::read_rows() {
  const MatrixXd transform = standard_columns(at_);
  std::vector<std::size_t> all;
  std::vector<double> value;
  s_xe_ = MatrixXd::Zero(unit_.q, d_);
  for (std::size_t s = 0; s < unit_.subjects.size(); ++s) {
    const SubjectRows& subject = unit_.subjects[s];
    const Index k = static_cast<Index>(subject.columns.size());
    MatrixXd rows = standard_rows(subject, operators_, transform);
    const MatrixXd own = rows.leftCols(k).transpose() * rows;
    for (Index j = 0; j < k; ++j) {
      s_xe_.row(subject.columns[j]) += own.row(j).tail(d_);
      for (Index i = j; i < k; ++i) value.push_back(own(i, j));
    }
    all.push_back(s);
    rows_.push_back(std::move(rows));
  }
  s_ = summed(all, value);
}

void SparseSums::add_subject(std::size_t s) {
  const SubjectRows& subject = unit_.subjects[s];
  const SubjectOperator& op = *operators_[subject.pattern];
  const Index k = static_cast<Index>(subject.columns.size()), count = static_cast<Index>(op.active().size()), p = pr_.p;
  const double m = unit_.multiplicity;
  MatrixXd b = rows_[s];                                  // [Z, V^{-1}(X e)]
  const MatrixXd n = in_columns_of(s);
  MatrixXd taken(k, d_);
  for (Index j = 0; j < k; ++j) taken.row(j) = out_xe_.row(subject.columns[j]);
  b.rightCols(d_).noalias() -= b.leftCols(k) * taken;
  std::vector<MatrixXd> h(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) {
    op.direct(i, b, h[i]);
    const Index at = out_.random + op.active()[i];
    const MatrixXd a = b.rightCols(d_).transpose() * h[i].rightCols(d_);
    out_.t[at] += m * (op.trace(i) - n.cwiseProduct(b.leftCols(k).transpose() * h[i].leftCols(k)).sum());
    out_.a_xx[at] += a.topLeftCorner(p, p);
    out_.a_xe.col(at) += a.col(p).head(p);
    out_.a_ee[at] += a(p, p);
    collect(directions_[static_cast<std::size_t>(op.active()[i])], s, b, h[i]);
  }
  add_pairs(op, b, h, n);
}

void SparseSums::add_pairs(const SubjectOperator& op, const MatrixXd& b, const std::vector<MatrixXd>& h,
                           const MatrixXd& n) {
  const Index k = n.rows(), p = pr_.p, count = static_cast<Index>(h.size());
  const double m = unit_.multiplicity;
  for (Index i = 0; i < count; ++i)
    for (Index j = 0; j <= i; ++j) {
      const Index ri = std::max(op.active()[i], op.active()[j]), rj = std::min(op.active()[i], op.active()[j]);
      const Index a = out_.random + ri, c = out_.random + rj;
      const MatrixXd own = h[i].transpose() * h[j];
      out_.x_two(a, c) += own.block(k, k, p, p).trace();
      out_.e_two(a, c) += own(k + p, k + p);
      out_.t_two(a, c) += m * (op.trace(i, j) - 2 * n.cwiseProduct(own.topLeftCorner(k, k)).sum());
      if (full_) out_.add_full(a, c, own.block(k, k, p, p));
      if (!op.has_second(i, j)) continue;
      const MatrixXd form = op.second_form(i, j, b, b);
      out_.second_t(ri, rj) += m * (op.second_trace(i, j) - n.cwiseProduct(form.topLeftCorner(k, k)).sum());
      out_.second_x(ri, rj) += form.block(k, k, p, p).trace();
      out_.second_e(ri, rj) += form(k + p, k + p);
      if (full_) out_.add_second(ri, rj, form.block(k, k, p, p));
    }
}

void SparseSums::collect(Direction& direction, std::size_t s, const MatrixXd& b, const MatrixXd& h) const {
  const std::vector<Index>& columns = unit_.subjects[s].columns;
  const Index k = static_cast<Index>(columns.size());
  if (direction.z_xe.size() == 0) direction.z_xe = MatrixXd::Zero(unit_.q, d_);
  const MatrixXd own = b.leftCols(k).transpose() * h;
  direction.subject.push_back(s);
  for (Index j = 0; j < k; ++j) {
    direction.z_xe.row(columns[j]) += own.row(j).tail(d_);
    for (Index i = j; i < k; ++i) direction.value.push_back(own(i, j));
  }
}

// What Z takes out of the products of two residual directions.
void SparseSums::add_residual_pairs() {
  const Index p = pr_.p;
  for (std::size_t r = 0; r < directions_.size(); ++r) {
    Direction& own = directions_[r];
    if (own.subject.empty()) continue;
    checkpoint_.check();
    if (!out_.average) {
      const Entries entries = summed(own.subject, own.value);
      own.touched = touched(entries);
      own.times.resize(unit_.q, static_cast<Index>(own.touched.size()));
      times(n_, entries, own.touched, own.times);
    }
    for (std::size_t s = 0; s <= r; ++s) {
      const Direction& other = directions_[s];
      if (other.subject.empty()) continue;
      const Index a = out_.random + static_cast<Index>(r), c = out_.random + static_cast<Index>(s);
      out_.x_two(a, c) -= own.half.leftCols(p).cwiseProduct(other.half.leftCols(p)).sum();
      out_.e_two(a, c) -= own.half.col(p).dot(other.half.col(p));
      if (full_) out_.add_full(a, c, -own.half.leftCols(p).transpose() * other.half.leftCols(p));
      if (!out_.average) out_.t_two(a, c) += unit_.multiplicity * trace_of(own, other);
    }
  }
}

void SparseSums::add_random() {
  checkpoint_.check();
  std::vector<Index> all(static_cast<std::size_t>(unit_.q));
  std::iota(all.begin(), all.end(), Index(0));
  MatrixXd left(unit_.q, unit_.q), work(unit_.q, unit_.q);
  times(n_, s_, all, left);
  left.transposeInPlace();
  left *= -1;                                            // I - S N
  left.diagonal().array() += 1;
  times(left, s_, all, work);
  checkpoint_.check();
  make_independent(unit_, work);                         // G
  work.transposeInPlace();
  make_independent(unit_, work);
  RandomSums random(pr_, unit_, random_, full_, out_);
  random.add(work, independent_rows(unit_, s_xe_ - times(s_, out_xe_)));
  make_independent(unit_, left);
  for (std::size_t r = 0; r < directions_.size(); ++r) {
    const Direction& own = directions_[r];
    if (own.subject.empty()) continue;
    checkpoint_.check();
    const MatrixXd z_xe = independent_rows(unit_, own.z_xe - times(s_, equations_.effects(own.half)));
    random.add_residual(static_cast<Index>(r), z_xe, level_blocks(left, own, work));
  }
}

// Without traces of pairs: G is not formed.
void SparseSums::add_average() {
  checkpoint_.check();
  const auto g_times = [&](const MatrixXd& rows) {
    const MatrixXd s = times(s_, related_rows(unit_, rows));
    return independent_rows(unit_, s - times(s_, equations_.times(s)));
  };
  VectorXd information = VectorXd::Zero(unit_.q);
  for (const Entry& e : s_)
    if (e.row == e.col) information[e.row] = e.value;
  const LevelSums levels(unit_, operators_, std::move(information), checkpoint_);
  RandomSums random(pr_, unit_, random_, full_, out_);
  random.add_average(levels.sums(inverse_, at_.factor), g_times, independent_rows(unit_, s_xe_ - times(s_, out_xe_)));
  for (std::size_t r = 0; r < directions_.size(); ++r) {
    const Direction& own = directions_[r];
    if (own.subject.empty()) continue;
    random.add_residual(static_cast<Index>(r),
                        independent_rows(unit_, own.z_xe - times(s_, equations_.effects(own.half))), {});
  }
}

// By group the sum of the levels' blocks of left Z'K Z left'.
std::vector<MatrixXd> SparseSums::level_blocks(const MatrixXd& left, const Direction& direction,
                                               MatrixXd& work) const {
  auto product = work.leftCols(static_cast<Index>(direction.touched.size()));
  times(left, summed(direction.subject, direction.value), direction.touched, product);
  std::vector<MatrixXd> out;
  for (const Group& g : pr_.layout.groups) out.push_back(MatrixXd::Zero(g.q, g.q));
  for (std::size_t c = 0; c < direction.touched.size(); ++c) {
    const auto from = left.col(direction.touched[c]);
    const auto to = product.col(static_cast<Index>(c));
    for (const UnitLevel& l : unit_.levels) {
      MatrixXd& block = out[l.group];
      for (Index b = 0; b < block.cols(); ++b)
        for (Index a = 0; a < block.rows(); ++a) block(a, b) += from[l.first + a] * to[l.first + b];
    }
  }
  return out;
}

MatrixXd SparseSums::in_columns_of(std::size_t subject) const {
  if (out_.average) return equations_.in_subject(inverse_, subject);
  const std::vector<Index>& columns = unit_.subjects[subject].columns;
  const Index k = static_cast<Index>(columns.size());
  MatrixXd out(k, k);
  for (Index j = 0; j < k; ++j)
    for (Index i = 0; i < k; ++i) out(i, j) = n_(columns[i], columns[j]);
  return out;
}

SparseSums::Entries SparseSums::summed(const std::vector<std::size_t>& subject,
                                       const std::vector<double>& value) const {
  const SparsePattern& pattern = unit_.sparse->precision().pattern();
  std::vector<double> sum(pattern.row.size(), 0.0);
  const double* from = value.data();
  for (const std::size_t s : subject) {
    const std::size_t k = unit_.subjects[s].columns.size();
    const std::int64_t* at = unit_.sparse->places(s);
    for (std::size_t i = 0; i < k * (k + 1) / 2; ++i) sum[static_cast<std::size_t>(*at++)] += *from++;
  }
  Entries out;
  for (Index j = 0; j < pattern.size(); ++j)
    for (std::int64_t s = pattern.start[j]; s < pattern.start[j + 1]; ++s)
      if (sum[s] != 0) out.push_back({unit_.sparse->column(pattern.row[s]), unit_.sparse->column(j), sum[s]});
  return out;
}

MatrixXd SparseSums::times(const Entries& s, const MatrixXd& rows) {
  MatrixXd out = MatrixXd::Zero(rows.rows(), rows.cols());
  for (Index c = 0; c < rows.cols(); ++c)
    for (const Entry& e : s) {
      out(e.row, c) += e.value * rows(e.col, c);
      if (e.row != e.col) out(e.col, c) += e.value * rows(e.row, c);
    }
  return out;
}

void SparseSums::times(const MatrixXd& rows, const Entries& s, const std::vector<Index>& columns,
                       Eigen::Ref<MatrixXd> out) const {
  std::vector<Index> at(static_cast<std::size_t>(unit_.q), -1);
  for (std::size_t c = 0; c < columns.size(); ++c) at[columns[c]] = static_cast<Index>(c);
  out.setZero();
  for (const Entry& e : s) {
    out.col(at[e.col]) += e.value * rows.col(e.row);
    if (e.row != e.col) out.col(at[e.row]) += e.value * rows.col(e.col);
  }
}

std::vector<Index> SparseSums::touched(const Entries& s) const {
  std::vector<bool> used(static_cast<std::size_t>(unit_.q), false);
  for (const Entry& e : s) used[e.row] = used[e.col] = true;
  std::vector<Index> out;
  for (Index c = 0; c < unit_.q; ++c)
    if (used[c]) out.push_back(c);
  return out;
}

// tr(N Z'K Z N Z'L Z), by tiles that stay in the cache.
double SparseSums::trace_of(const Direction& k, const Direction& l) {
  const Index columns = static_cast<Index>(k.touched.size()), rows = static_cast<Index>(l.touched.size());
  double out = 0;
  for (Index j0 = 0; j0 < columns; j0 += kPanel)
    for (Index i0 = 0; i0 < rows; i0 += kPanel)
      for (Index j = j0; j < std::min(columns, j0 + kPanel); ++j)
        for (Index i = i0; i < std::min(rows, i0 + kPanel); ++i)
          out += k.times(l.touched[i], j) * l.times(k.touched[j], i);
  return out;
}

}  // namespace henderson
