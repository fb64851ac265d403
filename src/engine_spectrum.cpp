// The boundary to R: spectra and draws for exact tests of a variance.
#include "convert.h"
#include "henderson/inference/spectral_draws.hpp"
#include "henderson/linalg/deflated_spectrum.hpp"

using henderson::numeric;

namespace {

// R's generator, in the state that set.seed() leaves.
struct RRandom : henderson::RandomSource {
  double uniform() override { return unif_rand(); }
  double chi_square(double df) override { return R::rchisq(df); }
};

}  // namespace

// Draws of a likelihood ratio from its null distribution. `spectrum`: value, count, penalty (the same two), nu, rest,
// tested.
// [[Rcpp::export]]
SEXP engine_ratio_draws(const Rcpp::List& spectrum, double n) {
  return henderson::guarded([&] {
    const Rcpp::List penalty = spectrum["penalty"];
    henderson::Spectrum x;
    x.value = henderson::vector_of(spectrum["value"]);
    x.count = henderson::vector_of(spectrum["count"]);
    x.penalty_value = henderson::vector_of(penalty["value"]);
    x.penalty_count = henderson::vector_of(penalty["count"]);
    x.nu = Rcpp::as<double>(spectrum["nu"]);
    x.rest = Rcpp::as<double>(spectrum["rest"]);
    x.tested = Rcpp::as<double>(spectrum["tested"]);
    henderson::require(x.value.size() > 0 && x.value.size() == x.count.size() && x.value.allFinite() &&
                           x.count.allFinite() && x.value.minCoeff() > 0 && x.count.minCoeff() > 0 &&
                           x.penalty_value.size() == x.penalty_count.size() && x.penalty_value.allFinite() &&
                           x.penalty_count.allFinite() && (x.penalty_value.array() >= 0).all() &&
                           (x.penalty_count.array() > 0).all(),
                       "the spectrum is not one");
    henderson::require(std::isfinite(x.nu) && x.nu > 0 && std::isfinite(x.rest) && x.rest >= 0 &&
                           std::isfinite(x.tested) && x.tested >= 0 && n >= 1 && n < 9e15,
                       "the spectrum is not one");
    RRandom random;
    henderson::RMonitor monitor(false);
    return numeric(henderson::SpectralRatio(x).draws(static_cast<Eigen::Index>(n), random, monitor));
  });
}

// Eigenvalues above `least` of diag(size) - A A'.
// [[Rcpp::export(rng = false)]]
SEXP engine_deflated_eigenvalues(const Eigen::VectorXd& size, const Eigen::MatrixXd& A, double least) {
  return henderson::guarded([&] {
    henderson::require(size.size() == A.rows() && size.allFinite() && A.allFinite() && least > 0,
                       "the matrix is not one");
    henderson::RMonitor monitor(false);
    return numeric(henderson::DeflatedSpectrum(size, A).above(least, monitor));
  });
}
