// Models with a residual structure: R's lists in, R's lists out.

#include "convert_combinations.h"
#include "convert_solution.h"
#include "convert_structured.h"
#include "henderson/structured/predictor.hpp"
#include "henderson/structured/prepare.hpp"
#include "henderson/structured/search.hpp"
#include "henderson/structured/structured_information.hpp"
#include "henderson/structured/structured_solution.hpp"

namespace {

using henderson::Index;
using henderson::Model;

// The model of a list at one point.
struct Evaluated {
  henderson::ModelPointer model;
  henderson::StructuredCriterion criterion;
  henderson::StructuredPoint at;

  Evaluated(const Rcpp::List& list, const Eigen::VectorXd& theta, const Eigen::VectorXd& psi)
      : model(henderson::whole_model(list)), criterion(model->problem, model->monitor),
        at(criterion.evaluate(theta, psi)) {
    if (!at.ok()) throw henderson::Error("not_finite", "");
  }
};

// What new_lmm_fit() calls a solution, in the user's columns.
Rcpp::List solution_list(const Model& m, const henderson::StructuredCriterion& criterion,
                         const henderson::StructuredPoint& at) {
  return henderson::to_list(henderson::structured_solution(criterion, at, m.prepared.coordinates));
}

Rcpp::List basis_list(const Model& m) {
  Rcpp::List out(m.layout.terms.size());
  for (std::size_t t = 0; t < m.layout.terms.size(); ++t) out[t] = m.prepared.coordinates.terms[t].basis;
  return out;
}

// For each grouping factor q x q x levels.
Rcpp::List conditional_list(const Evaluated& here) {
  const henderson::StructuredPredictor predictor(here.criterion, here.at);
  const Model& m = *here.model;
  Rcpp::List out(m.layout.groups.size());
  for (std::size_t g = 0; g < m.layout.groups.size(); ++g)
    out[g] = henderson::to_array(henderson::structured_conditional(predictor, m.layout, here.at, m.prepared.coordinates,
                                                                   static_cast<int>(g)),
                                 m.layout.groups[g].q);
  return out;
}

Rcpp::IntegerVector kept_columns(const henderson::Projection& x) {
  Rcpp::IntegerVector out(x.kept.size());
  for (std::size_t j = 0; j < x.kept.size(); ++j)
    out[j] = static_cast<int>(x.kept[j]) + 1;
  return out;
}

// A design in the user's columns (X: the kept ones) as combinations in the computation's coordinates.
henderson::StructuredCombinations to_combinations(const Rcpp::List& design, const Model& m, bool random) {
  henderson::StructuredCombinations out;
  const Rcpp::NumericMatrix x = design["X"];
  out.x = Rcpp::as<Eigen::MatrixXd>(x) * m.prepared.coordinates.x.basis;
  const Rcpp::List z = design["Z"], codes = design["codes"];
  for (std::size_t g = 0; random && g < m.layout.groups.size(); ++g) {
    out.z.push_back(Eigen::MatrixXd::Zero(out.x.rows(), m.layout.groups[g].q));
    for (const int t : m.layout.groups[g].terms) {
      const henderson::Term& term = m.layout.terms[t];
      const Eigen::MatrixXd own = Rcpp::as<Eigen::MatrixXd>(z[t]);
      henderson::require(own.rows() == out.x.rows() && own.cols() == term.q, "Z does not fit the layout");
      out.z.back().middleCols(term.column, term.q) = own * m.prepared.coordinates.terms[t].basis;
    }
    const Rcpp::IntegerVector code = codes[g];
    henderson::require(code.size() == out.x.rows(), "codes do not fit X");
    out.code.emplace_back();
    for (const int c : code)
      out.code.back().push_back(c == NA_INTEGER ? -1 : c - 1);
  }
  return out;
}

// A list of the matrices, NULL for empty ones.
Rcpp::List filled(const std::vector<Eigen::MatrixXd>& all) {
  Rcpp::List out(all.size());
  for (std::size_t k = 0; k < all.size(); ++k)
    if (all[k].size() > 0) out[k] = all[k];
  return out;
}

}  // namespace

