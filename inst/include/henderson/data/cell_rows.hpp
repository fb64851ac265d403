// Rows that stand for cells: they have the cells' cross-products.
#ifndef HENDERSON_DATA_CELL_ROWS_HPP
#define HENDERSON_DATA_CELL_ROWS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

// Cells whose numbers lie elsewhere: a column of `mean` and of `square` (packed, see cells.hpp) for each.
struct CellSums {
  Eigen::Map<const Eigen::VectorXd> n, weight, shift;   // rows and weight of each cell, origin of each variable
  Eigen::Map<const Eigen::MatrixXd> mean, square;
  bool stable = true;                                   // sums about the mean, not about the origin
};

struct CellRows {
  Eigen::MatrixXd values;         // a column for each variable
  std::vector<int> cell;          // from 1
  std::vector<double> constant;   // 1 in the row of a cell's mean, else 0
};

// For each cell its mean and the rows of a root of its cross-products, of the variables `which` (from 0).
CellRows cell_rows(const CellSums& cells, const std::vector<Eigen::Index>& which, Checkpoint& checkpoint);

}  // namespace henderson

#endif
