#include "henderson/responses/refit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace henderson {

void Refits::fill_missing(Index j) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  theta.col(j).setConstant(none);
  beta.col(j).setConstant(none);
  covariance.col(j).setConstant(none);
  sigma[j] = value[j] = none;
  evaluations.push_back(0);
  converged.push_back(false);
  singular.push_back(false);
}

Index covariance_entries(const Layout& layout) {
  Index sum = 0;
  for (const Term& term : layout.terms) sum += term.q * (term.q + 1) / 2;
  return sum;
}

VectorXd stacked_covariance(const Layout& layout, const CrossProducts& data, const Evaluation& at) {
  VectorXd out(covariance_entries(layout));
  Index k = 0;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd own = at.sigma(term.group).block(term.column, term.column, term.q, term.q);
    const MatrixXd sigma = at.sigma2 * data.z_basis[t] * own * data.z_basis[t].transpose();
    for (Index j = 0; j < term.q; ++j)
      for (Index i = j; i < term.q; ++i) out[k++] = sigma(i, j);
  }
  return out;
}

Refits refit(const Layout& layout, const CrossProducts& data, const FitOptions& options, Monitor& monitor) {
  const Index m = data.responses();
  Problem problem = make_problem(layout, data, options.memory_limit, monitor);
  const auto classes = one_factor(problem) ? levels_by_root(layout, data) : std::vector<std::vector<Index>>();
  const bool mix = fewer_pseudo_levels(problem, data, classes);
  Refits out;
  out.theta.resize(layout.n_theta, m);
  out.beta.resize(data.p(), m);
  out.covariance.resize(covariance_entries(layout), m);
  out.sigma.resize(m);
  out.value.resize(m);
  for (Index j = 0; j < m; ++j) {
    problem.known_sigma2 = known_sigma2(options);
    set_response(problem, data, j, mix ? &classes : nullptr);
    if (!options.sigma && fitted_exactly(problem)) {
      out.fill_missing(j);
      continue;
    }
    const Searched found = search(problem, data, options, monitor);
    const FitOutcome& fitted = found.outcome;
    const Evaluation& at = found.at;
    if (!fitted.identified || !at.ok()) {
      out.fill_missing(j);
      continue;
    }
    out.theta.col(j) = fitted.optimum.theta;
    out.beta.col(j) = data.x.response.col(j) + data.x.basis * at.beta;
    out.covariance.col(j) = stacked_covariance(layout, data, at);
    out.sigma[j] = std::sqrt(at.sigma2);
    out.value[j] = fitted.optimum.value;
    out.evaluations.push_back(fitted.evaluations);
    out.converged.push_back(fitted.optimum.status == "converged");
    out.singular.push_back(std::find(fitted.singular.begin(), fitted.singular.end(), true) != fitted.singular.end());
    monitor.check();
  }
  return out;
}

}  // namespace henderson