// Coordinates of the columns, and the parameters of the residual structure.
// [[Rcpp::export(rng = false)]]
SEXP engine_structured_columns(const Rcpp::List& model) {
  return henderson::guarded([&] {
    const auto rows = std::make_shared<Model>(model);
    const Model& m = *rows;
    const henderson::Projection& x = m.prepared.coordinates.x;
    const Rcpp::List columns = Rcpp::List::create(
        Rcpp::Named("kept") = kept_columns(x), Rcpp::Named("novelty") = x.novelty, Rcpp::Named("alias") = x.alias,
        Rcpp::Named("basis") = x.basis, Rcpp::Named("log_det_r") = x.log_det_r, Rcpp::Named("response") = x.response,
        Rcpp::Named("total") = x.total, Rcpp::Named("square") = x.square, Rcpp::Named("rounding") = x.rounding);
    const std::vector<henderson::Pattern> all = m.patterns();
    return Rcpp::List::create(Rcpp::Named("n") = static_cast<double>(m.prepared.rows.d.rows()),
                              Rcpp::Named("log_weight") = m.prepared.coordinates.log_weight, Rcpp::Named("x") = columns,
                              Rcpp::Named("z_basis") = basis_list(m),
                              Rcpp::Named("parameters") = henderson::parameter_table(m.problem.residual),
                              Rcpp::Named("owns_scale") = m.problem.residual.owns_scale(),
                              Rcpp::Named("patterns") = static_cast<int>(all.size()),
                              Rcpp::Named("dense") = static_cast<double>(m.longest_dense(all)),
                              Rcpp::Named("ready") = henderson::ready(rows));
  });
}

