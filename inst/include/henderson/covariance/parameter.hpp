// The natural parameters of a covariance structure: what is reported, tested and held.
#ifndef HENDERSON_COVARIANCE_PARAMETER_HPP
#define HENDERSON_COVARIANCE_PARAMETER_HPP

#include <Eigen/Core>
#include <limits>

namespace henderson {

// In R these are the words "variance", "covariance", ...
enum class Kind { variance, covariance, correlation, range, exponent, loading };

struct Parameter {
  Kind kind = Kind::variance;
  Eigen::Index row = 0, col = 0;   // the entry of Sigma, or of its loadings, that shows it; row >= col
  double lower = -std::numeric_limits<double>::infinity(), upper = std::numeric_limits<double>::infinity();
};

inline const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::variance: return "variance";
    case Kind::covariance: return "covariance";
    case Kind::correlation: return "correlation";
    case Kind::range: return "range";
    case Kind::exponent: return "exponent";
    default: return "loading";
  }
}

// Sigma times c multiplies the parameter by c^weight. So sum weight psi dSigma/dpsi = Sigma (Euler).
inline double scale_weight(Kind kind) {
  if (kind == Kind::variance || kind == Kind::covariance) return 1;
  return kind == Kind::loading ? 0.5 : 0;
}

// For which matrices B of the columns is B Sigma B' of the same structure whenever Sigma is?
enum class Closure {
  any,             // every B
  column_scales,   // diagonal B
  common_scale,    // multiples of I
  none
};

inline const char* closure_name(Closure closure) {
  switch (closure) {
    case Closure::any: return "any";
    case Closure::column_scales: return "column scales";
    case Closure::common_scale: return "common scale";
    default: return "none";
  }
}

}  // namespace henderson

#endif
