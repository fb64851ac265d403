// The boundary to R: residual structures by themselves, their parameters and their matrices.

#include "convert_structured.h"

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
    default:
      return "log_ratio";
  }
}

Eigen::MatrixXd picked(const Eigen::MatrixXd& x, const std::vector<Index>& rows) {
  Eigen::MatrixXd out(rows.size(), x.cols());
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.row(static_cast<Index>(i)) = x.row(rows[i]);
  return out;
}

void place(const Eigen::MatrixXd& x, const std::vector<Index>& at, Eigen::MatrixXd& out) {
  for (std::size_t i = 0; i < at.size(); ++i)
    for (std::size_t j = 0; j < at.size(); ++j)
      out(at[i], at[j]) = x(static_cast<Index>(i), static_cast<Index>(j));
}

}  // namespace

namespace henderson {

Rcpp::List parameter_table(const ResidualModel& model) {
  const std::vector<ResidualParameter> all = model.parameters();
  const R_xlen_t k = static_cast<R_xlen_t>(all.size());
  Rcpp::CharacterVector kind(k);
  Rcpp::IntegerVector row(k), col(k), group(k);
  Rcpp::NumericVector lower(k), upper(k);
  const std::vector<Index> of = model.group_of();
  for (R_xlen_t i = 0; i < k; ++i) {
    kind[i] = residual_kind_name(all[i].kind);
    row[i] = static_cast<int>(all[i].row) + 1;
    col[i] = static_cast<int>(all[i].col) + 1;
    group[i] = static_cast<int>(of[static_cast<std::size_t>(i)]);
    lower[i] = all[i].lower;
    upper[i] = all[i].upper;
  }
  return Rcpp::List::create(Rcpp::Named("kind") = kind, Rcpp::Named("row") = row, Rcpp::Named("col") = col,
                            Rcpp::Named("group") = group, Rcpp::Named("lower") = lower, Rcpp::Named("upper") = upper);
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
    const Index n = positions.rows();
    std::vector<Eigen::MatrixXd> out(slopes ? psi.size() + 1 : 1, Eigen::MatrixXd::Zero(n, n));
    for (Index g = 0; g < model.groups(); ++g) {
      std::vector<Index> own;
      for (R_xlen_t i = 0; i < group.size(); ++i)
        if (group[i] == g + 1) own.push_back(i);
      if (own.empty()) continue;
      henderson::SubjectMatrices s;
      model.fill(psi, g, picked(positions, own), picked(w, own), slopes, s);
      place(s.m.r, own, out[0]);
      for (std::size_t k = 0; slopes && k < s.active.size(); ++k)
        place(s.m.d[k], own, out[s.active[k] + 1]);
    }
    if (!slopes) return Rcpp::wrap(out[0]);
    return Rcpp::wrap(out);
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