// Random effects that are connected with each other: the most whose equations are dense, and sparse, and the operations
// of the sparse factorizations.
// [[Rcpp::export(rng = false)]]
SEXP engine_structured_size(const Rcpp::List& model) {
  return henderson::guarded([&] {
    const henderson::ModelPointer whole = henderson::whole_model(model);
    return Rcpp::NumericVector::create(
        Rcpp::Named("dense") = static_cast<double>(henderson::connected_effects(whole->problem, false)),
        Rcpp::Named("sparse") = static_cast<double>(henderson::connected_effects(whole->problem, true)),
        Rcpp::Named("operations") = henderson::sparse_operations(whole->problem));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_structured_fit(const Rcpp::List& model, const Rcpp::List& options, bool progress) {
  return henderson::guarded([&] {
    const henderson::ModelPointer whole = henderson::whole_model(model, progress);
    Model& m = *whole;
    const bool average = henderson::is_average(m.problem, henderson::Wanted::search);
    const double bytes = henderson::bytes_of_sums(m.problem, average);
    const double limit = Rcpp::as<double>(options["memory_limit"]);
    if (bytes > limit)
      throw henderson::Error("structured_memory", std::to_string(bytes) + ":" + std::to_string(limit));
    henderson::StructuredOptions to;
    to.search.max_evaluations = Rcpp::as<int>(options["max_evaluations"]);
    to.search.decrement = Rcpp::as<double>(options["decrement"]);
    if (!Rf_isNull(options["theta"])) to.theta = Rcpp::as<Eigen::VectorXd>(options["theta"]);
    to.more = Rcpp::as<bool>(options["more"]);
    if (!Rf_isNull(options["psi"])) to.psi = Rcpp::as<Eigen::VectorXd>(options["psi"]);
    henderson::StructuredOutcome found = henderson::StructuredSearch(m.problem, m.moments, to, m.monitor).run();
    if (!found.confounded.empty())
      return Rcpp::List::create(Rcpp::Named("optimum") = Rcpp::List::create(
                                    Rcpp::Named("identified") = false, Rcpp::Named("confounded") = found.confounded));
    if (!found.at.ok()) throw henderson::Error("not_finite", "");
    if (m.problem.residual.owns_scale()) found.at = henderson::absolute_point(m.problem, found.at, m.monitor);
    if (!found.at.ok()) throw henderson::Error("not_finite", "");
    const Rcpp::List optimum = Rcpp::List::create(
        Rcpp::Named("theta") = found.at.theta, Rcpp::Named("psi") = found.at.psi, Rcpp::Named("value") = found.at.value,
        Rcpp::Named("gradient") = found.optimum.gradient, Rcpp::Named("hessian") = found.optimum.hessian,
        Rcpp::Named("decrement") = found.optimum.decrement, Rcpp::Named("status") = found.optimum.status,
        Rcpp::Named("evaluations") = found.evaluations, Rcpp::Named("starts") = found.starts,
        Rcpp::Named("trace") = found.optimum.trace,
        Rcpp::Named("singular") = Rcpp::LogicalVector(found.singular.begin(), found.singular.end()),
        Rcpp::Named("identified") = true, Rcpp::Named("confounded") = Rcpp::IntegerVector(),
        Rcpp::Named("zero_residual") = false, Rcpp::Named("exact_hessian") = true, Rcpp::Named("zero_sigma") = false,
        Rcpp::Named("average") = henderson::is_average(m.problem, henderson::Wanted::tests),
        Rcpp::Named("other_maxima") = found.other_maxima, Rcpp::Named("accidental") = found.accidental);
    const henderson::StructuredCriterion criterion(m.problem, m.monitor);
    return Rcpp::List::create(Rcpp::Named("optimum") = optimum,
                              Rcpp::Named("solution") = solution_list(m, criterion, found.at));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_structured_solution(const Rcpp::List& model, const Eigen::VectorXd& theta, const Eigen::VectorXd& psi) {
  return henderson::guarded([&] {
    const Evaluated here(model, theta, psi);
    return solution_list(*here.model, here.criterion, here.at);
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_structured_variances(const Rcpp::List& model, const Eigen::VectorXd& theta, const Eigen::VectorXd& psi,
                                 const Rcpp::List& design, bool random) {
  return henderson::guarded([&] {
    const Evaluated here(model, theta, psi);
    const henderson::StructuredPredictor predictor(here.criterion, here.at);
    const Eigen::VectorXd own = predictor.variances(to_combinations(design, *here.model, random));
    return henderson::numeric(Eigen::VectorXd(here.at.sigma2 * own));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_structured_conditional(const Rcpp::List& model, const Eigen::VectorXd& theta, const Eigen::VectorXd& psi) {
  return henderson::guarded([&] {
    const Evaluated here(model, theta, psi);
    return conditional_list(here);
  });
}

// sum_ij W_ij X'V^-1 V_i V^-1 V_j V^-1 X, where engine_structured_information() has no `q`.
// [[Rcpp::export(rng = false)]]
SEXP engine_structured_weighted(const Rcpp::List& model, const Eigen::VectorXd& theta, const Eigen::VectorXd& psi,
                                const Eigen::MatrixXd& w) {
  return henderson::guarded([&] {
    const Evaluated here(model, theta, psi);
    return henderson::numeric(henderson::StructuredInformer(here.criterion, here.at).weighted_pairs(w));
  });
}

// [[Rcpp::export(rng = false)]]
SEXP engine_structured_information(const Rcpp::List& model, const Eigen::VectorXd& theta, const Eigen::VectorXd& psi,
                                   bool pairs) {
  return henderson::guarded([&] {
    const Evaluated here(model, theta, psi);
    const henderson::StructuredInformation x = henderson::StructuredInformer(here.criterion, here.at).run(pairs);
    return Rcpp::List::create(Rcpp::Named("psi") = x.natural, Rcpp::Named("weight") = x.weight,
                              Rcpp::Named("value") = here.at.value, Rcpp::Named("r2") = here.at.r2,
                              Rcpp::Named("sigma2") = here.at.sigma2, Rcpp::Named("phi") = x.phi,
                              Rcpp::Named("p") = Rcpp::wrap(x.p),
                              Rcpp::Named("q") = x.q.size() > 0 ? Rcpp::wrap(x.q) : R_NilValue,
                              Rcpp::Named("r") = filled(x.r), Rcpp::Named("t") = x.t, Rcpp::Named("t_ml") = x.t_ml,
                              Rcpp::Named("ai") = x.ai, Rcpp::Named("curvature") = x.curvature,
                              Rcpp::Named("jacobian") = x.jacobian, Rcpp::Named("theta_curvature") = x.theta_curvature,
                              Rcpp::Named("trace") = x.trace, Rcpp::Named("quadratic") = x.quadratic,
                              Rcpp::Named("ready") = henderson::ready(here.model));
  });
}
