// The boundary to R: cross-products of columns that lie in R's memory.
#include <algorithm>
#include <thread>

#include "convert.h"
#include "henderson/data/accumulate.hpp"
#include "henderson/data/column_source.hpp"

namespace {

using henderson::Index;
using henderson::require;

henderson::Piece to_piece(const Rcpp::List& x, Index rows) {
  henderson::Piece out;
  if (x.containsElementNamed("codes")) {
    const SEXP codes = x["codes"];
    out.coding = henderson::matrix_of(x["coding"]);
    require(TYPEOF(codes) == INTSXP && Rf_xlength(codes) == rows, "codes of a factor do not fit y");
    out.code = INTEGER(codes);
    henderson::require_codes(out.code, rows, out.coding.rows());
    return out;
  }
  const SEXP values = x["values"];
  require((TYPEOF(values) == REALSXP || TYPEOF(values) == INTSXP) && Rf_xlength(values) >= rows &&
          Rf_xlength(values) % rows == 0, "a variable does not fit y");
  out.columns = Rf_xlength(values) / rows;
  if (TYPEOF(values) == REALSXP) out.real = REAL(values);
  else out.whole = INTEGER(values);
  return out;
}

henderson::ColumnPlan to_plan(const Rcpp::List& x, Index rows) {
  henderson::ColumnPlan out;
  out.intercept = Rcpp::as<bool>(x["intercept"]);
  const Rcpp::List pieces = x["pieces"], blocks = x["blocks"];
  for (R_xlen_t k = 0; k < pieces.size(); ++k) out.pieces.push_back(to_piece(pieces[k], rows));
  for (R_xlen_t k = 0; k < blocks.size(); ++k) {
    std::vector<int> block;
    for (const int piece : Rcpp::IntegerVector(blocks[k])) {
      require(piece >= 1 && piece <= static_cast<int>(pieces.size()), "a block names a piece that is not there");
      block.push_back(piece - 1);
    }
    require(!block.empty(), "a block has no pieces");
    out.blocks.push_back(block);
  }
  return out;
}

const double* to_numbers(SEXP x, Index rows, const char* message) {
  if (x == R_NilValue) return nullptr;
  require(TYPEOF(x) == REALSXP && Rf_xlength(x) == rows, message);
  return REAL(x);
}

// The vectors stay R's, which `x` keeps alive.
henderson::DesignColumns to_columns(const Rcpp::List& x, const henderson::Layout& layout) {
  henderson::DesignColumns out;
  const SEXP y = x["y"];
  require(TYPEOF(y) == REALSXP && Rf_xlength(y) > 0, "y is not numeric");
  out.rows = Rf_isMatrix(y) ? Rf_nrows(y) : Rf_xlength(y);
  out.responses = Rf_isMatrix(y) ? Rf_ncols(y) : 1;
  out.y = REAL(y);
  out.offset = to_numbers(x["offset"], out.rows, "the offset does not fit y");
  out.weight = to_numbers(x["weights"], out.rows, "weights do not fit y");
  out.x = to_plan(x["X"], out.rows);
  const Rcpp::List z = x["Z"], codes = x["codes"];
  require(z.size() == static_cast<R_xlen_t>(layout.terms.size()), "Z does not have one plan for each term");
  for (R_xlen_t t = 0; t < z.size(); ++t) {
    out.z.push_back(to_plan(z[t], out.rows));
    require(out.z.back().columns() == layout.terms[t].q, "Z does not fit the layout");
  }
  require(codes.size() == static_cast<R_xlen_t>(layout.own_groups()), "there is not one code for each factor");
  for (R_xlen_t g = 0; g < codes.size(); ++g) {
    const SEXP code = codes[g];
    require(TYPEOF(code) == INTSXP && Rf_xlength(code) == out.rows, "codes do not fit y");
    henderson::require_codes(INTEGER(code), out.rows, layout.groups[g].levels);
    out.code.push_back(INTEGER(code));
  }
  return out;
}

}  // namespace

// Cores that this process may use, as far as the system tells.
// [[Rcpp::export(rng = false)]]
int engine_cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

// [[Rcpp::export(rng = false)]]
SEXP engine_column_products(const Rcpp::List& layout, const Rcpp::List& constants, const Rcpp::List& columns,
                            double chunk_rows, int threads) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    require(chunk_rows >= 1, "chunks have no rows");
    const henderson::DesignColumns from = to_columns(columns, to);
    const henderson::Constants units = henderson::to_constants(constants, to);
    henderson::check_constants(units, to, from.x.columns());
    const double rows = std::min(chunk_rows, static_cast<double>(from.rows));
    henderson::ColumnSource source(from, static_cast<Index>(rows));
    return henderson::to_list(henderson::Accumulator(to, units, monitor, threads).run(source));
  });
}
