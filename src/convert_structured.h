// R's lists as a model with a residual structure.
#ifndef HENDERSON_SRC_CONVERT_STRUCTURED_H
#define HENDERSON_SRC_CONVERT_STRUCTURED_H

#include <RcppEigen.h>

#include <memory>
#include <string>

#include "convert.h"
#include "henderson/residual/registry.hpp"
#include "henderson/structured/prepare.hpp"
#include "henderson/structured/residual_moments.hpp"

namespace henderson {

// One chunk: the rows of the fit.
class OneChunk : public DesignSource {
 public:
  OneChunk(const Rcpp::List& design, const Layout& layout) : chunk_(to_chunk(design, layout)) {}
  Index chunks() const override { return 1; }
  DesignChunk chunk(Index) override { return chunk_; }

 private:
  DesignChunk chunk_;
};

inline Layout structured_layout(const Rcpp::List& layout) {
  if (Rf_length(layout["levels"]) == 0) return Layout();
  return to_layout(layout);
}

inline ResidualPointer to_structure(const Rcpp::List& x) {
  const Rcpp::List parts = x["parts"];
  ResidualPointer out;
  Index columns = 0;
  for (R_xlen_t k = 0; k < parts.size(); ++k) {
    const Rcpp::List part = parts[k];
    ResidualRequest request;
    request.name = Rcpp::as<std::string>(part["name"]);
    request.visits = Rcpp::as<int>(part["visits"]);
    request.bands = Rcpp::as<int>(part["bands"]);
    if (Rcpp::as<int>(x["groups"]) > 1 && request.name == "cs") request.name = "cs_own";
    const ResidualPointer own = residual_structure(request);
    out = out ? std::make_shared<Product>(out, columns, own) : own;
    columns += Rcpp::as<int>(part["columns"]);
  }
  if (Rcpp::as<bool>(x["nugget"])) out = std::make_shared<Nugget>(out);
  if (Rcpp::as<int>(x["groups"]) > 1 && !out->owns_scale()) out = std::make_shared<Scaled>(out);
  return out;
}

inline ResidualRows to_residual_rows(const Rcpp::List& x) {
  ResidualRows out;
  const Rcpp::IntegerVector subject = x["subject"], group = x["subject_group"];
  for (const int s : subject)
    out.subject.push_back(s - 1);
  for (const int g : group)
    out.group.push_back(g - 1);
  out.positions = Rcpp::as<Eigen::MatrixXd>(x["positions"]);
  out.w = Rcpp::as<Eigen::MatrixXd>(x["w"]);
  return out;
}

inline Constants to_units(const Rcpp::List& x) {
  Constants out;
  if (!Rf_isNull(x["x"])) out.x = Rcpp::as<Eigen::VectorXd>(x["x"]);
  const Rcpp::List z = x["z"];
  for (R_xlen_t t = 0; t < z.size(); ++t)
    out.z.push_back(Rf_isNull(z[t]) ? Eigen::VectorXd() : Rcpp::as<Eigen::VectorXd>(z[t]));
  return out;
}

// A model made ready from R's lists.
struct Model {
  RMonitor monitor;
  Layout layout;
  Prepared prepared;
  ResidualMoments moments;
  StructuredProblem problem;

  Model(const Rcpp::List& x, bool progress) : monitor(progress), layout(structured_layout(x["layout"])) {
    const Rcpp::List residual = x["residual"];
    OneChunk source(x["design"], layout);
    prepared = prepare(layout, to_units(x["constants"]), source, to_residual_rows(residual), monitor);
    henderson::ResidualModel model(to_structure(residual), Rcpp::as<int>(residual["groups"]), prepared.rows.w.cols());
    moments = residual_moments(prepared.rows, Rcpp::as<int>(residual["visits"]));
    const double known = Rcpp::as<double>(x["sigma"]);
    const double sigma2 = known > 0 ? known * known : model.owns_scale() ? moments.variance : 0;
    problem = structured_problem(layout, prepared, std::move(model), Rcpp::as<bool>(x["reml"]), sigma2);
  }
};

}  // namespace henderson

#endif
