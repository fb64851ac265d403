#include "henderson/structured/sparse_unit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "henderson/linalg/limits.hpp"

namespace henderson {

namespace {

// The level of each column of a unit.
std::vector<Index> level_of_column(const Layout& layout, const Unit& unit) {
  std::vector<Index> out(static_cast<std::size_t>(unit.q));
  for (std::size_t l = 0; l < unit.levels.size(); ++l)
    for (Index c = 0; c < layout.groups[unit.levels[l].group].q; ++c)
      out[unit.levels[l].first + c] = static_cast<Index>(l);
  return out;
}

using Pairs = std::vector<std::pair<Index, Index>>;     // column, row

SparsePattern pattern_of(Pairs& pairs, Index n) {
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  SparsePattern out;
  out.start.assign(static_cast<std::size_t>(n) + 1, 0);
  for (const auto& pair : pairs) {
    ++out.start[static_cast<std::size_t>(pair.first) + 1];
    out.row.push_back(pair.second);
  }
  for (Index j = 0; j < n; ++j) out.start[j + 1] += out.start[j];
  return out;
}

// The pairs of levels that meet in a subject or are related, lower triangle; empty where a third of all pairs do.
std::optional<SparsePattern> pairs_of_levels(const Layout& layout, const Unit& unit) {
  const std::vector<Index> level = level_of_column(layout, unit);
  const Index n = static_cast<Index>(unit.levels.size());
  const double most = static_cast<double>(n) * static_cast<double>(n) / 6;
  Pairs pairs;
  for (Index l = 0; l < n; ++l) pairs.emplace_back(l, l);
  std::size_t unique = pairs.size();
  SparsePattern out;
  const auto thin = [&] {
    out = pattern_of(pairs, n);
    unique = pairs.size();
    return static_cast<double>(unique) <= most;
  };
  std::vector<Index> own;
  for (const SubjectRows& subject : unit.subjects) {
    own.clear();
    for (const Index c : subject.columns) own.push_back(level[c]);
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    if (static_cast<double>(own.size()) * static_cast<double>(own.size()) > 2 * most) return std::nullopt;
    for (std::size_t b = 0; b < own.size(); ++b)
      for (std::size_t a = b; a < own.size(); ++a) pairs.emplace_back(own[b], own[a]);
    if (pairs.size() > 2 * unique + 100000 && !thin()) return std::nullopt;
  }
  for (const UnitRelation& r : unit.related) {
    const SparsePattern& lower = r.precision->lower();
    if (static_cast<double>(lower.row.size()) > most) return std::nullopt;
    for (Index j = 0; j < lower.size(); ++j)
      for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) {
        const Index a = level[r.first[j]], b = level[r.first[lower.row[s]]];
        pairs.emplace_back(std::min(a, b), std::max(a, b));
      }
  }
  return thin() ? std::optional<SparsePattern>(std::move(out)) : std::nullopt;
}

}  // namespace

std::shared_ptr<const SparseUnit> SparseUnit::of(const Layout& layout, const Unit& unit, Checkpoint& checkpoint) {
  if (unit.q < kSparseUnit) return nullptr;
  const std::optional<SparsePattern> levels = pairs_of_levels(layout, unit);
  if (!levels) return nullptr;
  const auto out = std::make_shared<SparseUnit>();
  out->set_pattern(layout, unit, *levels, checkpoint);
  if (!out->cheaper(unit)) return nullptr;
  out->add_precision(layout, unit);
  out->find_places(unit);
  return out;
}

void SparseUnit::set_pattern(const Layout& layout, const Unit& unit, const SparsePattern& levels,
                             Checkpoint& checkpoint) {
  const std::vector<Index> order = minimum_degree_order(levels);
  position_.resize(static_cast<std::size_t>(unit.q));
  Index next = 0;
  for (const Index l : order) {
    const UnitLevel& level = unit.levels[l];
    for (Index c = 0; c < layout.groups[level.group].q; ++c) position_[level.first + c] = next++;
  }
  column_.resize(position_.size());
  for (Index c = 0; c < unit.q; ++c) column_[position(c)] = c;
  Pairs pairs;
  for (Index j = 0; j < levels.size(); ++j)
    for (std::int64_t s = levels.start[j]; s < levels.start[j + 1]; ++s) {
      const UnitLevel &a = unit.levels[j], &b = unit.levels[levels.row[s]];
      for (Index c = 0; c < layout.groups[a.group].q; ++c)
        for (Index d = 0; d < layout.groups[b.group].q; ++d) {
          const Index x = position(a.first + c), y = position(b.first + d);
          pairs.emplace_back(std::min(x, y), std::max(x, y));
        }
    }
  precision_.analyze(pattern_of(pairs, unit.q), checkpoint);
}

