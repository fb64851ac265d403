// The rows of a model with a residual structure, in units that are independent of each other.
//
// A unit is a set of subjects and levels of the grouping factors that are connected by rows: with one grouping factor
// whose levels hold whole subjects, a level; without random effects, a subject; with crossed factors, everything.
#ifndef HENDERSON_STRUCTURED_UNITS_HPP
#define HENDERSON_STRUCTURED_UNITS_HPP

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include "henderson/data/layout.hpp"
#include "henderson/residual/residual_model.hpp"

namespace henderson {

// Rows in the coordinates of the computation, each multiplied by the root of its weight.
struct StructuredRows {
  MatrixXd d;                            // n x (p + 1): X and y
  std::vector<MatrixXd> z;               // per group: n x q
  std::vector<std::vector<Index>> code;  // per group: level of each row, from 0
  std::vector<Index> subject;            // of each row, from 0
  std::vector<Index> group;              // of each subject: whose parameters it has
  MatrixXd positions, w;                 // n x dimensions, n x variance terms
  Index p() const { return d.cols() - 1; }
};

struct Pattern {
  Index group = 0, count = 0;
  MatrixXd positions, w;
};

struct SubjectRows {
  Index pattern = 0, subject = 0;
  MatrixXd b;                  // rows x (columns + p + 1): the columns of Z that are not zero by design, X, y
  std::vector<Index> columns;  // where these columns of Z stand in the unit
};

struct UnitLevel {
  int group = 0;
  Index level = 0, first = 0;  // its columns in the unit
};

struct Unit {
  std::vector<SubjectRows> subjects;
  std::vector<UnitLevel> levels;
  Index q = 0;
  double multiplicity = 1;  // how many units have this Z and these positions; 0 for the further ones of a class
};

struct Units {
  Index p = 0, n = 0;
  std::vector<Pattern> patterns;
  std::vector<Unit> units;
};

class UnitBuilder {
 public:
  UnitBuilder(const Layout& layout, const StructuredRows& rows) : layout_(layout), rows_(rows) {}

  Units run() {
    out_.p = rows_.p();
    out_.n = rows_.d.rows();
    collect_subjects();
    connect();
    fill();
    return std::move(out_);
  }

 private:
  void collect_subjects() {
    of_.resize(rows_.group.size());
    for (Index i = 0; i < out_.n; ++i)
      of_[rows_.subject[i]].push_back(i);
    for (std::vector<Index>& own : of_)
      std::stable_sort(own.begin(), own.end(), [&](Index a, Index b) {
        for (Index c = 0; c < rows_.positions.cols(); ++c)
          if (rows_.positions(a, c) != rows_.positions(b, c)) return rows_.positions(a, c) < rows_.positions(b, c);
        return false;
      });
  }

  Index find(Index x) {
    while (parent_[x] != x)
      x = parent_[x] = parent_[parent_[x]];
    return x;
  }

  // Subjects, then the levels of every group, joined by rows.
  void connect() {
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
  }

  void fill() {
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
  }

  void add_subject(Index s, Unit& unit, std::map<std::pair<int, Index>, Index>& first) {
    const std::vector<Index>& own = of_[s];
    const Index n = static_cast<Index>(own.size()), p = out_.p;
    SubjectRows out;
    out.subject = s;
    out.pattern = pattern_of(s);
    std::map<Index, Index> local;  // column of the unit -> column of the subject
    for (const Index i : own)
      for (std::size_t g = 0; g < first_.size(); ++g) {
        const Index q = layout_.groups[g].q, level = rows_.code[g][i];
        const auto at = first.emplace(std::make_pair(static_cast<int>(g), level), unit.q);
        if (at.second) {
          unit.levels.push_back({static_cast<int>(g), level, unit.q});
          unit.q += q;
        }
        if (!local.emplace(at.first->second, static_cast<Index>(out.columns.size())).second) continue;
        for (Index c = 0; c < q; ++c)
          out.columns.push_back(at.first->second + c);
      }
    const Index k = static_cast<Index>(out.columns.size());
    out.b = MatrixXd::Zero(n, k + p + 1);
    for (Index a = 0; a < n; ++a) {
      const Index i = own[a];
      for (std::size_t g = 0; g < first_.size(); ++g) {
        const Index at = local[first[{static_cast<int>(g), rows_.code[g][i]}]];
        out.b.block(a, at, 1, layout_.groups[g].q) = rows_.z[g].row(i);
      }
      out.b.block(a, k, 1, p + 1) = rows_.d.row(i);
    }
    unit.subjects.push_back(std::move(out));
  }

  Index pattern_of(Index s) {
    const std::vector<Index>& own = of_[s];
    const Index n = static_cast<Index>(own.size());
    Pattern pattern;
    pattern.group = rows_.group[s];
    pattern.positions.resize(n, rows_.positions.cols());
    pattern.w.resize(n, rows_.w.cols());
    for (Index a = 0; a < n; ++a) {
      pattern.positions.row(a) = rows_.positions.row(own[a]);
      pattern.w.row(a) = rows_.w.row(own[a]);
    }
    std::string key(reinterpret_cast<const char*>(&pattern.group), sizeof(Index));
    key.append(reinterpret_cast<const char*>(pattern.positions.data()), sizeof(double) * pattern.positions.size());
    key.append(reinterpret_cast<const char*>(pattern.w.data()), sizeof(double) * pattern.w.size());
    const auto found = pattern_.emplace(key, static_cast<Index>(out_.patterns.size()));
    if (found.second) out_.patterns.push_back(std::move(pattern));
    ++out_.patterns[found.first->second].count;
    return found.first->second;
  }

  const Layout& layout_;
  const StructuredRows& rows_;
  Units out_;
  std::vector<std::vector<Index>> of_;
  std::vector<Index> first_, parent_;
  std::unordered_map<std::string, Index> pattern_;
};

}  // namespace henderson

#endif
