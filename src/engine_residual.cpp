// The boundary to R: residual structures by themselves, their parameters and their matrices.

#include "convert_structured.h"
#include "henderson/residual/residual_matrices.hpp"

namespace {

using henderson::Index;

const char* residual_kind_name(henderson::ResidualKind kind) {
  using K = henderson::ResidualKind;
  switch (kind) {
    case K::variance:
      return "variance";
    case K::covariance:
      return "covariance";
    case K::correlation:
      return "correlation";
    case K::range:
      return "range";
    case K::exponent:
      return "exponent";
    case K::share:
      return "share";
    case K::autoregression:
      return "autoregression";
    case K::moving_average:
      return "moving_average";
    case K::constant:
      return "constant";
    case K::power:
      return "power";
    case K::proportion:
      return "proportion";
    case K::log_ratio:
      return "log_ratio";
  }
  return "";
}

}  // namespace

namespace henderson {

Rcpp::List parameter_table(const ResidualModel& model) {
  const std::vector<ResidualParameter> all = model.parameters();
  const R_xlen_t k = static_cast<R_xlen_t>(all.size());
  Rcpp::CharacterVector kind(k);
  Rcpp::IntegerVector row(k), col(k), group(k), part(k);
  Rcpp::NumericVector lower(k), upper(k);
  const std::vector<Index> of = model.group_of();
  for (R_xlen_t i = 0; i < k; ++i) {
    kind[i] = residual_kind_name(all[i].kind);
    row[i] = static_cast<int>(all[i].row) + 1;
    col[i] = static_cast<int>(all[i].col) + 1;
    group[i] = static_cast<int>(of[static_cast<std::size_t>(i)]);
    part[i] = all[i].part;
    lower[i] = all[i].lower;
    upper[i] = all[i].upper;
  }
  return Rcpp::List::create(Rcpp::Named("kind") = kind, Rcpp::Named("row") = row, Rcpp::Named("col") = col,
                            Rcpp::Named("group") = group, Rcpp::Named("part") = part, Rcpp::Named("lower") = lower,
                            Rcpp::Named("upper") = upper);
}

}  // namespace henderson

// R(psi) of rows as if they were one subject, relative to sigma^2; `group` names the parameters of each row's subject.
// With `slopes` a list: R, then dR / dpsi_k for each k.
// [[Rcpp::export(rng = false)]]
SEXP engine_residual_matrix(const Rcpp::List& residual, const Eigen::VectorXd& psi, const Eigen::MatrixXd& positions,
                            const Eigen::MatrixXd& w, const Rcpp::IntegerVector& group, bool slopes = false) {
  return henderson::guarded([&]() -> SEXP {
    const henderson::ResidualModel model = henderson::to_residual_model(residual, w.cols());
    henderson::require(psi.size() == model.size() && group.size() == positions.rows(),
                       "psi does not fit the structure");
    const std::vector<Eigen::MatrixXd> out =
        henderson::residual_matrices(model, psi, positions, w, henderson::from_zero(group), slopes);
    if (!slopes) return Rcpp::wrap(out[0]);
    return Rcpp::wrap(out);
  });
}

// Diagonal entries of R(psi) relative to sigma^2, rows x columns of `psi`.
// [[Rcpp::export(rng = false)]]
SEXP engine_residual_variances(const Rcpp::List& residual, const Eigen::MatrixXd& psi,
                               const Eigen::MatrixXd& positions, const Eigen::MatrixXd& w,
                               const Rcpp::IntegerVector& group) {
  return henderson::guarded([&] {
    const henderson::ResidualModel model = henderson::to_residual_model(residual, w.cols());
    henderson::require(psi.rows() == model.size() && group.size() == positions.rows() && w.rows() == positions.rows(),
                       "psi does not fit the structure");
    henderson::RMonitor monitor(false);
    return henderson::numeric(
        henderson::residual_variances(model, psi, positions, w, henderson::from_zero(group), monitor));
  });
}

// The parameters of a structure beside a variance function with `linear` columns in its linear predictor.
// [[Rcpp::export(rng = false)]]
SEXP engine_residual_parameters(const Rcpp::List& residual, int linear) {
  return henderson::guarded([&] {
    const Rcpp::CharacterVector terms = residual["variance_terms"];
    return henderson::parameter_table(henderson::to_residual_model(residual, linear + terms.size()));
  });
}