// The inverse of sparse equations takes columns x entries of the factor, dense ones columns^3 at about eight times the
// speed.
bool SparseUnit::cheaper(const Unit& unit) const {
  const double q = static_cast<double>(unit.q);
  return 8 * static_cast<double>(precision_.pattern().row.size()) < q * q;
}

std::int64_t SparseUnit::place(Index row, Index column) const {
  const Index a = position(row), b = position(column);
  const SparsePattern& pattern = precision_.pattern();
  const auto begin = pattern.row.begin() + pattern.start[std::min(a, b)];
  const auto end = pattern.row.begin() + pattern.start[std::min(a, b) + 1];
  return std::lower_bound(begin, end, static_cast<std::int64_t>(std::max(a, b))) - pattern.row.begin();
}

void SparseUnit::add_precision(const Layout& layout, const Unit& unit) {
  std::vector<double>& value = precision_.values();
  std::fill(value.begin(), value.end(), 0.0);
  for (const UnitLevel& l : unit.levels) {
    if (layout.groups[l.group].precision != nullptr) continue;
    for (Index c = 0; c < layout.groups[l.group].q; ++c) value[place(l.first + c, l.first + c)] = 1;
  }
  for (const UnitRelation& r : unit.related) {
    const SparsePattern& lower = r.precision->lower();
    for (Index j = 0; j < lower.size(); ++j)
      for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s)
        for (Index c = 0; c < r.q; ++c)
          value[place(r.first[lower.row[s]] + c, r.first[j] + c)] = r.precision->value()[s];
    log_det_precision_ += static_cast<double>(r.q) * r.precision->log_det();
  }
}

void SparseUnit::find_places(const Unit& unit) {
  for (const SubjectRows& subject : unit.subjects) {
    start_.push_back(entry_.size());
    for (std::size_t j = 0; j < subject.columns.size(); ++j)
      for (std::size_t i = j; i < subject.columns.size(); ++i)
        entry_.push_back(place(subject.columns[i], subject.columns[j]));
  }
}

SparseEquations::SparseEquations(const Unit& unit, const Operators& operators, const std::vector<MatrixXd>& factor,
                                 Index d, Checkpoint& checkpoint)
    : unit_(&unit), own_(unit.sparse.get()), factor_(&factor), cholesky_(own_->precision()),
      products_(MatrixXd::Zero(d, d)), right_(MatrixXd::Zero(unit.q, d)) {
  group_.resize(static_cast<std::size_t>(unit.q));
  for (const UnitLevel& l : unit.levels)
    for (Index c = 0; c < factor[l.group].rows(); ++c) group_[l.first + c] = l.group;
  for (std::size_t s = 0; s < unit.subjects.size(); ++s) {
    if (s % 256 == 0) checkpoint.check();
    MatrixXd rows = unit.subjects[s].b;
    operators[unit.subjects[s].pattern]->whiten(rows);
    add_subject(s, rows, d);
  }
  ok_ = cholesky_.factorize(checkpoint);
  if (ok_) log_det_ = cholesky_.log_det() - own_->log_det_precision();
}

void SparseEquations::add_subject(std::size_t s, const MatrixXd& rows, Index d) {
  const std::vector<Index>& columns = unit_->subjects[s].columns;
  const Index k = static_cast<Index>(columns.size());
  products_.noalias() += rows.rightCols(d).transpose() * rows.rightCols(d);
  const MatrixXd own = rows.leftCols(k).transpose() * rows.rightCols(d);
  for (Index j = 0; j < k; ++j) right_.row(columns[j]) += own.row(j);
  MatrixXd z = rows.leftCols(k);
  scale_rows(z, columns);
  const MatrixXd gram = z.transpose() * z;
  const std::int64_t* at = own_->places(s);
  for (Index j = 0; j < k; ++j)
    for (Index i = j; i < k; ++i) cholesky_.values()[*at++] += gram(i, j);
}

// rows Lambda, in a subject's columns.
void SparseEquations::scale_rows(MatrixXd& rows, const std::vector<Index>& columns) const {
  for (Index j = 0; j < rows.cols();) {
    const MatrixXd& l = (*factor_)[group_[columns[j]]];
    rows.middleCols(j, l.rows()) = (rows.middleCols(j, l.rows()) * l).eval();
    j += l.rows();
  }
}

