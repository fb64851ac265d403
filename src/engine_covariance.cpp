// The boundary to R: covariance structures of random effects.
#include <vector>

#include "convert.h"
#include "henderson/covariance/registry.hpp"

using Rcpp::Named;

namespace {

// One entry for each natural parameter; rows and columns count from 1.
Rcpp::List parameter_list(const std::vector<henderson::Parameter>& parameters) {
  Rcpp::CharacterVector kind;
  Rcpp::IntegerVector row, col;
  Rcpp::NumericVector lower, upper, scale;
  for (const henderson::Parameter& p : parameters) {
    kind.push_back(henderson::kind_name(p.kind));
    row.push_back(static_cast<int>(p.row) + 1);
    col.push_back(static_cast<int>(p.col) + 1);
    lower.push_back(p.lower);
    upper.push_back(p.upper);
    scale.push_back(henderson::scale_weight(p.kind));
  }
  return Rcpp::List::create(Named("kind") = kind, Named("row") = row, Named("col") = col, Named("lower") = lower,
                            Named("upper") = upper, Named("scale") = scale);
}

// For each column the place of its standard deviation among the parameters of the search, 0 if it is none of them.
Rcpp::IntegerVector alone_list(const henderson::Covariance& structure, int q) {
  Rcpp::IntegerVector out;
  for (int j = 0; j < q; ++j) out.push_back(static_cast<int>(structure.alone(q, j).value_or(-1)) + 1);
  return out;
}

// May each parameter be held by itself?
Rcpp::LogicalVector holdable_list(const henderson::Covariance& structure, int q) {
  Rcpp::LogicalVector out;
  const auto own = structure.parameters(q);
  for (std::size_t k = 0; k < own.size(); ++k)
    out.push_back(structure.entry_of(static_cast<Eigen::Index>(k), q, 0.5).has_value());
  return out;
}

Rcpp::List derivative_list(const henderson::Covariance& structure, const henderson::VectorXd& psi, int q) {
  std::vector<henderson::MatrixXd> out;
  for (Eigen::Index k = 0; k < psi.size(); ++k) out.push_back(structure.derivative(psi, q, k));
  return henderson::matrices(out);
}

Rcpp::CharacterVector structure_names() {
  Rcpp::CharacterVector out;
  for (const auto& structure : henderson::covariance_structures()) out.push_back(structure->name());
  return out;
}

}  // namespace

// What R has to know of a covariance structure with q columns: the table of its natural parameters in the order of psi;
// `theta` is the number of parameters of the search. `term`: list(structure, positions, rank).
// [[Rcpp::export(rng = false)]]
SEXP engine_covariance(Rcpp::List term, int q) {
  return henderson::guarded([&] {
    henderson::require(q != NA_INTEGER && q >= 1, "a random term has no columns");
    const auto structure = henderson::to_covariance(term, q);
    Rcpp::List out = parameter_list(structure->parameters(q));
    out["theta"] = static_cast<int>(structure->n_parameters(q));
    out["alone"] = alone_list(*structure, q);
    out["holdable"] = holdable_list(*structure, q);
    out["closed_under"] = henderson::closure_name(structure->closed_under());
    out["linear"] = structure->linear();
    out["bounded"] = structure->bounded();
    return out;
  });
}

// At natural parameters psi: Sigma and the list of its derivatives, one matrix for each parameter.
// [[Rcpp::export(rng = false)]]
SEXP engine_covariance_at(Rcpp::List term, int q, SEXP psi) {
  return henderson::guarded([&] {
    const auto structure = henderson::to_covariance(term, q);
    const std::size_t size = structure->parameters(q).size();
    const henderson::VectorXd at = henderson::vector_of(psi);
    henderson::require(static_cast<std::size_t>(at.size()) == size, "a structure has not as many parameters");
    return Rcpp::List::create(Named("sigma") = henderson::numeric(structure->sigma_of(at, q)),
                              Named("derivatives") = derivative_list(*structure, at, q));
  });
}

// Natural parameters of a term at its part of theta.
// [[Rcpp::export(rng = false)]]
SEXP engine_covariance_natural(Rcpp::List term, int q, SEXP theta) {
  return henderson::guarded([&] {
    const auto structure = henderson::to_covariance(term, q);
    const henderson::VectorXd at = henderson::vector_of(theta);
    henderson::require(at.size() == structure->n_parameters(q), "a structure has not as many parameters");
    return Rcpp::List::create(Named("psi") = henderson::numeric(structure->psi(at, q)));
  });
}

// theta of the search for the structure nearest to a covariance matrix.
// [[Rcpp::export(rng = false)]]
SEXP engine_covariance_project(Rcpp::List term, int q, SEXP sigma) {
  return henderson::guarded([&] {
    const henderson::MatrixXd at = henderson::matrix_of(sigma);
    henderson::require(at.rows() == q && at.cols() == q, "a covariance matrix has not the size of its term");
    return Rcpp::List::create(Named("theta") = henderson::numeric(henderson::to_covariance(term, q)->project(at)));
  });
}

// Names of all structures.
// [[Rcpp::export(rng = false)]]
SEXP engine_covariances() { return structure_names(); }
