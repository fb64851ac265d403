#include "convert.h"

#include <limits>

#include "henderson/data/cells.hpp"

namespace {

using henderson::CellTable;
using Eigen::Index;

// Vectors of R without a copy, all of one length.
template <int Type, class Value>
std::vector<const Value*> columns_of(const Rcpp::List& x, R_xlen_t rows, const Value* (*data)(SEXP)) {
  std::vector<const Value*> out;
  for (R_xlen_t j = 0; j < x.size(); ++j) {
    const SEXP column = x[j];
    henderson::require(TYPEOF(column) == Type && Rf_xlength(column) == rows,
                       "the columns of the cells do not fit together");
    out.push_back(data(column));
  }
  return out;
}

const int* integers(SEXP x) { return INTEGER(x); }
const double* doubles(SEXP x) { return REAL(x); }

CellTable& table_of(SEXP pointer) {
  Rcpp::XPtr<CellTable> table(pointer);
  henderson::require(table.get() != nullptr, "the table of cells is gone");
  return *table;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_new_cells(int keys, int variables) {
  return Rcpp::XPtr<CellTable>(new CellTable(keys, variables), true);
}

// Rows, column by column; `shift` is taken from the values.
// [[Rcpp::export(rng = false)]]
SEXP engine_add_rows(SEXP table, double rows, const Rcpp::List& codes, const Rcpp::List& values,
                     const Rcpp::NumericVector& shift, SEXP weights) {
  return henderson::guarded([&]() -> SEXP {
    CellTable& to = table_of(table);
    const R_xlen_t n = static_cast<R_xlen_t>(rows);
    const auto code = columns_of<INTSXP, int>(codes, n, integers);
    const auto value = columns_of<REALSXP, double>(values, n, doubles);
    henderson::require(to.keys() == codes.size() && to.variables() == values.size() && shift.size() == values.size(),
                       "the columns do not fit the table of cells");
    henderson::require(Rf_isNull(weights) || (TYPEOF(weights) == REALSXP && Rf_xlength(weights) == n),
                       "weights do not fit the rows");
    const double* w = Rf_isNull(weights) ? nullptr : REAL(weights);
    henderson::RMonitor monitor(false);
    std::vector<int> key(code.size());
    std::vector<double> row(value.size());
    for (R_xlen_t i = 0; i < n; ++i) {
      if (i % 65536 == 0) monitor.check();
      if (w != nullptr && !(w[i] > 0)) continue;
      for (std::size_t j = 0; j < key.size(); ++j) key[j] = code[j][i];
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = value[j][i] - shift[j];
      to.add_row(key.data(), row.data(), w == nullptr ? 1.0 : w[i]);
    }
    return Rf_ScalarReal(static_cast<double>(to.size()));
  });
}

// Cells, a column for each of `codes`, `mean` and `square`.
// [[Rcpp::export(rng = false)]]
SEXP engine_add_cells(SEXP table, const Rcpp::IntegerMatrix& codes, const Rcpp::NumericVector& n,
                      const Rcpp::NumericVector& weight, const Rcpp::NumericMatrix& mean,
                      const Rcpp::NumericMatrix& square) {
  return henderson::guarded([&]() -> SEXP {
    CellTable& to = table_of(table);
    const Index cells = n.size(), k = to.variables();
    henderson::require(codes.nrow() == to.keys() && codes.ncol() == cells && weight.size() == cells &&
                           mean.nrow() == k && mean.ncol() == cells && square.nrow() == k * (k + 1) / 2 &&
                           square.ncol() == cells,
                       "the cells do not fit the table");
    for (Index c = 0; c < cells; ++c) {
      to.add_cell(codes.begin() + c * to.keys(), n[c], weight[c], mean.begin() + c * k,
                  square.begin() + c * square.nrow());
    }
    return Rf_ScalarReal(static_cast<double>(to.size()));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_cells(SEXP table) {
  return henderson::guarded([&]() -> SEXP {
    const CellTable& from = table_of(table);
    const int k = static_cast<int>(from.variables()), cells = static_cast<int>(from.size());
    Rcpp::IntegerMatrix codes(static_cast<int>(from.keys()), cells);
    Rcpp::NumericMatrix mean(k, cells), square(k * (k + 1) / 2, cells);
    std::copy(from.codes().begin(), from.codes().end(), codes.begin());
    std::copy(from.mean().begin(), from.mean().end(), mean.begin());
    std::copy(from.square().begin(), from.square().end(), square.begin());
    return Rcpp::List::create(Rcpp::Named("codes") = codes, Rcpp::Named("n") = from.n(),
                              Rcpp::Named("w") = from.weight(), Rcpp::Named("mean") = mean,
                              Rcpp::Named("square") = square);
  });
}

namespace {

struct RootRows {
  std::vector<double> values;   // row by row
  std::vector<int> cell;
  std::vector<double> constant;
};

// What rounding may have left of a variable's square in a cell: of a sum about the mean, or of a shifted sum.
Eigen::VectorXd rounding(const Eigen::MatrixXd& square, const Eigen::VectorXd& shifted, const Eigen::VectorXd& mean,
                         double w, bool stable) {
  const double eps = 16 * std::numeric_limits<double>::epsilon();
  const Eigen::ArrayXd own = square.diagonal().array().max(0.0);
  if (stable) return eps * (own + eps * w * mean.array().square());
  return eps * (own + w * shifted.array().square());
}

}  // namespace

// Rows that stand for the cells: for each its mean and the rows of a root of its cross-products, both of the variables
// `which`, divided by the root of the weight where they are means.
// [[Rcpp::export(rng = false)]]
SEXP engine_cell_rows(const Rcpp::NumericVector& n, const Rcpp::NumericVector& weight, const Rcpp::NumericMatrix& mean,
                      const Rcpp::NumericMatrix& square, const Rcpp::NumericVector& shift,
                      const Rcpp::IntegerVector& which, bool stable) {
  return henderson::guarded([&]() -> SEXP {
    const Index k = which.size(), cells = n.size();
    henderson::require(
        weight.size() == cells && mean.ncol() == cells && square.ncol() == cells && shift.size() == mean.nrow(),
        "the cells do not fit together");
    RootRows out;
    henderson::RMonitor monitor(false);
    Eigen::MatrixXd own(k, k);
    Eigen::VectorXd shifted(k), whole(k);
    for (Index c = 0; c < cells; ++c) {
      if (c % 4096 == 0) monitor.check();
      for (Index j = 0; j < k; ++j) {
        shifted[j] = mean(which[j] - 1, c);
        whole[j] = shifted[j] + shift[which[j] - 1];
        for (Index i = 0; i <= j; ++i) {
          const Index a = std::min(which[i], which[j]) - 1, b = std::max(which[i], which[j]) - 1;
          own(i, j) = own(j, i) = square(henderson::packed(a, b), c);
        }
      }
      out.values.insert(out.values.end(), whole.data(), whole.data() + k);
      const Index most = n[c] < 1e9 ? static_cast<Index>(n[c]) - 1 : k;
      const Index rank =
          henderson::cell_root(own, rounding(own, shifted, whole, weight[c], stable), std::min(most, k), out.values);
      out.cell.insert(out.cell.end(), rank + 1, static_cast<int>(c) + 1);
      out.constant.push_back(1);
      out.constant.insert(out.constant.end(), rank, 0.0);
    }
    const int rows = static_cast<int>(out.cell.size());
    Rcpp::NumericMatrix values(rows, static_cast<int>(k));
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < k; ++j) values(i, j) = out.values[i * k + j];
    return Rcpp::List::create(Rcpp::Named("values") = values, Rcpp::Named("cell") = out.cell,
                              Rcpp::Named("constant") = out.constant);
  });
}
