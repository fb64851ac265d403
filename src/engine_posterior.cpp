// Posterior draws: a problem that is made ready once and kept between evaluations.

#include <memory>

#include <cmath>

#include "convert.h"
#include "convert_structured.h"
#include "henderson/posterior/lattice.hpp"
#include "henderson/posterior/posterior_model.hpp"
#include "henderson/posterior/structured_posterior.hpp"

using henderson::numeric;
using Rcpp::Named;

namespace {

using henderson::Index;
using henderson::PosteriorTarget;

const PosteriorTarget& target_of(SEXP handle) {
  henderson::require(TYPEOF(handle) == EXTPTRSXP && R_ExternalPtrAddr(handle) != nullptr,
                     "the prepared problem belongs to another session");
  return *static_cast<const PosteriorTarget*>(R_ExternalPtrAddr(handle));
}

SEXP handle_of(std::unique_ptr<PosteriorTarget> target) {
  return Rcpp::XPtr<PosteriorTarget>(target.release(), true);
}

// NULL, or a list with `precision` and `mean`.
henderson::CoefficientPrior to_prior(SEXP x, Index coefficients) {
  henderson::CoefficientPrior out;
  if (Rf_isNull(x)) return out;
  const Rcpp::List prior(x);
  out.precision = henderson::matrix_of(prior["precision"]);
  out.mean = henderson::vector_of(prior["mean"]);
  henderson::require(out.precision.rows() == coefficients && out.precision.cols() == coefficients &&
                         out.mean.size() == coefficients, "the prior of the coefficients does not fit the model");
  return out;
}

henderson::Lattice to_lattice(const Rcpp::IntegerVector& size, const Eigen::MatrixXd& values) {
  henderson::Lattice out;
  double nodes = 1;
  for (const int n : size) {
    henderson::require(n >= 4, "a lattice needs four nodes in each direction");
    out.size.push_back(n);
    nodes *= n;
  }
  henderson::require(
      size.size() >= 1 && size.size() <= 4 && values.cols() == nodes && values.rows() > 0 && values.allFinite(),
      "the values do not fit the lattice");
  out.values = values;
  return out;
}

// The columns of a matrix, the elements of a list: where the engine writes.
std::vector<double*> places_of(Rcpp::NumericMatrix& x) {
  std::vector<double*> out;
  for (int j = 0; j < x.ncol(); ++j) out.push_back(x.begin() + static_cast<R_xlen_t>(j) * x.nrow());
  return out;
}

std::vector<double*> places_of(Rcpp::List& x, R_xlen_t size) {
  std::vector<double*> out;
  for (R_xlen_t j = 0; j < x.size(); ++j) {
    x[j] = Rcpp::NumericVector(Rcpp::no_init(size));
    out.push_back(REAL(x[j]));
  }
  return out;
}

std::optional<henderson::LatticeMap> to_map(SEXP x, Index directions) {
  if (Rf_isNull(x)) return std::nullopt;
  const Rcpp::List parts(x);
  henderson::LatticeMap out;
  const auto numbers = [&](const char* name) {
    const Eigen::VectorXd own = henderson::vector_of(parts[name]);
    henderson::require(own.size() == directions, "the map does not fit the lattice");
    return own;
  };
  out.origin = numbers("origin");
  out.step = numbers("step");
  out.center = numbers("center");
  out.location = numbers("location");
  out.scale = numbers("scale");
  out.skew = numbers("skew");
  out.tail = numbers("tail");
  out.root = henderson::matrix_of(parts["root"]);
  henderson::require(out.root.rows() == directions && out.root.cols() == directions,
                     "the map does not fit the lattice");
  return out;
}

// NULL, or a list with `shape`, `coordinate` (from 1), `sigma` (each of them NULL or a number), `coefficients` (how
// many) and `root` (a row for each entry: row and column, from 1).
std::optional<henderson::ConditionalLaw> to_law(SEXP x, const henderson::Lattice& lattice) {
  if (Rf_isNull(x)) return std::nullopt;
  const Rcpp::List parts(x);
  const auto has = [&](const char* name) { return !Rf_isNull(parts[name]); };
  henderson::ConditionalLaw out;
  if (has("shape")) out.shape = Rcpp::as<double>(parts["shape"]);
  if (has("coordinate")) out.coordinate = Rcpp::as<int>(parts["coordinate"]) - 1;
  if (has("sigma")) out.sigma = Rcpp::as<double>(parts["sigma"]);
  out.coefficients = Rcpp::as<int>(parts["coefficients"]);
  const Rcpp::IntegerMatrix root(parts["root"]);
  for (int k = 0; k < root.nrow(); ++k) {
    henderson::require(root(k, 0) >= 1 && root(k, 0) <= out.coefficients && root(k, 1) >= 1 &&
                           root(k, 1) <= out.coefficients, "an entry of the root is outside");
    out.root.emplace_back(root(k, 0) - 1, root(k, 1) - 1);
  }
  henderson::require(out.functions() == lattice.values.rows() &&
                         (!out.coordinate || *out.coordinate < static_cast<Index>(lattice.size.size())),
                     "the functions of the lattice are not those that are drawn from");
  return out;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_posterior_open(const Rcpp::List& layout, const Rcpp::List& cross_products, double memory_limit) {
  return henderson::guarded([&] {
    henderson::RMonitor monitor(false);
    const henderson::Layout to = henderson::to_layout(layout);
    return handle_of(std::make_unique<henderson::PosteriorModel>(
        to, henderson::to_cross_products(cross_products, to), memory_limit, monitor));
  });
}

// A model with a residual structure.
// [[Rcpp::export(rng = false)]]
SEXP engine_posterior_open_structured(const Rcpp::List& model) {
  return henderson::guarded([&] {
    const henderson::ModelPointer whole = henderson::whole_model(model);
    return handle_of(std::make_unique<henderson::StructuredPosterior>(whole->problem, whole->prepared.coordinates));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_posterior_target(SEXP handle, const Eigen::MatrixXd& points, const Eigen::VectorXd& sigma, SEXP prior,
                             bool coefficients, int threads) {
  return henderson::guarded([&] {
    const PosteriorTarget& model = target_of(handle);
    henderson::require(points.rows() == model.point_size(), "the points do not fit the model");
    henderson::require(Rf_isNull(prior) || sigma.size() == points.cols(), "each point needs a sigma");
    henderson::RMonitor monitor(false);
    const henderson::TargetValues out = model.evaluate(points, sigma, to_prior(prior, model.coefficients()),
                                                       coefficients, threads, monitor);
    return Rcpp::List::create(Named("log_det") = numeric(out.log_det), Named("r2") = numeric(out.r2),
                              Named("beta") = numeric(out.beta), Named("spread") = numeric(out.spread));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_posterior_effects(SEXP handle, const Eigen::MatrixXd& points, const Rcpp::IntegerVector& point_of,
                              const Eigen::VectorXd& sigma, const Eigen::MatrixXd& normals_beta,
                              const Eigen::MatrixXd& normals_b, SEXP prior, int threads) {
  return henderson::guarded([&] {
    const PosteriorTarget& model = target_of(handle);
    const Index n = sigma.size();
    henderson::EffectRequest request;
    request.points = points;
    request.sigma = sigma;
    request.normals_beta = normals_beta;
    request.normals_b = normals_b;
    request.point_of = henderson::from_zero(point_of, points.cols(), "a draw has no point");
    henderson::require(points.rows() == model.point_size() && point_of.size() == n &&
                           normals_beta.rows() == model.coefficients() && normals_beta.cols() == n,
                       "the draws do not fit the model");
    henderson::require(normals_b.size() == 0 ||
                           (normals_b.cols() == n && normals_b.rows() == model.random_columns()),
                       "the random numbers do not fit the model");
    henderson::RMonitor monitor(false);
    const henderson::EffectDraws out =
        model.draw(request, to_prior(prior, model.coefficients()), threads, monitor);
    return Rcpp::List::create(Named("beta") = numeric(out.beta), Named("b") = numeric(out.b));
  });
}

// `values`: functions x nodes, the log density first; `size`: nodes in each direction; `map`: NULL, or a list with the
// parts of a LatticeMap; `law`: NULL, or a list with those of a ConditionalLaw.
// [[Rcpp::export(rng = false)]]
SEXP engine_posterior_lattice(const Rcpp::IntegerVector& size, const Eigen::MatrixXd& values, SEXP map, SEXP law) {
  return henderson::guarded([&] {
    henderson::Lattice lattice = to_lattice(size, values);
    auto drawn = to_law(law, lattice);
    auto sampler = std::make_unique<henderson::LatticeSampler>(std::move(lattice), to_map(map, size.size()),
                                                               std::move(drawn));
    return SEXP(Rcpp::XPtr<henderson::LatticeSampler>(sampler.release(), true));
  });
}

// Draws `first`, `first` + 1, ... from 0: draws x directions, and vectors: the log density, then the other functions or
// what is drawn from them.
// [[Rcpp::export(rng = false)]]
SEXP engine_lattice_draws(SEXP lattice, double first, double draws, double seed, int threads) {
  return henderson::guarded([&] {
    const Rcpp::XPtr<henderson::LatticeSampler> sampler(lattice);
    henderson::require(std::fmod(first, henderson::kDrawsOfStream) == 0, "draws begin with those of a stream");
    henderson::RMonitor monitor(false);
    const auto n = static_cast<R_xlen_t>(draws);
    Rcpp::NumericMatrix x(Rcpp::no_init(static_cast<int>(n), static_cast<int>(sampler->directions())));
    Rcpp::List functions(sampler->answers());
    const henderson::LatticeDraws out{static_cast<Index>(first), static_cast<Index>(n), places_of(x),
                                      places_of(functions, n)};
    sampler->draw(out, static_cast<std::uint64_t>(seed), threads, monitor);
    return Rcpp::List::create(Named("x") = x, Named("values") = functions);
  });
}
