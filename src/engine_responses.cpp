// The boundary to R: many responses of one design, and their tests.
#include <algorithm>

#include "convert.h"
#include "henderson/responses/response_fits.hpp"
#include "henderson/responses/response_tests.hpp"

using henderson::numeric;
using Rcpp::Named;

namespace {

using henderson::Index;

henderson::ResponseOptions to_response_options(const Rcpp::List& x, const Rcpp::List& reference) {
  henderson::ResponseOptions out;
  out.fit.reml = Rcpp::as<bool>(x["reml"]);
  out.fit.search.max_evaluations = Rcpp::as<int>(x["max_evaluations"]);
  out.fit.search.decrement = Rcpp::as<double>(x["decrement"]);
  out.fit.restarts = henderson::to_restarts(x);
  out.fit.no_constant = Rcpp::as<bool>(x["no_constant"]);
  out.fit.memory_limit = Rcpp::as<double>(x["memory_limit"]);
  out.tests = Rcpp::as<bool>(x["tests"]);
  out.threads = Rcpp::as<int>(x["threads"]);
  out.kept = henderson::from_zero(reference["kept"]);
  out.to_common = henderson::matrix_of(reference["inverse"]);
  return out;
}

henderson::Constants to_constants(const Rcpp::List& x) {
  henderson::Constants out;
  if (!Rf_isNull(x["x"])) out.x = henderson::vector_of(x["x"]);
  const Rcpp::List z = x["z"];
  for (R_xlen_t t = 0; t < z.size(); ++t)
    out.z.push_back(Rf_isNull(z[t]) ? Eigen::VectorXd() : henderson::vector_of(z[t]));
  return out;
}

henderson::ManyResponses to_responses(const Rcpp::List& design, const henderson::Layout& layout, SEXP weights) {
  henderson::ManyResponses out{henderson::to_chunk(design, layout), {nullptr, 0, 0}};
  out.design.weight = nullptr;
  if (Rf_isNull(weights)) return out;
  henderson::require(TYPEOF(weights) == REALSXP, "weights are not numeric");
  const Index columns = Rf_isMatrix(weights) ? Rf_ncols(weights) : 1,
              rows = Rf_xlength(weights) / std::max<Index>(columns, 1);
  henderson::require(rows == out.rows() && (columns == 1 || columns == out.responses()), "weights do not fit y");
  new (&out.weights) henderson::ConstMatrix(REAL(weights), rows, columns);
  return out;
}

// A line after each tenth of the responses.
class TenthsOf {
 public:
  TenthsOf(Index total, bool progress) : total_(total), progress_(progress) {}
  void operator()(Index done) {
    if (!progress_ || total_ == 0 || 10 * done / total_ <= shown_) return;
    shown_ = 10 * done / total_;
    Rprintf("%.0f of %.0f responses\n", static_cast<double>(done), static_cast<double>(total_));
  }

 private:
  Index total_, shown_ = 0;
  bool progress_;
};

Rcpp::List to_list(const henderson::Answers& x) {
  const Rcpp::IntegerMatrix singular(static_cast<int>(x.singular.rows()), static_cast<int>(x.singular.cols()),
                                     x.singular.data());
  return Rcpp::List::create(
      Named("theta") = numeric(x.theta), Named("beta") = numeric(x.beta), Named("covariance") = numeric(x.covariance),
      Named("sigma") = numeric(x.sigma), Named("criterion") = numeric(x.value), Named("n") = x.n,
      Named("evaluations") = x.evaluations, Named("converged") = x.converged, Named("singular") = singular,
      Named("outcome") = x.outcome, Named("pattern") = x.pattern, Named("pattern_basis") = numeric(x.pattern_basis),
      Named("phi") = numeric(x.phi), Named("slopes") = numeric(x.slopes), Named("spread") = numeric(x.spread),
      Named("spread_kr") = numeric(x.spread_kr), Named("adjusted") = numeric(x.adjusted));
}

henderson::ConstMatrix map_of(SEXP x, Index responses) {
  henderson::require(TYPEOF(x) == REALSXP && Rf_isMatrix(x) && Rf_ncols(x) == responses,
                     "the parts of the tests do not fit together");
  return {REAL(x), Rf_nrows(x), responses};
}

void assign(henderson::ConstMatrix& to, const henderson::ConstMatrix& from) {
  new (&to) henderson::ConstMatrix(from.data(), from.rows(), from.cols());
}

}  // namespace

// Fits of the columns of design$y, NaN where missing; `reference`: list(kept, inverse), the common coordinates of X.
// [[Rcpp::export(rng = false)]]
SEXP engine_responses(const Rcpp::List& layout, const Rcpp::List& constants, const Rcpp::List& design, SEXP weights,
                      const Rcpp::List& options, const Rcpp::List& reference, bool progress) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    const henderson::ManyResponses all = to_responses(design, to, weights);
    const henderson::Constants units = to_constants(constants);
    henderson::require(units.z.size() == to.terms.size(), "`constants` does not have one entry for each term");
    const henderson::ResponseOptions how = to_response_options(options, reference);
    return to_list(henderson::ResponseFits(to, units, all, how).run(monitor, TenthsOf(all.responses(), progress)));
  });
}

// Tests of the hypothesis `rows` (common coordinates); `delta`: estimates less the values tested, rows x responses.
// [[Rcpp::export(rng = false)]]
SEXP engine_response_tests(const Eigen::MatrixXd& rows, const Eigen::MatrixXd& delta, const Rcpp::List& parts) {
  return henderson::guarded([&] {
    const Index m = delta.cols(), p = rows.cols();
    henderson::TestInput in;
    assign(in.phi, map_of(parts["phi"], m));
    assign(in.slopes, map_of(parts["slopes"], m));
    assign(in.spread, map_of(parts["spread"], m));
    assign(in.covariance, map_of(parts["covariance"], m));
    const Index k = in.slopes.rows() / std::max<Index>(henderson::triangle(p), 1);
    henderson::require(rows.rows() == delta.rows() && in.phi.rows() == henderson::triangle(p) &&
                           in.covariance.rows() == in.phi.rows() && in.slopes.rows() == k * in.phi.rows() &&
                           in.spread.rows() == henderson::triangle(k),
                       "the parts of the tests do not fit together");
    in.sigma2 = henderson::vector_of(parts["sigma2"]);
    in.kenward_roger = Rcpp::as<bool>(parts["kenward_roger"]);
    if (!Rf_isNull(parts["log_ratio"])) {
      in.log_ratio = henderson::vector_of(parts["log_ratio"]);
      in.prior_df = Rcpp::as<double>(parts["prior_df"]);
    }
    henderson::require(in.sigma2.size() == m && (in.log_ratio.size() == 0 || in.log_ratio.size() == m),
                       "the parts of the tests do not fit together");
    const henderson::TestOutput out = henderson::test_responses(rows, delta, in);
    return Rcpp::List::create(Named("variance") = numeric(out.variance), Named("df") = numeric(out.df),
                              Named("f") = numeric(out.f), Named("denominator") = numeric(out.denominator),
                              Named("scale") = numeric(out.scale));
  });
}
