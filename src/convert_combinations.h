// Designs of combinations of effects, and arrays of blocks, between R and the engine.
#ifndef HENDERSON_SRC_CONVERT_COMBINATIONS_H
#define HENDERSON_SRC_CONVERT_COMBINATIONS_H

#include <algorithm>
#include <vector>

#include "convert.h"
#include "henderson/prediction/prediction.hpp"

namespace henderson {

inline Combinations to_combinations(const Rcpp::List& design, const Layout& layout, Index p,
                                        bool random) {
  Combinations out;
  const SEXP x = design["X"];
  require(TYPEOF(x) == REALSXP && Rf_isMatrix(x) && Rf_ncols(x) == p, "X does not fit the model");
  const Index rows = Rf_nrows(x);
  new (&out.x) ConstMatrix(REAL(x), rows, p);
  out.random = random;
  if (!random) return out;
  const Rcpp::List z = design["Z"], codes = design["codes"];
  require(z.size() == static_cast<R_xlen_t>(layout.terms.size()) &&
                         codes.size() == static_cast<R_xlen_t>(layout.own_groups()), "Z does not fit the model");
  for (R_xlen_t t = 0; t < z.size(); ++t) {
    const SEXP zt = z[t];
    require(TYPEOF(zt) == REALSXP && Rf_isMatrix(zt) && Rf_nrows(zt) == rows &&
                           Rf_ncols(zt) == layout.terms[t].q, "Z does not fit the model");
    out.z.emplace_back(REAL(zt), rows, Rf_ncols(zt));
  }
  for (R_xlen_t g = 0; g < codes.size(); ++g) {
    const SEXP code = codes[g];
    require(TYPEOF(code) == INTSXP && Rf_xlength(code) == rows, "codes do not fit X");
    const int* value = INTEGER(code);
    for (Index i = 0; i < rows; ++i) {
      require(value[i] >= 0 && value[i] <= layout.groups[g].levels, "a code is not one of the levels");
    }
    out.code.push_back(value);
  }
  return out;
}

inline Rcpp::NumericVector to_array(const std::vector<Eigen::MatrixXd>& blocks, Index q) {
  Rcpp::NumericVector out(q * q * blocks.size());
  for (std::size_t l = 0; l < blocks.size(); ++l)
    std::copy(blocks[l].data(), blocks[l].data() + q * q, out.begin() + l * q * q);
  out.attr("dim") = Rcpp::Dimension(q, q, blocks.size());
  return out;
}

}  // namespace henderson

#endif
