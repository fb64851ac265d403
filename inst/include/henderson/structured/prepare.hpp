// From rows as the user has them to rows in the coordinates of the computation.
#ifndef HENDERSON_STRUCTURED_PREPARE_HPP
#define HENDERSON_STRUCTURED_PREPARE_HPP

#include <utility>

#include "henderson/data/coordinates.hpp"
#include "henderson/structured/point.hpp"

namespace henderson {

// What belongs to the rows beside the design.
struct ResidualRows {
  std::vector<Index> subject;  // of each row, from 0
  std::vector<Index> group;    // of each subject, from 0
  MatrixXd positions, w;       // n x dimensions, n x variance terms
};

struct Prepared {
  Coordinates coordinates;
  StructuredRows rows;
  std::vector<Index> used;  // rows with positive weight
};

// Random columns of a group's block in orthogonal coordinates.
MatrixXd orthogonal_columns(const Layout& layout, const Coordinates& c, const DesignChunk& chunk, int group);

MatrixXd orthogonal_fixed(const Coordinates& c, const DesignChunk& chunk);

// `chunk`: all rows of the source.
Prepared prepare(const Layout& layout, Constants constants, DesignSource& source, const DesignChunk& chunk,
                 const ResidualRows& residual, Checkpoint& checkpoint);

// How many columns of the positions each factor of a separable structure takes; empty for others.
std::vector<Index> axis_columns(const ResidualModel& residual, const StructuredRows& rows);

StructuredProblem structured_problem(const Layout& layout, const Prepared& prepared, ResidualModel residual, bool reml,
                                     Checkpoint& checkpoint);

// Predicted random effects: Lambda Lambda' Z'V^{-1}(y - X beta) for every level of every group.
std::vector<MatrixXd> structured_modes(const StructuredCriterion& criterion, const StructuredPoint& at);

}  // namespace henderson

#endif
