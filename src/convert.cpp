// Lists of R to the types of the engine and back; declared in convert.h.
#include "convert.h"

#include <algorithm>

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
}

void RMonitor::on_iteration(int evaluations, double value, double decrement) {
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
  return make_covariance(spec);
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

Rcpp::List to_list(const PairBlocks& x) {
  return Rcpp::List::create(
      Rcpp::Named("rows") = static_cast<int>(x.rows), Rcpp::Named("cols") = static_cast<int>(x.cols),
      Rcpp::Named("row") = Rcpp::IntegerVector(x.row.begin(), x.row.end()),
      Rcpp::Named("col") = Rcpp::IntegerVector(x.col.begin(), x.col.end()), Rcpp::Named("value") = x.value);
}

PairBlocks to_pair_blocks(const Rcpp::List& x, Index row_levels, Index col_levels) {
  PairBlocks out;
  out.rows = Rcpp::as<int>(x["rows"]);
  out.cols = Rcpp::as<int>(x["cols"]);
  const Rcpp::IntegerVector row = x["row"], col = x["col"];
  out.row.assign(row.begin(), row.end());
  out.col.assign(col.begin(), col.end());
  out.value = Rcpp::as<std::vector<double>>(x["value"]);
  require(out.rows >= 0 && out.cols > 0 && row.size() == col.size() &&
              static_cast<Index>(out.value.size()) == static_cast<Index>(row.size()) * out.rows * out.cols,
          "blocks of the cross-products do not fit together");
  for (R_xlen_t k = 0; k < row.size(); ++k) {
    require(out.row[k] >= 0 && out.row[k] < row_levels && out.col[k] >= 0 && out.col[k] < col_levels,
            "a block of the cross-products lies outside the levels");
  }
  return out;
}

Rcpp::List to_list(const Projection& x) {
  Rcpp::IntegerVector kept(x.kept.size());
  for (std::size_t j = 0; j < x.kept.size(); ++j) kept[j] = static_cast<int>(x.kept[j]) + 1;
  return Rcpp::List::create(Rcpp::Named("kept") = kept, Rcpp::Named("novelty") = x.novelty,
                            Rcpp::Named("alias") = numeric(x.alias), Rcpp::Named("basis") = numeric(x.basis),
                            Rcpp::Named("log_det_r") = x.log_det_r, Rcpp::Named("response") = numeric(x.response),
                            Rcpp::Named("total") = numeric(x.total), Rcpp::Named("square") = numeric(x.square),
                            Rcpp::Named("rounding") = numeric(x.rounding));
}

Rcpp::List to_list(const CrossProducts& x) {
  Rcpp::List lead_rest(x.lead_rest.size()), rest(x.rest.size());
  for (std::size_t g = 0; g < x.lead_rest.size(); ++g) lead_rest[g] = to_list(x.lead_rest[g]);
  for (std::size_t g = 0; g < x.rest.size(); ++g) {
    Rcpp::List row(x.rest[g].size());
    for (std::size_t h = 0; h < x.rest[g].size(); ++h) row[h] = to_list(x.rest[g][h]);
    rest[g] = row;
  }
  return Rcpp::List::create(Rcpp::Named("n") = static_cast<double>(x.n), Rcpp::Named("log_weight") = x.log_weight,
                            Rcpp::Named("x") = to_list(x.x), Rcpp::Named("z_basis") = matrices(x.z_basis),
                            Rcpp::Named("r") = x.r, Rcpp::Named("t_x") = numeric(x.t_x),
                            Rcpp::Named("t_y") = numeric(x.t_y), Rcpp::Named("w_xx") = numeric(x.w_xx),
                            Rcpp::Named("w_xy") = numeric(x.w_xy), Rcpp::Named("w_yy") = numeric(x.w_yy),
                            Rcpp::Named("lead_rest") = lead_rest, Rcpp::Named("rest") = rest,
                            Rcpp::Named("rest_x") = numeric(x.rest_x), Rcpp::Named("rest_y") = numeric(x.rest_y));
}

void read_projection(const Rcpp::List& x, Projection& out) {
  const Rcpp::IntegerVector kept = x["kept"];
  for (const int j : kept) out.kept.push_back(j - 1);
  out.basis = matrix_of(x["basis"]);
  out.log_det_r = Rcpp::as<double>(x["log_det_r"]);
  out.response = matrix_of(x["response"]);
  out.total = vector_of(x["total"]);
  out.square = vector_of(x["square"]);
  out.rounding = x.containsElementNamed("rounding") ? vector_of(x["rounding"]) : VectorXd(2e-28 * out.square);
}

void check_shapes(const CrossProducts& x, const Layout& layout) {
  const Index p = x.p(), m = x.responses(), q = layout.lead_q(), levels = layout.lead_levels();
  const Index rest = static_cast<Index>(layout.rest.size()), columns = layout.rest_columns();
  require(x.x.basis.rows() == p && x.x.basis.cols() == p && x.x.response.rows() == p && x.x.response.cols() == m &&
              x.x.total.size() == m && x.x.square.size() == m && x.x.rounding.size() == m,
          "the fixed-effects part of the cross-products does not fit together");
  require(Eigen::Map<const VectorXd>(x.r.data(), x.r.size()).allFinite() && x.t_x.allFinite() && x.t_y.allFinite() &&
              x.w_xx.allFinite() && x.w_xy.allFinite() && x.w_yy.allFinite() && x.rest_x.allFinite() &&
              x.rest_y.allFinite() && x.x.basis.allFinite(),
          "the cross-products are not finite");
  require(static_cast<Index>(x.r.size()) == levels * q * q && x.t_x.rows() == levels * q && x.t_x.cols() == p &&
              x.t_y.rows() == levels * q && x.t_y.cols() == m,
          "the leading blocks of the cross-products do not fit the model");
  require(x.w_xx.rows() == p && x.w_xx.cols() == p && x.w_xy.rows() == p && x.w_xy.cols() == m && m >= 1,
          "the within blocks of the cross-products do not fit the model");
  require(static_cast<Index>(x.z_basis.size()) == static_cast<Index>(layout.terms.size()) &&
              static_cast<Index>(x.lead_rest.size()) == rest && static_cast<Index>(x.rest.size()) == rest &&
              x.rest_x.rows() == columns && x.rest_y.rows() == columns && x.rest_x.cols() == p && x.rest_y.cols() == m,
          "the random-effects blocks of the cross-products do not fit the model");
  for (std::size_t t = 0; t < layout.terms.size(); ++t)
    require(x.z_basis[t].rows() == layout.terms[t].q && x.z_basis[t].cols() == layout.terms[t].q,
            "the basis of a random term does not fit the model");
}

CrossProducts to_cross_products(const Rcpp::List& x, const Layout& layout) {
  CrossProducts out;
  out.n = static_cast<Index>(Rcpp::as<double>(x["n"]));
  out.log_weight = Rcpp::as<double>(x["log_weight"]);
  read_projection(x["x"], out.x);
  const Rcpp::List z_basis = x["z_basis"];
  for (R_xlen_t t = 0; t < z_basis.size(); ++t) out.z_basis.push_back(matrix_of(z_basis[t]));
  out.r = Rcpp::as<std::vector<double>>(x["r"]);
  out.t_x = matrix_of(x["t_x"]);
  out.t_y = matrix_of(x["t_y"]);
  out.w_xx = matrix_of(x["w_xx"]);
  out.w_xy = matrix_of(x["w_xy"]);
  out.w_yy = vector_of(x["w_yy"]);
  const Rcpp::List lead_rest = x["lead_rest"], rest = x["rest"];
  const Index others = static_cast<Index>(layout.rest.size());
  require(lead_rest.size() == others && rest.size() == others, "the cross-products have other grouping factors");
  const auto group = [&](Index g) -> const Group& { return layout.groups[layout.rest[g]]; };
  for (Index g = 0; g < others; ++g) {
    out.lead_rest.push_back(to_pair_blocks(lead_rest[g], layout.lead_levels(), group(g).levels));
    require(out.lead_rest[g].rows == layout.lead_q() && out.lead_rest[g].cols == group(g).q, "block sizes differ");
    const Rcpp::List row = rest[g];
    require(row.size() == others - g, "the cross-products lack a block");
    out.rest.emplace_back();
    for (Index h = 0; h < row.size(); ++h) {
      out.rest.back().push_back(to_pair_blocks(row[h], group(g).levels, group(g + h).levels));
      require(out.rest[g][h].rows == group(g).q && out.rest[g][h].cols == group(g + h).q, "block sizes differ");
    }
    require(static_cast<Index>(out.rest[g][0].row.size()) == group(g).levels, "the cross-products lack a level");
  }
  out.rest_x = matrix_of(x["rest_x"]);
  out.rest_y = matrix_of(x["rest_y"]);
  check_shapes(out, layout);
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
    const int* value = INTEGER(code);
    for (Index i = 0; i < rows; ++i) {
      require(value[i] >= 1 && value[i] <= layout.groups[g].levels, "a code is not one of the levels");
    }
    out.code.push_back(value);
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
