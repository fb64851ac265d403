// The boundary to R: pedigrees and precisions of levels.
#include <algorithm>
#include <utility>

#include "convert.h"

namespace henderson {

Eigen::MatrixXi to_parents(SEXP x) {
  const Rcpp::IntegerMatrix parents(x);
  require(parents.ncol() == 2, "parents are two for each animal");
  Eigen::MatrixXi out(parents.nrow(), 2);
  for (int i = 0; i < parents.nrow(); ++i)
    for (int side = 0; side < 2; ++side) {
      const int own = parents(i, side);
      require(own == NA_INTEGER || (own >= 1 && own <= i), "an animal does not come after its parents");
      out(i, side) = own == NA_INTEGER ? -1 : own - 1;
    }
  return out;
}

std::shared_ptr<const LevelPrecision> to_precision(const Rcpp::List& x, Index levels) {
  RMonitor monitor(false);
  std::shared_ptr<const LevelPrecision> out;
  if (x.containsElementNamed("parents")) {
    const Eigen::MatrixXi parent = to_parents(x["parents"]);
    const VectorXd sampling = vector_of(x["sampling"]);
    require(sampling.size() == parent.rows() && (sampling.array() > 0).all() && sampling.allFinite(),
            "variances of Mendelian sampling are not positive");
    out = std::make_shared<LevelPrecision>(parent, sampling);
  } else {
    const Rcpp::IntegerVector start = x["start"], row = x["row"];
    SparsePattern lower;
    lower.start.assign(start.begin(), start.end());
    lower.row.assign(row.begin(), row.end());
    std::vector<double> value = Rcpp::as<std::vector<double>>(x["value"]);
    require(start.size() > 1 && lower.start[0] == 0 && lower.start.back() == row.size() &&
                value.size() == lower.row.size(),
            "a precision does not fit together");
    for (Index j = 0; j < lower.size(); ++j) {
      require(lower.start[j] < lower.start[j + 1] && lower.row[lower.start[j]] == j, "a precision lacks its diagonal");
      for (std::int64_t s = lower.start[j] + 1; s < lower.start[j + 1]; ++s)
        require(lower.row[s] > lower.row[s - 1] && lower.row[s] < lower.size(), "a precision is not sorted");
    }
    out = std::make_shared<LevelPrecision>(std::move(lower), std::move(value), monitor);
  }
  require(out->levels() == levels, "a relationship does not fit the levels of its factor");
  return out;
}

}  // namespace henderson

// Coefficients of inbreeding and variances of Mendelian sampling of animals that come after their parents.
// [[Rcpp::export(rng = false)]]
SEXP engine_inbreeding(Rcpp::IntegerMatrix parents) {
  return henderson::guarded([&] {
    henderson::RMonitor monitor(false);
    const Eigen::MatrixXi parent = henderson::to_parents(parents);
    const Eigen::VectorXd f = henderson::inbreeding(parent, monitor);
    return Rcpp::List::create(Rcpp::Named("inbreeding") = henderson::numeric(f),
                              Rcpp::Named("sampling") = henderson::numeric(henderson::mendelian_sampling(parent, f)));
  });
}

// Effects with the covariance matrix of related levels, from independent ones: a row for each level.
// [[Rcpp::export(rng = false)]]
SEXP engine_related(const Rcpp::List& precision, const Eigen::MatrixXd& z) {
  return henderson::guarded([&] {
    const auto own = henderson::to_precision(precision, z.rows());
    return henderson::numeric(own->root_times(z));
  });
}

// The lower triangle of the precision of related levels.
// [[Rcpp::export(rng = false)]]
SEXP engine_precision(const Rcpp::List& precision, int levels) {
  return henderson::guarded([&] {
    const auto own = henderson::to_precision(precision, levels);
    return Rcpp::List::create(
        Rcpp::Named("start") = Rcpp::NumericVector(own->lower().start.begin(), own->lower().start.end()),
        Rcpp::Named("row") = Rcpp::NumericVector(own->lower().row.begin(), own->lower().row.end()),
        Rcpp::Named("value") = own->value());
  });
}

// Variances of levels with a known precision.
// [[Rcpp::export(rng = false)]]
SEXP engine_level_variances(const Rcpp::List& precision, int levels) {
  return henderson::guarded([&] {
    henderson::RMonitor monitor(false);
    return henderson::numeric(henderson::to_precision(precision, levels)->variances(monitor));
  });
}
