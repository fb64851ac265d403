// The boundary to R: information matrices, random effects, prediction errors, limits of coefficients.
#include "convert_combinations.h"
#include "henderson/prediction/prediction_unbounded.hpp"
#include "henderson/inference/information.hpp"
#include "henderson/inference/prediction_error.hpp"
#include "henderson/inference/profile_coefficient.hpp"

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
      problem.sigma2 = std::pow(Rcpp::as<double>(shape["sigma"]), 2);
    henderson::set_response(problem, data, 0, nullptr);
    at = henderson::Criterion(problem, reml, monitor).evaluate(theta);
    const bool lost = at.cancelled > henderson::most_cancelled(data);
    if (lost && henderson::take_root(problem, data)) at = henderson::Criterion(problem, reml, monitor).evaluate(theta);
    if (!at.ok()) throw henderson::Error("not_finite", "the criterion is not finite at these parameters");
  }
};

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_variances(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                      bool reml, double memory_limit, const Rcpp::List& design, bool random, bool joint) {
  return henderson::guarded([&]() -> SEXP {
    Point point(layout, cross_products, theta, reml, memory_limit);
    const henderson::Combinations c = henderson::to_combinations(design, point.layout, point.data.p(), random);
    if (!point.at.bounded || point.problem.root) {
      const henderson::UnboundedPredictor predictor(point.problem, point.data, point.at, point.monitor);
      return joint ? SEXP(numeric(predictor.covariance(c))) : SEXP(numeric(predictor.variances(c, point.monitor)));
    }
    const henderson::Predictor predictor(point.problem, point.data, point.at);
    return joint ? SEXP(numeric(predictor.covariance(c))) : SEXP(numeric(predictor.variances(c, point.monitor)));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_conditional(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                        bool reml, double memory_limit) {
  return henderson::guarded([&] {
    Point point(layout, cross_products, theta, reml, memory_limit);
    Rcpp::List out(point.layout.own_groups());
    const auto fill = [&](const auto& predictor) {
      for (std::size_t g = 0; g < point.layout.own_groups(); ++g)
        out[g] =
            henderson::to_array(predictor.conditional(static_cast<int>(g), point.monitor), point.layout.groups[g].q);
    };
    if (point.at.bounded && !point.problem.root) {
      fill(henderson::Predictor(point.problem, point.data, point.at));
    } else {
      fill(henderson::UnboundedPredictor(point.problem, point.data, point.at, point.monitor));
    }
    return out;
  });
}

// For each grouping factor Var(b_hat - b): columns of its terms x levels.
// [[Rcpp::export(rng = false)]]
SEXP engine_prediction_errors(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                              bool reml, double memory_limit) {
  return henderson::guarded([&] {
    Point point(layout, cross_products, theta, reml, memory_limit);
    henderson::require(point.at.bounded, "variances may be negative");
    const henderson::PredictionError errors(point.problem, point.data, point.at);
    Rcpp::List out(point.layout.own_groups());
    for (std::size_t g = 0; g < point.layout.own_groups(); ++g) {
      out[g] = numeric(errors.variances(static_cast<int>(g), point.monitor));
    }
    return out;
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

// Rows (criterion, sigma^2) at the columns of `points`, near `theta`.
// [[Rcpp::export(rng = false)]]
SEXP engine_criteria(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                     bool reml, double memory_limit, const Eigen::MatrixXd& points) {
  return henderson::guarded([&] {
    Point point(layout, cross_products, theta, reml, memory_limit);
    henderson::require(points.rows() == theta.size(), "the points do not fit the model");
    return henderson::numeric(henderson::Criterion(point.problem, reml, point.monitor).values(points));
  });
}

// Where -2 log L has risen by each of `rises` on either side of its minimum at `theta`: first below, then above, for
// each of the kept coefficients (from 1).
// [[Rcpp::export(rng = false)]]
SEXP engine_coefficient_limits(const Rcpp::List& layout, const Rcpp::List& cross_products, const Eigen::VectorXd& theta,
                               double memory_limit, const Eigen::VectorXi& coefficients, const Eigen::VectorXd& rises) {
  return henderson::guarded([&] {
    const Point point(layout, cross_products, theta, false, memory_limit);
    const Index p = point.data.p(), m = rises.size();
    henderson::require((coefficients.array() >= 1).all() && (coefficients.array() <= p).all(),
                       "there is no such coefficient");
    henderson::require((rises.array() > 0).all() && rises.allFinite(), "the criterion rises from its minimum");
    henderson::require(point.layout.bounded(), "variances may be negative");
    henderson::RMonitor monitor(false);
    const henderson::CoefficientProfile profile(point.problem, point.data, theta, monitor);
    const Index columns = 2 * m * coefficients.size();
    Rcpp::NumericVector value(columns), sigma(columns);
    Eigen::MatrixXd thetas(theta.size(), columns), beta(p, columns);
    Rcpp::LogicalVector converged(columns);
    Index at = 0, evaluations = 0;
    for (Index k = 0; k < coefficients.size(); ++k)
      for (const int side : {-1, 1})
        for (const henderson::CoefficientLimit& limit : profile.limits(coefficients[k] - 1, side, rises)) {
          value[at] = limit.value;
          sigma[at] = limit.sigma;
          converged[at] = limit.converged;
          evaluations += limit.evaluations;
          if (limit.converged) {
            thetas.col(at) = limit.theta;
            beta.col(at) = limit.beta;
          } else {
            thetas.col(at).setConstant(NA_REAL);
            beta.col(at).setConstant(NA_REAL);
          }
          ++at;
        }
    return Rcpp::List::create(
        Named("value") = value, Named("theta") = numeric(thetas), Named("sigma") = sigma,
        Named("beta") = numeric(beta), Named("converged") = converged,
        Named("evaluations") = static_cast<int>(evaluations));
  });
}
