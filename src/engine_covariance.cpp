#include <vector>

#include "convert.h"
#include "henderson/covariance/registry.hpp"

using Rcpp::Named;

// What R has to know of a covariance structure with q columns: one entry for each natural parameter, in the order of
// psi. Rows and columns count from 1; `theta` is the number of parameters of the search, `alone` tells for each column
// whether its standard deviation is a parameter of the search by itself (0, or the place of it). `term`:
// list(structure, positions, rank).
// [[Rcpp::export(rng = false)]]
SEXP engine_covariance(Rcpp::List term, int q) {
  return henderson::guarded([&] {
    henderson::require(q != NA_INTEGER && q >= 1, "a random term has no columns");
    const auto structure = henderson::to_covariance(term, q);
    const std::vector<henderson::Parameter> own = structure->parameters(q);
    Rcpp::CharacterVector kind;
    Rcpp::IntegerVector row, col, alone;
    Rcpp::NumericVector lower, upper, scale;
    for (const henderson::Parameter& p : own) {
      kind.push_back(henderson::kind_name(p.kind));
      row.push_back(static_cast<int>(p.row) + 1);
      col.push_back(static_cast<int>(p.col) + 1);
      lower.push_back(p.lower);
      upper.push_back(p.upper);
      scale.push_back(henderson::scale_weight(p.kind));
    }
    for (int j = 0; j < q; ++j) alone.push_back(static_cast<int>(structure->alone(q, j).value_or(-1)) + 1);
    return Rcpp::List::create(Named("kind") = kind, Named("row") = row, Named("col") = col, Named("lower") = lower,
                              Named("upper") = upper, Named("scale") = scale,
                              Named("theta") = static_cast<int>(structure->n_parameters(q)), Named("alone") = alone,
                              Named("closed_under") = henderson::closure_name(structure->closed_under()),
                              Named("linear") = structure->linear(), Named("bounded") = structure->bounded());
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
    std::vector<henderson::MatrixXd> derivatives;
    for (std::size_t k = 0; k < size; ++k)
      derivatives.push_back(structure->derivative(at, q, static_cast<Eigen::Index>(k)));
    return Rcpp::List::create(Named("sigma") = henderson::numeric(structure->sigma_of(at, q)),
                              Named("derivatives") = henderson::matrices(derivatives));
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
SEXP engine_covariances() {
  Rcpp::CharacterVector out;
  for (const auto& structure : henderson::covariance_structures()) out.push_back(structure->name());
  return out;
}
