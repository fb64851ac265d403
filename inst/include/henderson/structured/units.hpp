// The rows of a model with a residual structure, in units that are independent of each other.
//
// A unit is a set of subjects and levels of the grouping factors that are connected by rows: with one grouping factor
// whose levels hold whole subjects, a level; without random effects, a subject; with crossed factors, and with a known
// relationship between levels, everything.
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
#include "henderson/residual/kronecker_operator.hpp"

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

// Rows of each subject, in their order.
std::vector<std::vector<Index>> rows_of_subjects(const StructuredRows& rows);

struct Pattern {
  Index group = 0, count = 0;
  MatrixXd positions, w;
  std::shared_ptr<const Grid> grid;  // where R is a Kronecker product
};

struct SubjectRows {
  Index pattern = 0, subject = 0;
  // Rows (of the grid, where there is one) x (columns + p + 1): the columns of Z that are not zero by design, X, y.
  MatrixXd b;
  std::vector<Index> columns;  // where these columns of Z stand in the unit
};

struct UnitLevel {
  int group = 0;
  Index level = 0, first = 0;  // its columns in the unit
};

// A factor with a known relationship: all its levels are in one unit, with rows or without.
struct UnitRelation {
  Index q = 1;
  std::vector<Index> first;  // of each level
  std::shared_ptr<const LevelPrecision> precision;
};

class SparseUnit;

struct Unit {
  std::vector<SubjectRows> subjects;
  std::vector<UnitRelation> related;
  std::vector<UnitLevel> levels;
  Index q = 0;
  std::shared_ptr<const SparseUnit> sparse;  // its equations where they are sparse
  double multiplicity = 1;  // how many units have this Z and these positions; 0 for the further ones of a class
};

struct Units {
  Index p = 0, n = 0;
  std::vector<Pattern> patterns;
  std::vector<Unit> units;
};

class UnitBuilder {
 public:
  // `axes`: how many columns of the positions each factor of a separable structure takes; else empty.
  UnitBuilder(const Layout& layout, const StructuredRows& rows, std::vector<Index> axes = {})
      : layout_(layout), rows_(rows), axes_(std::move(axes)) {}

  Units run();

  // The patterns of the subjects alone.
  Units patterns();

 private:
  void collect_subjects();

  Index find(Index x);

  // Subjects, then the levels of every group, joined by rows.
  void connect();

  void fill();

  // The levels of a related factor in the unit that its rows are in.
  void add_relation(int group, Unit& unit, std::map<std::pair<int, Index>, Index>& first) const;

  void add_subject(Index s, Unit& unit, std::map<std::pair<int, Index>, Index>& first);

  Index pattern_of(Index s);

  // The grid of a subject's positions, or empty where it is small, or more than half of its rows are missing. `place`:
  // the row of the grid of each of the subject's rows.
  std::shared_ptr<const Grid> grid_of(const std::vector<Index>& own, std::vector<Index>& place) const;

  const Layout& layout_;
  const StructuredRows& rows_;
  std::vector<Index> axes_;
  Units out_;
  std::vector<std::vector<Index>> of_;
  std::vector<Index> first_, parent_;
  std::unordered_map<std::string, Index> pattern_;
  std::string key_;
};

}  // namespace henderson

#endif
