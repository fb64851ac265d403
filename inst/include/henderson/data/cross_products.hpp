// What the data said: the cross-products of [Z X y], with the leading grouping factor in root form.
//
// For each level of the leading factor, Z_l' [Z_l W_l] is kept as the R and the upper rows T of the QR decomposition
// of [Z_l W_l], W = [rest of Z, X, y]; what is left of W after Z_l is taken out is kept as cross-products. The root
// form costs the same and keeps all digits when the variance between levels dwarfs the one within.
#ifndef HENDERSON_DATA_CROSS_PRODUCTS_HPP
#define HENDERSON_DATA_CROSS_PRODUCTS_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/data/layout.hpp"
#include "henderson/data/projection.hpp"

namespace henderson {

// Sums of small dense blocks over pairs of levels, sorted by (row, column).
struct PairBlocks {
  Index rows = 0, cols = 0;              // of one block
  std::vector<int> row, col;             // levels, from 0
  std::vector<double> value;             // rows x cols each, column-major
};

// The rows themselves, in the coordinates of the sums, for small models with crossed factors: sums keep only half of
// the digits where weights or ratios of variances span many decades.
struct KeptRows {
  MatrixXd z;              // columns of the groups, one group after another
  Eigen::MatrixXi level;   // one column for each group, from 0
  MatrixXd x, y;
};

struct CrossProducts {
  Index n = 0;               // rows with positive weight
  double log_weight = 0;     // sum of log weights
  Projection x;
  std::vector<MatrixXd> z_basis;  // per term: coefficients of Z = basis * coefficients of the orthogonal columns

  // Leading factor: per level, q x q upper R (column-major, levels one after another) and q rows of T for X and y.
  std::vector<double> r;
  MatrixXd t_x, t_y;
  // Within leading levels, in root form too: R of X, Q'y and the square of what is left of each response.
  MatrixXd w_xx, w_xy;
  VectorXd w_yy;
  // Other factors: plain sums over rows.
  std::vector<PairBlocks> lead_rest;            // per rest group: Z_lead' Z_rest
  std::vector<std::vector<PairBlocks>> rest;    // [g][h], h >= g (positions in Layout::rest); [g][g] has every level
  MatrixXd rest_x, rest_y;                      // Z_rest' X, Z_rest' y
  KeptRows rows;                                // or none

  Index p() const { return static_cast<Index>(x.kept.size()); }
  Index responses() const { return w_yy.size(); }
};

}  // namespace henderson

#endif
