// The estimates of any model as the list that R knows.
#ifndef HENDERSON_SRC_CONVERT_SOLUTION_H
#define HENDERSON_SRC_CONVERT_SOLUTION_H

#include "convert.h"
#include "henderson/prediction/solution.hpp"

namespace henderson {

inline Rcpp::List to_list(const Solution& x) {
  using Rcpp::Named;
  return Rcpp::List::create(
      Named("value") = x.value, Named("sigma2") = x.sigma2, Named("r2") = x.r2,
      Named("log_det_random") = x.log_det_random, Named("log_det_x") = x.log_det_x, Named("beta") = numeric(x.beta),
      Named("vcov") = numeric(x.vcov), Named("covariance") = matrices(x.covariance), Named("b") = matrices(x.b));
}

}  // namespace henderson

#endif
