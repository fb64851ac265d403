// Lists of R to the types of the engine and back; declared in convert.h.
#include "convert.h"

#include <algorithm>
#include <utility>

#include "henderson/covariance/held_parameters.hpp"
#include "henderson/covariance/registry.hpp"

namespace henderson {

SEXP check_interrupt(void*) {
  R_CheckUserInterrupt();
  return R_NilValue;
}

void RMonitor::check() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(20)) return;
  last_ = now;
  Rcpp::unwindProtect(check_interrupt, nullptr);
  StatusLine::tell(now);
}

void RMonitor::on_iteration(int evaluations, double value, double decrement) {
  StatusLine::count(evaluations);
  if (progress_) Rprintf("evaluation %3d  criterion %.10g  decrement %.3g\n", evaluations, value, decrement);
}

Rcpp::NumericVector numeric(const VectorXd& x) {
  return Rcpp::NumericVector(x.data(), x.data() + x.size());
}

Rcpp::NumericMatrix numeric(const MatrixXd& x) {
  return Rcpp::NumericMatrix(static_cast<int>(x.rows()), static_cast<int>(x.cols()), x.data());
}

Rcpp::List matrices(const std::vector<MatrixXd>& x) {
  Rcpp::List out(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) out[k] = numeric(x[k]);
  return out;
}

VectorXd vector_of(SEXP x) {
  const Rcpp::NumericVector values(x);
  return Eigen::Map<const VectorXd>(values.begin(), values.size());
}

MatrixXd matrix_of(SEXP x) {
  const Rcpp::NumericMatrix values(x);
  return Eigen::Map<const MatrixXd>(values.begin(), values.nrow(), values.ncol());
}

void require(bool condition, const char* message) {
  if (!condition) throw Error("input", message);
}

std::vector<Index> from_zero(const Rcpp::IntegerVector& from_one) {
  std::vector<Index> out;
  for (const int k : from_one) out.push_back(k - 1);
  return out;
}

std::vector<Index> from_zero(const Rcpp::IntegerVector& from_one, Index size, const char* message) {
  for (const int k : from_one) require(k != NA_INTEGER && k >= 1 && k <= size, message);
  return from_zero(from_one);
}

// list(index, value): natural parameters held at values, numbered from 1.
static std::shared_ptr<const Covariance> with_held(std::shared_ptr<const Covariance> structure, Index q,
                                                   const Rcpp::List& held) {
  const Rcpp::IntegerVector index = held["index"];
  const VectorXd values = vector_of(held["value"]);
  const Index own = static_cast<Index>(structure->parameters(q).size());
  const std::vector<Index> which = from_zero(index, own, "there is no such parameter to be held");
  require(values.size() == index.size() && values.allFinite(), "held values are missing");
  return std::make_shared<HeldParameters>(std::move(structure), q, which, values);
}

std::shared_ptr<const Covariance> to_covariance(const Rcpp::List& term, Index q) {
  CovarianceSpec spec;
  spec.name = Rcpp::as<std::string>(term["structure"]);
  if (term.containsElementNamed("positions") && !Rf_isNull(term["positions"])) {
    const Rcpp::NumericMatrix positions = term["positions"];
    require(positions.nrow() == q, "a structure has not as many positions as columns");
    spec.positions = Eigen::Map<const MatrixXd>(positions.begin(), positions.nrow(), positions.ncol());
    require(spec.positions.allFinite(), "positions are not finite");
  }
  if (term.containsElementNamed("rank") && !Rf_isNull(term["rank"])) spec.rank = Rcpp::as<int>(term["rank"]);
  const auto structure = make_covariance(spec);
  if (!term.containsElementNamed("held") || Rf_isNull(term["held"])) return structure;
  return with_held(structure, q, term["held"]);
}

// Eliminates another group than the one with most levels.
static void make_leading(int group, Layout& layout) {
  const auto at = std::find(layout.rest.begin(), layout.rest.end(), group);
  if (at == layout.rest.end()) return;
  layout.rest.erase(at);
  layout.rest.insert(layout.rest.begin(), layout.lead);
  layout.lead = group;
}

Layout to_layout(const Rcpp::List& layout) {
  const Rcpp::IntegerVector levels = layout["levels"];
  const Rcpp::List terms = layout["terms"];
  Layout out;
  for (const int l : levels) {
    require(l != NA_INTEGER && l > 0, "a grouping factor has no levels");
    out.add_group(l);
  }
  if (layout.containsElementNamed("precisions")) {
    const Rcpp::List precisions = layout["precisions"];
    for (R_xlen_t g = 0; g < precisions.size(); ++g)
      if (!Rf_isNull(precisions[g])) out.groups[g].precision = to_precision(precisions[g], levels[g]);
  }
  for (R_xlen_t t = 0; t < terms.size(); ++t) {
    const Rcpp::List term = terms[t];
    const int group = Rcpp::as<int>(term["group"]), q = Rcpp::as<int>(term["q"]);
    require(group != NA_INTEGER && group >= 1 && group <= levels.size(), "a term has no grouping factor");
    require(q != NA_INTEGER && q >= 1, "a random term has no columns");
    out.add_term(group - 1, q, to_covariance(term, q));
  }
  for (const Group& g : out.groups) require(g.q > 0, "a grouping factor has no term");
  require(!out.groups.empty(), "there is no random term");
  out.finish();
  if (layout.containsElementNamed("lead") && !Rf_isNull(layout["lead"]))
    make_leading(Rcpp::as<int>(layout["lead"]) - 1, out);
  return out;
}

