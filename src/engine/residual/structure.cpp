#include "henderson/residual/structure.hpp"

#include <algorithm>

namespace henderson {

void ResidualMatrices::resize(Index parameters, int order) {
  d.assign(order > 0 ? parameters : 0, MatrixXd());
  dd.assign(order > 1 ? parameters * (parameters + 1) / 2 : 0, MatrixXd());
}

void ResidualMatrices::start(Index parameters, Index rows, int order) {
  resize(parameters, order);
  r = MatrixXd::Identity(rows, rows);
  for (MatrixXd& own : d)
    own = MatrixXd::Zero(rows, rows);
  for (MatrixXd& own : dd)
    own = MatrixXd::Zero(rows, rows);
}

MatrixXd ResidualMoments::over(Index visits) const {
  if (covariance.rows() == visits) return covariance;
  return variance * MatrixXd::Identity(visits, visits);
}

ResidualMoments ResidualMoments::part(Index first, Index columns) const {
  ResidualMoments out;
  if (first + columns > shortest_along.size()) return out;
  out.shortest_along = shortest_along.segment(first, columns);
  out.longest_along = longest_along.segment(first, columns);
  out.shortest = out.shortest_along.minCoeff();
  out.longest = out.longest_along.norm();
  return out;
}

double ResidualMoments::lag_correlation(Index at) const {
  const double r = static_cast<std::size_t>(at) < lag.size() ? lag[at] : std::pow(0.2, static_cast<double>(at));
  return std::isfinite(r) ? std::min(0.9, std::max(-0.5, r)) : 0;
}

double moved_by(Step step, double psi, double by) {
  if (step == Step::logarithm) return psi * std::exp(by);
  if (step == Step::hyperbolic) return std::tanh(std::atanh(psi) + by);
  if (step == Step::logistic) return 1 / (1 + (1 - psi) / psi * std::exp(-by));
  return psi + by;
}

double slope_of(Step step, double psi) {
  if (step == Step::logarithm) return psi;
  if (step == Step::hyperbolic) return (1 - psi) * (1 + psi);
  if (step == Step::logistic) return psi * (1 - psi);
  return 1;
}

double curvature_of(Step step, double psi) {
  if (step == Step::logarithm) return psi;
  if (step == Step::hyperbolic) return -2 * psi * (1 - psi) * (1 + psi);
  if (step == Step::logistic) return psi * (1 - psi) * (1 - 2 * psi);
  return 0;
}

VectorXd ResidualStructure::moved(const VectorXd& psi, const VectorXd& step) const {
  const std::vector<ResidualParameter> all = parameters();
  VectorXd out(psi.size());
  for (Index k = 0; k < psi.size(); ++k)
    out[k] = moved_by(all[k].step, psi[k], step[k]);
  return out;
}

MatrixXd ResidualStructure::jacobian(const VectorXd& psi) const {
  const std::vector<ResidualParameter> all = parameters();
  MatrixXd out = MatrixXd::Zero(psi.size(), psi.size());
  for (Index k = 0; k < psi.size(); ++k)
    out(k, k) = slope_of(all[k].step, psi[k]);
  return out;
}

MatrixXd ResidualStructure::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  const std::vector<ResidualParameter> all = parameters();
  MatrixXd out = MatrixXd::Zero(psi.size(), psi.size());
  for (Index k = 0; k < psi.size(); ++k)
    out(k, k) = gradient[k] * curvature_of(all[k].step, psi[k]);
  return out;
}

}  // namespace henderson
