// The optimum and the estimates of any model as the lists that R knows.
#ifndef HENDERSON_SRC_CONVERT_SOLUTION_H
#define HENDERSON_SRC_CONVERT_SOLUTION_H

#include "convert.h"
#include "henderson/prediction/solution.hpp"
#include "henderson/search/fitter.hpp"

namespace henderson {

inline Rcpp::List to_list(const FitOutcome& x) {
  using Rcpp::Named;
  const Optimum& o = x.optimum;
  return Rcpp::List::create(
      Named("theta") = numeric(o.theta), Named("value") = o.value, Named("gradient") = numeric(o.gradient),
      Named("hessian") = numeric(o.hessian), Named("decrement") = o.decrement, Named("status") = o.status,
      Named("evaluations") = x.evaluations, Named("starts") = x.starts, Named("trace") = o.trace,
      Named("singular") = x.singular, Named("identified") = x.identified, Named("confounded") = x.confounded,
      Named("zero_residual") = x.zero_residual, Named("exact_hessian") = x.exact_hessian,
      Named("zero_sigma") = x.zero_sigma, Named("others") = x.others, Named("rounding") = x.rounding,
      Named("unbounded") = x.unbounded);
}

inline Rcpp::List to_list(const Solution& x) {
  using Rcpp::Named;
  return Rcpp::List::create(
      Named("value") = x.value, Named("sigma2") = x.sigma2, Named("r2") = x.r2,
      Named("log_det_random") = x.log_det_random, Named("log_det_x") = x.log_det_x, Named("beta") = numeric(x.beta),
      Named("vcov") = numeric(x.vcov), Named("covariance") = matrices(x.covariance), Named("b") = matrices(x.b));
}

}  // namespace henderson

#endif
