// log|C| by stochastic Lanczos quadrature (Ubaru, Chen and Saad 2017).
//
// With M_j = K_j K_j' the diagonal blocks of C, log|C| = log|M| + log|A|, A = K^{-1} C K^{-T}. The span of the fixed
// vectors is taken out exactly, log|A| = log|A in its complement| + log|V'M^{-1}V| - log|V'C^{-1}V|, and the rest is
// regressed on its first moment, whose mean is known.
#ifndef HENDERSON_ITERATIVE_QUADRATURE_HPP
#define HENDERSON_ITERATIVE_QUADRATURE_HPP

#include "henderson/iterative/traces.hpp"

namespace henderson {
namespace iterative {

struct LogDeterminant {
  double value = 0;
  double error = 0;   // standard deviation over the probes' signs, and what the quadrature may still be off
};

// At the factors that the operator of `model` is set to; the solutions of the fixed vectors are those of `traces`.
LogDeterminant log_determinant(const Model& model, const Traces& traces, std::uint64_t seed, int probes);

// -2 log (restricted) likelihood with the log-determinant of C given.
double criterion(const Model& model, const Point& at, double log_det_c);

}  // namespace iterative
}  // namespace henderson

#endif
