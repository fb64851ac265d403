#include "henderson/structured/units.hpp"

#include <algorithm>
#include <numeric>

#include "henderson/linalg/limits.hpp"

namespace henderson {

std::vector<std::vector<Index>> rows_of_subjects(const StructuredRows& rows) {
  std::vector<std::size_t> count(rows.group.size(), 0);
  for (const Index s : rows.subject)
    ++count[s];
  std::vector<std::vector<Index>> out(rows.group.size());
  for (std::size_t s = 0; s < out.size(); ++s)
    out[s].reserve(count[s]);
  for (std::size_t i = 0; i < rows.subject.size(); ++i)
    out[rows.subject[i]].push_back(static_cast<Index>(i));
  return out;
}

Units UnitBuilder::run() {
  out_.p = rows_.p();
  out_.n = rows_.d.rows();
  collect_subjects();
  connect();
  fill();
  return std::move(out_);
}

Units UnitBuilder::patterns() {
  out_.n = rows_.d.rows();
  collect_subjects();
  for (std::size_t s = 0; s < of_.size(); ++s)
    if (!of_[s].empty()) pattern_of(static_cast<Index>(s));
  return std::move(out_);
}

void UnitBuilder::collect_subjects() {
  of_ = rows_of_subjects(rows_);
  const auto before = [&](Index a, Index b) {
    for (Index c = 0; c < rows_.positions.cols(); ++c)
      if (rows_.positions(a, c) != rows_.positions(b, c)) return rows_.positions(a, c) < rows_.positions(b, c);
    return false;
  };
  for (std::vector<Index>& own : of_)
    if (!std::is_sorted(own.begin(), own.end(), before)) std::stable_sort(own.begin(), own.end(), before);
}

Index UnitBuilder::find(Index x) {
  while (parent_[x] != x)
    x = parent_[x] = parent_[parent_[x]];
  return x;
}

void UnitBuilder::connect() {
  Index nodes = static_cast<Index>(of_.size());
  for (const Group& g : layout_.groups) {
    first_.push_back(nodes);
    nodes += g.levels;
  }
  parent_.resize(nodes);
  std::iota(parent_.begin(), parent_.end(), Index(0));
  for (Index i = 0; i < out_.n; ++i)
    for (std::size_t g = 0; g < first_.size(); ++g)
      parent_[find(rows_.subject[i])] = find(first_[g] + rows_.code[g][i]);
  for (std::size_t g = 0; g < first_.size(); ++g)
    for (Index l = 1; layout_.groups[g].precision != nullptr && l < layout_.groups[g].levels; ++l)
      parent_[find(first_[g] + l)] = find(first_[g]);
}

void UnitBuilder::fill() {
  std::unordered_map<Index, Index> unit_of;
  std::vector<std::map<std::pair<int, Index>, Index>> columns;  // per unit: first column of (group, level)
  for (std::size_t s = 0; s < of_.size(); ++s) {
    if (of_[s].empty()) continue;
    const auto found = unit_of.emplace(find(static_cast<Index>(s)), static_cast<Index>(out_.units.size()));
    if (found.second) {
      out_.units.emplace_back();
      columns.emplace_back();
    }
    add_subject(static_cast<Index>(s), out_.units[found.first->second], columns[found.first->second]);
  }
  for (std::size_t g = 0; g < first_.size(); ++g) {
    if (layout_.groups[g].precision == nullptr) continue;
    const Index u = unit_of.at(find(first_[g]));
    add_relation(static_cast<int>(g), out_.units[u], columns[u]);
  }
}

void UnitBuilder::add_relation(int group, Unit& unit, std::map<std::pair<int, Index>, Index>& first) const {
  const Group& own = layout_.groups[group];
  UnitRelation out;
  out.q = own.q;
  out.precision = own.precision;
  for (Index l = 0; l < own.levels; ++l) {
    const auto at = first.emplace(std::make_pair(group, l), unit.q);
    if (at.second) {
      unit.levels.push_back({group, l, unit.q});
      unit.q += own.q;
    }
    out.first.push_back(at.first->second);
  }
  unit.related.push_back(std::move(out));
}

void UnitBuilder::add_subject(Index s, Unit& unit, std::map<std::pair<int, Index>, Index>& first) {
  const std::vector<Index>& own = of_[s];
  const Index n = static_cast<Index>(own.size()), p = out_.p;
  SubjectRows out;
  out.subject = s;
  out.pattern = pattern_of(s);
  std::map<Index, Index> local;  // column of the unit -> column of the subject
  std::vector<Index> start;      // column of the subject for each row and grouping factor
  start.reserve(own.size() * first_.size());
  for (const Index i : own)
    for (std::size_t g = 0; g < first_.size(); ++g) {
      const Index q = layout_.groups[g].q, level = rows_.code[g][i];
      const auto at = first.emplace(std::make_pair(static_cast<int>(g), level), unit.q);
      if (at.second) {
        unit.levels.push_back({static_cast<int>(g), level, unit.q});
        unit.q += q;
      }
      const auto here = local.emplace(at.first->second, static_cast<Index>(out.columns.size()));
      start.push_back(here.first->second);
      for (Index c = 0; here.second && c < q; ++c)
        out.columns.push_back(at.first->second + c);
    }
  const Index k = static_cast<Index>(out.columns.size());
  std::vector<Index> place;
  const std::shared_ptr<const Grid> grid = grid_of(own, place);
  out.b = MatrixXd::Zero(grid ? grid->size() : n, k + p + 1);
  for (Index a = 0; a < n; ++a) {
    const Index i = own[a], row = grid ? place[a] : a;
    for (std::size_t g = 0; g < first_.size(); ++g)
      out.b.block(row, start[a * first_.size() + g], 1, layout_.groups[g].q) = rows_.z[g].row(i);
    out.b.block(row, k, 1, p + 1) = rows_.d.row(i);
  }
  unit.subjects.push_back(std::move(out));
}

std::shared_ptr<const Grid> UnitBuilder::grid_of(const std::vector<Index>& own, std::vector<Index>& place) const {
  const Index n = static_cast<Index>(own.size());
  if (axes_.empty() || n <= kSmallGrid) return nullptr;
  auto out = std::make_shared<Grid>();
  place.assign(own.size(), 0);
  Index first = 0, size = 1;
  for (const Index columns : axes_) {
    std::map<std::vector<double>, Index> at;
    std::vector<std::vector<double>> of(own.size());
    for (Index a = 0; a < n; ++a) {
      for (Index c = 0; c < columns; ++c) of[a].push_back(rows_.positions(own[a], first + c));
      at.emplace(of[a], 0);
    }
    MatrixXd axis(at.size(), columns);
    Index row = 0;
    for (auto& position : at) {
      for (Index c = 0; c < columns; ++c) axis(row, c) = position.first[c];
      position.second = row++;
    }
    for (Index a = 0; a < n; ++a) place[a] = place[a] * row + at[of[a]];
    out->axes.push_back(std::move(axis));
    first += columns;
    size *= row;
    if (size > 2 * n) return nullptr;
  }
  std::vector<bool> used(size, false);
  for (const Index row : place) {
    if (used[row]) return nullptr;
    used[row] = true;
  }
  for (Index row = 0; row < size; ++row)
    if (!used[row]) out->missing.push_back(row);
  return out;
}

Index UnitBuilder::pattern_of(Index s) {
  const std::vector<Index>& own = of_[s];
  const Index n = static_cast<Index>(own.size()), columns = rows_.positions.cols() + rows_.w.cols();
  key_.assign(reinterpret_cast<const char*>(&rows_.group[s]), sizeof(Index));
  for (Index c = 0; c < columns; ++c)
    for (const Index i : own) {
      const double value = c < rows_.positions.cols() ? rows_.positions(i, c) : rows_.w(i, c - rows_.positions.cols());
      key_.append(reinterpret_cast<const char*>(&value), sizeof(double));
    }
  const auto found = pattern_.emplace(key_, static_cast<Index>(out_.patterns.size()));
  if (found.second) {
    Pattern pattern;
    pattern.group = rows_.group[s];
    pattern.positions.resize(n, rows_.positions.cols());
    pattern.w.resize(n, rows_.w.cols());
    for (Index a = 0; a < n; ++a) {
      pattern.positions.row(a) = rows_.positions.row(own[a]);
      pattern.w.row(a) = rows_.w.row(own[a]);
    }
    std::vector<Index> place;
    pattern.grid = grid_of(own, place);
    out_.patterns.push_back(std::move(pattern));
  }
  ++out_.patterns[found.first->second].count;
  return found.first->second;
}

}  // namespace henderson
