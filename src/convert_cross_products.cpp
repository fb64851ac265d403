// Cross-products from and to lists of R.
#include "convert.h"

#include <string>
#include <vector>

namespace henderson {

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

static Rcpp::IntegerMatrix levels_of(const KeptRows& x) {
  return Rcpp::IntegerMatrix(static_cast<int>(x.level.rows()), static_cast<int>(x.level.cols()), x.level.data());
}

Rcpp::List to_list(const CrossProducts& x) {
  Rcpp::List lead_rest(x.lead_rest.size()), rest(x.rest.size());
  for (std::size_t g = 0; g < x.lead_rest.size(); ++g) lead_rest[g] = to_list(x.lead_rest[g]);
  for (std::size_t g = 0; g < x.rest.size(); ++g) {
    Rcpp::List row(x.rest[g].size());
    for (std::size_t h = 0; h < x.rest[g].size(); ++h) row[h] = to_list(x.rest[g][h]);
    rest[g] = row;
  }
  const Rcpp::List rows =
      x.rows.z.size() == 0
          ? Rcpp::List()
          : Rcpp::List::create(Rcpp::Named("z") = numeric(x.rows.z), Rcpp::Named("level") = levels_of(x.rows),
                               Rcpp::Named("x") = numeric(x.rows.x), Rcpp::Named("y") = numeric(x.rows.y));
  return Rcpp::List::create(Rcpp::Named("n") = static_cast<double>(x.n), Rcpp::Named("log_weight") = x.log_weight,
                            Rcpp::Named("x") = to_list(x.x), Rcpp::Named("z_basis") = matrices(x.z_basis),
                            Rcpp::Named("r") = x.r, Rcpp::Named("t_x") = numeric(x.t_x),
                            Rcpp::Named("t_y") = numeric(x.t_y), Rcpp::Named("w_xx") = numeric(x.w_xx),
                            Rcpp::Named("w_xy") = numeric(x.w_xy), Rcpp::Named("w_yy") = numeric(x.w_yy),
                            Rcpp::Named("lead_rest") = lead_rest, Rcpp::Named("rest") = rest,
                            Rcpp::Named("rest_x") = numeric(x.rest_x), Rcpp::Named("rest_y") = numeric(x.rest_y),
                            Rcpp::Named("rows") = rows);
}

void read_projection(const Rcpp::List& x, Projection& out) {
  out.kept = from_zero(x["kept"]);
  out.basis = matrix_of(x["basis"]);
  out.log_det_r = Rcpp::as<double>(x["log_det_r"]);
  out.response = matrix_of(x["response"]);
  out.total = vector_of(x["total"]);
  out.square = vector_of(x["square"]);
  out.rounding = x.containsElementNamed("rounding") ? vector_of(x["rounding"]) : VectorXd(2e-28 * out.square);
}

// Fits of earlier versions have no rows.
void read_rows(const Rcpp::List& cross_products, const Layout& layout, CrossProducts& out) {
  if (!cross_products.containsElementNamed("rows")) return;
  const Rcpp::List x = cross_products["rows"];
  if (x.size() == 0) return;
  KeptRows& rows = out.rows;
  rows.z = matrix_of(x["z"]);
  rows.x = matrix_of(x["x"]);
  rows.y = matrix_of(x["y"]);
  const Rcpp::IntegerMatrix level = x["level"];
  rows.level = Eigen::Map<const Eigen::MatrixXi>(level.begin(), level.nrow(), level.ncol());
  Index q = 0;
  for (const Group& g : layout.groups) q += g.q;
  require(rows.z.cols() == q && rows.level.rows() == rows.z.rows() && rows.x.rows() == rows.z.rows() &&
              rows.y.rows() == rows.z.rows() && rows.x.cols() == out.p() && rows.y.cols() == out.responses() &&
              rows.level.cols() == static_cast<Index>(layout.groups.size()),
          "the rows of the cross-products do not fit the model");
  require(rows.z.allFinite() && rows.x.allFinite() && rows.y.allFinite(), "the cross-products are not finite");
  for (Index g = 0; g < rows.level.cols(); ++g)
    require((rows.level.col(g).array() >= 0 && rows.level.col(g).array() < layout.groups[g].levels).all(),
            "a row of the cross-products lies outside the levels");
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
  read_rows(x, layout, out);
  return out;
}

Constants to_constants(const Rcpp::List& x, const Layout& layout) {
  Constants out;
  if (!Rf_isNull(x["x"])) out.x = vector_of(x["x"]);
  const Rcpp::List z = x["z"];
  require(z.size() == static_cast<R_xlen_t>(layout.terms.size()), "`constants` does not have one entry for each term");
  for (R_xlen_t t = 0; t < z.size(); ++t) out.z.push_back(Rf_isNull(z[t]) ? VectorXd() : vector_of(z[t]));
  return out;
}

void check_constants(const Constants& constants, const Layout& layout, Index x_columns) {
  const auto fits = [](const VectorXd& c, Index columns) {
    return c.size() == 0 || (c.size() == columns && c.allFinite());
  };
  bool all = fits(constants.x, x_columns);
  for (std::size_t t = 0; t < layout.terms.size(); ++t) all = all && fits(constants.z[t], layout.terms[t].q);
  require(all, "`constants` does not fit the columns");
}

void require_codes(const int* code, Index rows, Index levels) {
  for (Index i = 0; i < rows; ++i) require(code[i] >= 1 && code[i] <= levels, "a code is not one of the levels");
}

}  // namespace henderson
