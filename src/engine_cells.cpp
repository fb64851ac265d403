// The boundary to R: tables of cells.
#include "convert.h"

#include "henderson/data/cell_rows.hpp"
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
    to.add_rows(n, code, value, shift.begin(), w, monitor);
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
    to.add_cells(cells, codes.begin(), n.begin(), weight.begin(), mean.begin(), square.begin());
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

using ConstVector = Eigen::Map<const Eigen::VectorXd>;
using ConstMatrix = Eigen::Map<const Eigen::MatrixXd>;

ConstVector map_of(const Rcpp::NumericVector& x) { return {x.begin(), x.size()}; }
ConstMatrix map_of(const Rcpp::NumericMatrix& x) { return {x.begin(), x.nrow(), x.ncol()}; }

}  // namespace

// Rows that stand for the cells: for each its mean and the rows of a root of its cross-products, both of the variables
// `which`, divided by the root of the weight where they are means.
// [[Rcpp::export(rng = false)]]
SEXP engine_cell_rows(const Rcpp::NumericVector& n, const Rcpp::NumericVector& weight, const Rcpp::NumericMatrix& mean,
                      const Rcpp::NumericMatrix& square, const Rcpp::NumericVector& shift,
                      const Rcpp::IntegerVector& which, bool stable) {
  return henderson::guarded([&]() -> SEXP {
    const Index cells = n.size(), k = mean.nrow();
    henderson::require(weight.size() == cells && mean.ncol() == cells && square.ncol() == cells && shift.size() == k &&
                           square.nrow() == k * (k + 1) / 2,
                       "the cells do not fit together");
    henderson::RMonitor monitor(false);
    const henderson::CellSums sums{map_of(n), map_of(weight), map_of(shift), map_of(mean), map_of(square), stable};
    const std::vector<Index> variables = henderson::from_zero(which, k, "the cells do not fit together");
    const henderson::CellRows out = henderson::cell_rows(sums, variables, monitor);
    return Rcpp::List::create(Rcpp::Named("values") = henderson::numeric(out.values), Rcpp::Named("cell") = out.cell,
                              Rcpp::Named("constant") = out.constant);
  });
}
