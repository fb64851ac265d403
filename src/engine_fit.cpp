// The boundary to R: fits, refits and profiles.
#include <algorithm>

#include "convert_solution.h"
#include "henderson/constraints/held_profile.hpp"
#include "henderson/fit/fit.hpp"
#include "henderson/responses/refit.hpp"

using henderson::matrices;
using henderson::numeric;
using Rcpp::Named;

namespace {

using henderson::Index;

henderson::FitOptions to_options(const Rcpp::List& x, const henderson::Layout& layout) {
  henderson::FitOptions out;
  out.reml = Rcpp::as<bool>(x["reml"]);
  out.search.max_evaluations = Rcpp::as<int>(x["max_evaluations"]);
  out.search.decrement = Rcpp::as<double>(x["decrement"]);
  out.restarts = henderson::to_restarts(x);
  out.no_constant = Rcpp::as<bool>(x["no_constant"]);
  out.memory_limit = Rcpp::as<double>(x["memory_limit"]);
  const SEXP start = x["start"];
  if (!Rf_isNull(start)) {
    henderson::require(Rf_isNumeric(start) && Rf_xlength(start) == layout.n_theta, "`start` has the wrong length");
    out.start = henderson::vector_of(start);
  }
  out.held = henderson::to_held(x["held"], layout);
  const auto residual =
      std::find_if(out.held.begin(), out.held.end(), [](const auto& h) { return h.term == henderson::kResidual; });
  if (residual != out.held.end()) {
    henderson::require(residual->value > 0, "the residual standard deviation is held above 0");
    out.sigma = residual->value;
    out.held.erase(residual);
  }
  return out;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_fit(const Rcpp::List& layout, const Rcpp::List& cross_products, int response, const Rcpp::List& options,
                bool progress) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(progress);
    const henderson::CrossProducts data = henderson::to_cross_products(cross_products, to);
    henderson::require(response >= 1 && response <= data.responses(), "there is no such response");
    const henderson::Fit fitted = henderson::fit(to, data, response - 1, to_options(options, to), monitor);
    return Rcpp::List::create(
        Named("optimum") = to_list(fitted.outcome), Named("solution") = henderson::to_list(fitted.solution));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_refits(const Rcpp::List& layout, const Rcpp::List& cross_products, const Rcpp::List& options) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    const henderson::CrossProducts data = henderson::to_cross_products(cross_products, to);
    const henderson::Refits fits = henderson::refit(to, data, to_options(options, to), monitor);
    return Rcpp::List::create(
        Named("theta") = numeric(fits.theta), Named("beta") = numeric(fits.beta),
        Named("covariance") = numeric(fits.covariance), Named("sigma") = numeric(fits.sigma),
        Named("criterion") = numeric(fits.value), Named("evaluations") = fits.evaluations,
        Named("converged") = fits.converged, Named("singular") = fits.singular);
  });
}

// -2 log likelihood minimized with variance parameters held; the last of them at each of `values`, following the
// profile from (theta, sigma).
// [[Rcpp::export(rng = false)]]
SEXP engine_profile(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                    double sigma, bool reml, double memory_limit, const Rcpp::List& held,
                    const Eigen::VectorXd& values) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    const henderson::CrossProducts data = henderson::to_cross_products(cross_products, to);
    henderson::require(theta.size() == to.n_theta, "theta has the wrong length");
    const std::vector<henderson::Held> at = henderson::to_held(held, to);
    henderson::require(!at.empty(), "no parameter is held");
    henderson::require(at.back().row != at.back().col || (values.array() > 0).all(),
                       "a standard deviation is held above 0");
    henderson::Problem problem = henderson::make_problem(to, data, memory_limit, monitor);
    const auto classes = henderson::levels_by_root(to, data);
    const bool mix = henderson::fewer_pseudo_levels(problem, data, classes);
    henderson::set_response(problem, data, 0, mix ? &classes : nullptr);
    const henderson::ConstrainedSearch search(problem, data, reml, monitor);
    const henderson::HeldProfile out = henderson::follow_profile(search, at, values, theta, sigma, monitor);
    return Rcpp::List::create(
        Named("value") = numeric(out.value), Named("theta") = numeric(out.theta), Named("sigma") = numeric(out.sigma),
        Named("converged") = out.converged, Named("evaluations") = out.evaluations);
  });
}

// Which blocks the factorization has, and of which kind.
// [[Rcpp::export(rng = false)]]
SEXP engine_blocks(const Rcpp::List& layout, const Rcpp::List& cross_products, double memory_limit) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    const henderson::CrossProducts data = henderson::to_cross_products(cross_products, to);
    const henderson::SchurComplement rest(to, data, memory_limit, monitor);
    Rcpp::IntegerVector order = Rcpp::wrap(to.rest);
    order.push_front(to.lead);
    return Rcpp::List::create(
        Named("order") = order + 1, Named("roots") = henderson::levels_by_root(to, data).size(),
        Named("rest_columns") = static_cast<double>(rest.columns()), Named("rest_dense") = rest.dense(),
        Named("rest_entries") = static_cast<double>(rest.factor_entries()),
        Named("meetings") = static_cast<double>(rest.entries()));
  });
}