MatrixXd SparseEquations::lambda(const MatrixXd& rows, bool transposed) const {
  MatrixXd out(rows.rows(), rows.cols());
  for (Index c = 0; c < rows.cols(); ++c)
    for (const UnitLevel& l : unit_->levels) {
      const MatrixXd& own = (*factor_)[l.group];
      if (transposed)
        out.col(c).segment(l.first, own.rows()) = own.transpose() * rows.col(c).segment(l.first, own.rows());
      else
        out.col(c).segment(l.first, own.rows()) = own * rows.col(c).segment(l.first, own.rows());
    }
  return out;
}

MatrixXd SparseEquations::ordered(const MatrixXd& rows) const {
  MatrixXd out(rows.rows(), rows.cols());
  for (Index c = 0; c < rows.cols(); ++c)
    for (Index i = 0; i < rows.rows(); ++i) out(own_->position(i), c) = rows(i, c);
  return out;
}

MatrixXd SparseEquations::unordered(const MatrixXd& rows) const {
  MatrixXd out(rows.rows(), rows.cols());
  for (Index c = 0; c < rows.cols(); ++c)
    for (Index i = 0; i < rows.rows(); ++i) out(i, c) = rows(own_->position(i), c);
  return out;
}

MatrixXd SparseEquations::half(const MatrixXd& rows) const {
  MatrixXd out = ordered(lambda(rows, true));
  cholesky_.solve_lower(out);
  return out;
}

MatrixXd SparseEquations::times(const MatrixXd& rows) const { return effects(half(rows)); }

MatrixXd SparseEquations::effects(const MatrixXd& normals) const {
  MatrixXd out = normals;
  cholesky_.solve_upper(out);
  return lambda(unordered(out), false);
}

MatrixXd SparseEquations::inverse(Checkpoint& checkpoint) const {
  const Index q = unit_->q;
  MatrixXd out(q, q);
  for (Index first = 0; first < q; first += kPanel) {
    checkpoint.check();
    const Index width = std::min(kPanel, q - first);
    SparseCholesky::RowMatrix panel = SparseCholesky::RowMatrix::Zero(q, width);
    panel.middleRows(first, width).setIdentity();
    cholesky_.solve_rows(panel, first);
    for (Index c = 0; c < width; ++c) {
      auto to = out.col(own_->column(first + c));
      for (Index i = 0; i < q; ++i) to[i] = panel(own_->position(i), c);
    }
  }
  out = lambda(out, false);
  for (const UnitLevel& l : unit_->levels) {
    const MatrixXd& own = (*factor_)[l.group];
    out.middleCols(l.first, own.rows()) = (out.middleCols(l.first, own.rows()) * own.transpose()).eval();
  }
  return out;
}

MatrixXd SparseEquations::in_subject(const std::vector<double>& inverse, std::size_t subject) const {
  const std::vector<Index>& columns = unit_->subjects[subject].columns;
  const Index k = static_cast<Index>(columns.size());
  const std::int64_t* at = own_->places(subject);
  MatrixXd out(k, k);
  for (Index j = 0; j < k; ++j)
    for (Index i = j; i < k; ++i) out(i, j) = out(j, i) = inverse[static_cast<std::size_t>(*at++)];
  for (Index j = 0; j < k;) {
    const MatrixXd& l = (*factor_)[group_[columns[j]]];
    out.middleRows(j, l.rows()) = (l * out.middleRows(j, l.rows())).eval();
    out.middleCols(j, l.rows()) = (out.middleCols(j, l.rows()) * l.transpose()).eval();
    j += l.rows();
  }
  return out;
}

std::vector<MatrixXd> SparseEquations::blocks(Checkpoint& checkpoint) const {
  const std::vector<double> inverse = cholesky_.inverse_on_pattern(checkpoint);
  std::vector<MatrixXd> out;
  for (const UnitLevel& l : unit_->levels) {
    const MatrixXd& own = (*factor_)[l.group];
    MatrixXd block(own.rows(), own.rows());
    for (Index a = 0; a < own.rows(); ++a)
      for (Index b = 0; b < own.rows(); ++b) block(a, b) = inverse[own_->place(l.first + a, l.first + b)];
    out.push_back(own * block * own.transpose());
  }
  return out;
}

}  // namespace henderson
