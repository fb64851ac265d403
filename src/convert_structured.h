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
  const DesignChunk& whole() const { return chunk_; }

 private:
  DesignChunk chunk_;
};

inline Layout structured_layout(const Rcpp::List& layout) {
  if (Rf_length(layout["levels"]) == 0) return Layout();
  Layout out = to_layout(layout);
  out.groups.resize(out.own_groups());      // no group has to lead
  return out;
}

// Matrices of known blocks: a list of lists, one list for each coefficient.
inline std::vector<KnownBlocks::Blocks> to_blocks(const Rcpp::List& x) {
  std::vector<KnownBlocks::Blocks> out;
  for (R_xlen_t k = 0; k < x.size(); ++k) {
    const Rcpp::List own = x[k];
    out.emplace_back();
    for (R_xlen_t b = 0; b < own.size(); ++b)
      out.back().push_back(Rcpp::as<Eigen::MatrixXd>(own[b]));
  }
  return out;
}

inline ResidualRequest to_request(const Rcpp::List& part) {
  ResidualRequest out;
  out.name = Rcpp::as<std::string>(part["name"]);
  out.visits = Rcpp::as<int>(part["visits"]);
  out.bands = Rcpp::as<int>(part["bands"]);
  out.p = Rcpp::as<int>(part["p"]);
  out.q = Rcpp::as<int>(part["q"]);
  out.shape = Rcpp::as<double>(part["shape"]);
  const std::string metric = Rcpp::as<std::string>(part["metric"]);
  out.metric = metric == "manhattan" ? Metric::manhattan : metric == "maximum" ? Metric::maximum : Metric::euclidean;
  out.blocks = to_blocks(part["blocks"]);
  out.estimated = Rcpp::as<bool>(part["estimated"]);
  return out;
}

// Covariances relative to a common variance become correlations in a product, and absolute beside own variances.
inline std::string form_of(const std::string& name, bool product, bool own_scale) {
  if (name == "cs") return product ? "one_correlation" : own_scale ? "cs_own" : name;
  if (name == "toep") return product ? "by_lag" : own_scale ? "toep_own" : name;
  return name;
}

inline ResidualPointer to_structure(const Rcpp::List& x) {
  const Rcpp::List parts = x["parts"];
  ResidualPointer out;
  Index columns = 0;
  const bool own_scale = Rcpp::as<int>(x["groups"]) > 1 || Rcpp::as<bool>(x["own_scale"]);
  for (R_xlen_t k = 0; k < parts.size(); ++k) {
    const Rcpp::List part = parts[k];
    ResidualRequest request = to_request(part);
    request.name = form_of(request.name, parts.size() > 1, own_scale);
    const ResidualPointer own = residual_structure(request);
    out = out ? std::make_shared<Product>(out, columns, own) : own;
    columns += Rcpp::as<int>(part["columns"]);
  }
  if (Rcpp::as<bool>(x["nugget"])) out = std::make_shared<Nugget>(out);
  if (Rcpp::as<int>(x["groups"]) > 1 && !out->owns_scale()) out = std::make_shared<Scaled>(out);
  return out;
}

// `columns`: how many columns the variance function has.
inline ResidualModel to_residual_model(const Rcpp::List& x, Index columns) {
  const Rcpp::CharacterVector names = x["variance_terms"];
  std::vector<VarianceTerm> terms;
  for (R_xlen_t t = 0; t < names.size(); ++t) {
    const bool power = Rcpp::as<std::string>(names[t]) == "constpower";
    terms.push_back(power ? VarianceTerm::constant_power : VarianceTerm::constant_proportion);
  }
  const Index linear = columns - static_cast<Index>(terms.size());
  const std::vector<double> references = Rcpp::as<std::vector<double>>(x["variance_references"]);
  ResidualModel out(to_structure(x), Rcpp::as<int>(x["groups"]), VarianceFunction(linear, terms, references));
  out.hold(from_zero(x["held"]), Rcpp::as<Eigen::VectorXd>(x["held_values"]));
  return out;
}

inline ResidualRows to_residual_rows(const Rcpp::List& x) {
  ResidualRows out;
  out.subject = from_zero(x["subject"]);
  out.group = from_zero(x["subject_group"]);
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
class Model {
 public:
  RMonitor monitor;
  Layout layout;
  Prepared prepared;
  ResidualMoments moments;
  StructuredProblem problem;

  // The rows alone.
  explicit Model(const Rcpp::List& x) : monitor(false), layout(structured_layout(x["layout"])) {
    OneChunk source(x["design"], layout);
    prepared = prepare(layout, to_units(x["constants"]), source, source.whole(), to_residual_rows(x["residual"]),
                       monitor);
    problem.residual = to_residual_model(x["residual"], prepared.rows.w.cols());
  }

  std::vector<Pattern> patterns() const {
    return UnitBuilder(layout, prepared.rows, axis_columns(problem.residual, prepared.rows)).patterns().patterns;
  }

  // Rows of the longest subject whose covariance matrix is formed.
  Index longest_dense(const std::vector<Pattern>& all) const {
    Index out = 0;
    for (const Pattern& own : all)
      if (!own.grid && (own.positions.cols() != 1 || problem.residual.chain(own.group) < 0))
        out = std::max(out, own.positions.rows());
    return out;
  }

  // Puts the rows into units, the first time; then criterion and known variance are those of the list.
  void complete(const Rcpp::List& x) {
    const Rcpp::List residual = x["residual"];
    const bool reml = Rcpp::as<bool>(x["reml"]);
    if (!complete_) {
      moments = residual_moments(prepared.rows, Rcpp::as<int>(residual["visits"]));
      problem = structured_problem(layout, prepared, std::move(problem.residual), reml, monitor);
      complete_ = true;
    }
    const double known = Rcpp::as<double>(x["sigma"]);
    const double held = Rcpp::as<bool>(residual["own_scale"]) ? 1 : moments.variance;
    problem.reml = reml;
    problem.known_sigma2.reset();
    if (known > 0) problem.known_sigma2 = known * known;
    else if (problem.residual.owns_scale()) problem.known_sigma2 = held;
  }

 private:
  bool complete_ = false;
};

using ModelPointer = std::shared_ptr<Model>;

inline SEXP ready(const ModelPointer& model) {
  return Rcpp::XPtr<ModelPointer>(new ModelPointer(model), true);
}

// The model of a list with all its units. Rows that were made ready before in this session are not read again: the list
// may have them as `ready`, and those of the last model are kept up to a size.
ModelPointer whole_model(const Rcpp::List& x, bool progress = false);

// Kind, place, group and bounds of each parameter.
Rcpp::List parameter_table(const ResidualModel& model);

}  // namespace henderson

#endif
