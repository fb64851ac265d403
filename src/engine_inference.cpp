// The boundary to R: information matrices, random effects, prediction errors, limits of coefficients.
#include <utility>

#include "convert_combinations.h"
#include "henderson/inference/information.hpp"
#include "henderson/inference/profile_coefficient.hpp"
#include "henderson/prediction/prediction.hpp"

using henderson::matrices;
using henderson::numeric;
using Rcpp::Named;

namespace {

using henderson::Index;

// Everything that a question about a fit needs, made again from its plain parts.
struct Point {
  henderson::Layout layout;
  henderson::RMonitor monitor{false};
  henderson::CrossProducts data;
  henderson::Problem problem;
  henderson::Evaluation at;

  Point(const Rcpp::List& shape, const Rcpp::List& cross_products, const Eigen::VectorXd& theta, bool reml,
        double memory_limit)
      : layout(henderson::to_layout(shape)), data(henderson::to_cross_products(cross_products, layout)) {
    henderson::require(theta.size() == layout.n_theta, "theta has the wrong length");
    problem = henderson::make_problem(layout, data, memory_limit, monitor);
    if (shape.containsElementNamed("sigma") && !Rf_isNull(shape["sigma"]))
      problem.known_sigma2 = std::pow(Rcpp::as<double>(shape["sigma"]), 2);
    henderson::set_response(problem, data, 0, nullptr);
    at = henderson::Criterion(problem, reml, monitor).evaluate(theta);
    const bool lost = at.cancelled > henderson::most_cancelled(problem, data);
    if (lost && henderson::take_root(problem, data)) at = henderson::Criterion(problem, reml, monitor).evaluate(theta);
    if (!at.ok()) throw henderson::Error("not_finite", "the criterion is not finite at these parameters");
  }

  std::unique_ptr<henderson::Predictor> predictor() { return henderson::make_predictor(problem, data, at, monitor); }

  // A list with one entry for each grouping factor.
  template <class Answer>
  Rcpp::List each_group(const Answer& answer) const {
    Rcpp::List out(layout.own_groups());
    for (std::size_t g = 0; g < layout.own_groups(); ++g) out[g] = answer(static_cast<int>(g));
    return out;
  }
};

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_variances(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                      bool reml, double memory_limit, const Rcpp::List& design, bool random, bool joint) {
  return henderson::guarded([&]() -> SEXP {
    Point point(layout, cross_products, theta, reml, memory_limit);
    const henderson::Combinations c = henderson::to_combinations(design, point.layout, point.data.p(), random);
    const auto predictor = point.predictor();
    if (joint) return numeric(predictor->covariance(c));
    return numeric(predictor->variances(c, point.monitor));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_conditional(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                        bool reml, double memory_limit) {
  return henderson::guarded([&] {
    Point point(layout, cross_products, theta, reml, memory_limit);
    const auto predictor = point.predictor();
    return point.each_group([&](int g) {
      return henderson::to_array(predictor->conditional(g, point.monitor), point.layout.groups[g].q);
    });
  });
}

// For each grouping factor Var(b_hat - b): columns of its terms x levels.
// [[Rcpp::export(rng = false)]]
SEXP engine_prediction_errors(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                              bool reml, double memory_limit) {
  return henderson::guarded([&] {
    Point point(layout, cross_products, theta, reml, memory_limit);
    const auto predictor = point.predictor();
    return point.each_group([&](int g) { return numeric(predictor->errors(g, point.monitor)); });
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_information(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                        bool reml, double memory_limit, double dense_limit, bool average) {
  return henderson::guarded([&] {
    Point point(layout, cross_products, theta, reml, memory_limit);
    const henderson::Information x =
        average ? henderson::average_information(point.problem, point.at, point.monitor)
                : henderson::information(point.problem, point.at, static_cast<Index>(dense_limit), point.monitor);
    return Rcpp::List::create(
        Named("psi") = numeric(x.psi), Named("sigma2") = point.at.sigma2, Named("phi") = numeric(x.phi),
        Named("p") = matrices(x.p), Named("q") = numeric(x.q), Named("t") = numeric(x.t),
        Named("t_ml") = numeric(x.t_ml), Named("ai") = numeric(x.ai), Named("jacobian") = numeric(x.jacobian),
        Named("curvature") = numeric(x.curvature), Named("natural_curvature") = numeric(x.natural_curvature),
        Named("r") = matrices(x.r));
  });
}

// The criterion at any theta, and what is profiled out there.
// [[Rcpp::export(rng = false)]]
SEXP engine_criterion(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                      bool reml, double memory_limit) {
  return henderson::guarded([&] {
    const Point point(layout, cross_products, theta, reml, memory_limit);
    return Rcpp::List::create(
        Named("value") = point.at.value, Named("sigma2") = point.at.sigma2, Named("beta") = numeric(point.at.beta));
  });
}

// Rows (criterion, sigma^2) at the columns of `points`, which are near each other.
// [[Rcpp::export(rng = false)]]
SEXP engine_criteria(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::MatrixXd& points,
                     bool reml, double memory_limit) {
  return henderson::guarded([&] {
    henderson::require(points.cols() > 0, "there are no points");
    Point first(layout, cross_products, points.col(0), reml, memory_limit);
    const henderson::Criterion criterion(first.problem, reml, first.monitor);
    return henderson::numeric(criterion.values(points, std::move(first.at)));
  });
}

// Where -2 log L has risen by each of `rises` on either side of its minimum at `theta`: first below, then above, for
// each of the kept coefficients (from 1).
// [[Rcpp::export(rng = false)]]
SEXP engine_coefficient_limits(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                               double memory_limit, const Rcpp::IntegerVector& coefficients,
                               const Eigen::VectorXd& rises) {
  return henderson::guarded([&] {
    const Point point(layout, cross_products, theta, false, memory_limit);
    const std::vector<Index> kept = henderson::from_zero(coefficients, point.data.p(), "there is no such coefficient");
    henderson::require((rises.array() > 0).all() && rises.allFinite(), "the criterion rises from its minimum");
    henderson::require(point.layout.bounded(), "variances may be negative");
    henderson::RMonitor monitor(false);
    const henderson::CoefficientLimits out =
        henderson::CoefficientProfile(point.problem, point.data, theta, monitor).both_sides(kept, rises, NA_REAL);
    return Rcpp::List::create(
        Named("value") = numeric(out.value), Named("theta") = numeric(out.theta), Named("sigma") = numeric(out.sigma),
        Named("beta") = numeric(out.beta), Named("converged") = out.converged, Named("evaluations") = out.evaluations);
  });
}