// A standard deviation of 0 where it is a parameter of its own.
static bool zero_may_be_held(const Term& term, Index row) { return term.structure->alone(term.q, row).has_value(); }

std::optional<int> to_restarts(const Rcpp::List& options) {
  const int restarts = Rcpp::as<int>(options["restarts"]);
  return restarts < 0 ? std::nullopt : std::optional<int>(restarts);
}

std::vector<Held> to_held(SEXP x, const Layout& layout) {
  std::vector<Held> out;
  if (Rf_isNull(x)) return out;
  const Rcpp::List held(x);
  const Rcpp::IntegerVector term = held["term"], row = held["row"], col = held["col"];
  const Rcpp::NumericVector value = held["value"];
  require(row.size() == term.size() && col.size() == term.size() && value.size() == term.size(),
          "`held` does not fit together");
  const Index terms = static_cast<Index>(layout.terms.size());
  for (R_xlen_t k = 0; k < term.size(); ++k) {
    require(term[k] >= 0 && term[k] <= terms && std::isfinite(value[k]), "a held parameter is not one of the model");
    const Index q = term[k] == 0 ? 1 : layout.terms[term[k] - 1].q;
    require(row[k] >= 1 && row[k] <= q && col[k] >= 1 && col[k] <= q, "a held parameter is not one of the model");
    require(row[k] != col[k] || value[k] > 0 ||
                (value[k] == 0 && term[k] > 0 && zero_may_be_held(layout.terms[term[k] - 1], row[k] - 1)),
            "this standard deviation cannot be held at this value");
    Held h;
    h.term = term[k] - 1;
    h.row = row[k] - 1;
    h.col = col[k] - 1;
    h.value = value[k];
    out.push_back(h);
  }
  return out;
}

DesignChunk to_chunk(const Rcpp::List& design, const Layout& layout) {
  DesignChunk out;
  const SEXP y = design["y"];
  require(TYPEOF(y) == REALSXP, "y is not numeric");
  const Index rows = Rf_isMatrix(y) ? Rf_nrows(y) : Rf_xlength(y);
  new (&out.y) ConstMatrix(REAL(y), rows, Rf_isMatrix(y) ? Rf_ncols(y) : 1);
  const SEXP x = design["X"];
  require(TYPEOF(x) == REALSXP && Rf_isMatrix(x) && Rf_nrows(x) == rows, "X does not fit y");
  new (&out.x) ConstMatrix(REAL(x), rows, Rf_ncols(x));
  const Rcpp::List z = design["Z"], codes = design["codes"];
  require(z.size() == static_cast<R_xlen_t>(layout.terms.size()), "Z does not have one matrix for each term");
  for (R_xlen_t t = 0; t < z.size(); ++t) {
    const SEXP zt = z[t];
    require(TYPEOF(zt) == REALSXP && Rf_isMatrix(zt) && Rf_nrows(zt) == rows && Rf_ncols(zt) == layout.terms[t].q,
            "Z does not fit the layout");
    out.z.emplace_back(REAL(zt), rows, Rf_ncols(zt));
  }
  require(codes.size() == static_cast<R_xlen_t>(layout.own_groups()), "there is not one code for each factor");
  for (R_xlen_t g = 0; g < codes.size(); ++g) {
    const SEXP code = codes[g];
    require(TYPEOF(code) == INTSXP && Rf_xlength(code) == rows, "codes do not fit y");
    require_codes(INTEGER(code), rows, layout.groups[g].levels);
    out.code.push_back(INTEGER(code));
  }
  const SEXP w = design["weights"];
  if (w != R_NilValue) {
    require(TYPEOF(w) == REALSXP && Rf_xlength(w) == rows, "weights do not fit y");
    out.weight = REAL(w);
  }
  if (design.containsElementNamed("origin")) {
    const SEXP origin = design["origin"];
    require(TYPEOF(origin) == REALSXP && Rf_xlength(origin) == out.y.cols(), "the origin does not fit y");
    out.origin = REAL(origin);
  }
  if (!design.containsElementNamed("constant")) return out;
  const SEXP constant = design["constant"];
  require(TYPEOF(constant) == REALSXP && Rf_xlength(constant) == rows, "the constant does not fit y");
  out.constant = REAL(constant);
  out.count = static_cast<Index>(Rcpp::as<double>(design["count"]));
  out.log_weight = Rcpp::as<double>(design["log_weight"]);
  return out;
}

}  // namespace henderson
