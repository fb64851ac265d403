// Crossed factors of any size: fits and questions about them without a factorization.
#include <cstdint>

#include "convert_combinations.h"
#include "convert_solution.h"
#include "henderson/iterative/answers.hpp"
#include "henderson/iterative/choice.hpp"
#include "henderson/iterative/search.hpp"

using henderson::matrices;
using henderson::numeric;
using Rcpp::Named;

namespace {

using henderson::Index;

henderson::iterative::SearchOptions to_search_options(const Rcpp::List& x, const henderson::Layout& layout,
                                                      bool progress) {
  henderson::iterative::SearchOptions out;
  out.reml = Rcpp::as<bool>(x["reml"]);
  out.max_evaluations = Rcpp::as<int>(x["max_evaluations"]);
  out.decrement = std::max(out.decrement, Rcpp::as<double>(x["decrement"]));
  out.probes = Rcpp::as<int>(x["probes"]);
  out.most_probes = std::max(out.probes, out.most_probes);
  out.seed = static_cast<std::uint64_t>(Rcpp::as<double>(x["probe_seed"]));
  out.threads = Rcpp::as<int>(x["threads"]);
  const SEXP start = x["start"];
  if (!Rf_isNull(start)) {
    henderson::require(Rf_isNumeric(start) && Rf_xlength(start) == layout.n_theta, "`start` has the wrong length");
    out.start = henderson::vector_of(start);
  }
  henderson::require(layout.bounded() && !layout.rest.empty(),
                     "this model has no other factors, or variances may be negative");
  if (progress)
    out.report = [](int evaluation, int passes, int probes, double decrement, double share) {
      Rprintf("evaluation %3d  passes %3d  probes %3d  decrement %-9.3g", evaluation, passes, probes, decrement);
      if (share >= 0) Rprintf("  Monte Carlo error / standard error %.2g percent", 100 * share);
      Rprintf("\n");
    };
  return out;
}

// Point of a fit, made again from its plain parts.
struct IterativePoint {
  henderson::Layout layout;
  henderson::RMonitor monitor{false};
  henderson::CrossProducts data;
  henderson::iterative::Model model;
  henderson::iterative::Point at;

  IterativePoint(const Rcpp::List& shape, const Rcpp::List& cross_products, const Eigen::VectorXd& theta, bool reml,
                 int threads)
      : layout(henderson::to_layout(shape)),
        data(henderson::to_cross_products(cross_products, layout)),
        model(layout, data, 0, threads, monitor) {
    henderson::require(theta.size() == layout.n_theta, "theta has the wrong length");
    henderson::iterative::Solver solver(model.c, model.m);
    at = henderson::iterative::evaluate(model, theta, reml, henderson::iterative::kTight, nullptr, solver);
    if (!(at.sigma2 > 0)) throw henderson::Error("not_finite", "the criterion is not finite at these parameters");
  }
};

Rcpp::List conditional_list(const IterativePoint& point, bool errors) {
  Rcpp::List out(point.layout.groups.size());
  for (std::size_t g = 0; g < point.layout.groups.size(); ++g) {
    const int group = static_cast<int>(g);
    out[g] = henderson::to_array(henderson::iterative::approximate_conditional(point.model, point.at, group, errors),
                                 point.layout.groups[g].q);
  }
  return out;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_needs_iterations(const Rcpp::List& layout, const Rcpp::List& cross_products, double memory_limit) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    const henderson::CrossProducts data = henderson::to_cross_products(cross_products, to);
    return Rcpp::LogicalVector(1, henderson::iterative::needs_iterations(to, data, memory_limit, monitor));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_iterative_fit(const Rcpp::List& layout, const Rcpp::List& cross_products, int response,
                          const Rcpp::List& options, bool progress) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    const henderson::CrossProducts data = henderson::to_cross_products(cross_products, to);
    henderson::require(response >= 1 && response <= data.responses(), "there is no such response");
    const henderson::iterative::SearchOptions how = to_search_options(options, to, progress);
    const henderson::iterative::IterativeFit found = henderson::iterative::fit(to, data, response - 1, how, monitor);
    const henderson::Solution& s = found.solution;
    return Rcpp::List::create(
        Named("optimum") = to_list(found.outcome),
        Named("solution") = Rcpp::List::create(
            Named("value") = s.value, Named("sigma2") = s.sigma2, Named("r2") = s.r2, Named("log_det_x") = s.log_det_x,
            Named("beta") = numeric(s.beta), Named("vcov") = numeric(s.vcov),
            Named("covariance") = matrices(s.covariance), Named("b") = matrices(s.b)),
        Named("monte_carlo") = Rcpp::List::create(
            Named("probes") = found.probes, Named("passes") = found.passes, Named("share") = found.precision.share,
            Named("covariance") = numeric(found.precision.monte_carlo), Named("criterion") = found.value_error));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_iterative_information(const Rcpp::List& layout, const Rcpp::List& cross_products,
                                  const Eigen::VectorXd& theta, bool reml, int threads) {
  return henderson::guarded([&] {
    IterativePoint point(layout, cross_products, theta, reml, threads);
    const henderson::Information x = henderson::iterative::information(point.model, point.at);
    return Rcpp::List::create(
        Named("psi") = numeric(x.psi), Named("sigma2") = point.at.sigma2, Named("phi") = numeric(x.phi),
        Named("p") = matrices(x.p), Named("q") = numeric(x.q), Named("ai") = numeric(x.ai),
        Named("jacobian") = numeric(x.jacobian), Named("curvature") = numeric(x.curvature),
        Named("natural_curvature") = numeric(x.natural_curvature), Named("r") = matrices(x.r));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_iterative_variances(const Rcpp::List& layout, const Rcpp::List& cross_products,
                                const Eigen::VectorXd& theta, bool reml, int threads, const Rcpp::List& design,
                                bool random) {
  return henderson::guarded([&] {
    IterativePoint point(layout, cross_products, theta, reml, threads);
    const henderson::Combinations c = henderson::to_combinations(design, point.layout, point.data.p(), random);
    return numeric(henderson::iterative::variances(point.model, point.at, c));
  });
}

// For each grouping factor q x q x levels: approximate conditional variances, or with `errors` variances of prediction
// errors.
// [[Rcpp::export(rng = false)]]
SEXP engine_iterative_conditional(const Rcpp::List& layout, const Rcpp::List& cross_products,
                                  const Eigen::VectorXd& theta, bool reml, int threads, bool errors) {
  return henderson::guarded([&] {
    const IterativePoint point(layout, cross_products, theta, reml, threads);
    return conditional_list(point, errors);
  });
}
