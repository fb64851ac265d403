// Cells: rows that agree in all keys (grouping variables and fixed factors) are replaced by their number, the sum of
// their weights, their means and their centered cross-products. Cells are additive.
#ifndef HENDERSON_DATA_CELLS_HPP
#define HENDERSON_DATA_CELLS_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;

// Entry (i, j), i <= j, of a symmetric matrix that is stored as its packed upper triangle, column by column.
inline Index packed(Index i, Index j) { return j * (j + 1) / 2 + i; }

// Means and centered cross-products of one cell, updated in place: Chan, Golub and LeVeque (1983), American
// Statistician 37, 242-247. `delta` is scratch.
struct Moments2 {
  Index k;
  double* mean;
  double* square;   // packed
  void add(double total, const double* value, double weight, double* delta) const;
  void merge(double total, const double* mean2, const double* square2, double weight2) const;
};

class CellTable {
 public:
  CellTable(Index keys, Index variables)
      : keys_(keys), k_(variables), packed_(variables * (variables + 1) / 2), delta_(variables) {}

  // Number of the cell with these codes, which is made if there is none.
  Index find(const int* codes);

  void add_row(const int* codes, const double* value, double weight);

  // Rows whose columns lie elsewhere, less `shift`; without weights each counts once. Rows without weight are left out.
  void add_rows(Index rows, const std::vector<const int*>& codes, const std::vector<const double*>& values,
                const double* shift, const double* weight, Checkpoint& checkpoint);

  void add_cell(const int* codes, double n, double weight, const double* mean, const double* square);

  // Cells, one after another in each array.
  void add_cells(Index cells, const int* codes, const double* n, const double* weight, const double* mean,
                 const double* square);

  Index size() const { return static_cast<Index>(n_.size()); }
  Index keys() const { return keys_; }
  Index variables() const { return k_; }
  const std::vector<int>& codes() const { return codes_; }        // keys, cell by cell
  const std::vector<double>& n() const { return n_; }
  const std::vector<double>& weight() const { return weight_; }
  const std::vector<double>& mean() const { return mean_; }       // variables, cell by cell
  const std::vector<double>& square() const { return square_; }   // packed, cell by cell

 private:
  std::uint64_t hash(const int* codes) const;
  bool same(Index cell, const int* codes) const;
  void grow();
  Moments2 moments(Index cell) { return {k_, mean_.data() + cell * k_, square_.data() + cell * packed_}; }

  Index keys_, k_, packed_;
  std::vector<int> codes_;
  std::vector<double> n_, weight_, mean_, square_, delta_;
  std::vector<Index> slot_;   // open addressing; -1 is free
};

// A root of one cell's cross-products, U'U = S, by Cholesky's method with diagonal pivoting (the largest pivot relative
// to its own diagonal first), rank at most `most`. A pivot that is not above `least`, its own rounding, is zero. Rows
// of U are appended to `rows`.
Index cell_root(const MatrixXd& square, const Eigen::VectorXd& least, Index most, std::vector<double>& rows);

}  // namespace henderson

#endif
