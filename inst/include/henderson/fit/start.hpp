// Where the search starts: one scoring step in the natural parameters from Sigma = I.
//
// V is linear in them, so that for balanced data the step ends at the estimates (it is MIVQUE with V_0 as prior).
// The information at that point tells whether the parameters can be told apart at all.
#ifndef HENDERSON_FIT_START_HPP
#define HENDERSON_FIT_START_HPP

#include <Eigen/Dense>
#include <string>
#include <vector>

#include "henderson/fit/moment_start.hpp"

namespace henderson {

struct Start {
  VectorXd theta;
  VectorXd neutral;          // Sigma = I
  bool identified = true;
  std::vector<int> terms;    // where not: the terms that cannot be told apart, -1 for the residual
};

// Information of (natural parameters, sigma^2), sigma^2 last, from the moments at V_0 = I + sum psi_i V_i.
inline MatrixXd bordered(const MatrixXd& information, const VectorXd& first, const VectorXd& psi, double degrees) {
  const Index k = psi.size();
  MatrixXd out(k + 1, k + 1);
  out.topLeftCorner(k, k) = information;
  out.col(k).head(k) = first - information * psi;
  out.row(k).head(k) = out.col(k).head(k).transpose();
  out(k, k) = degrees - psi.dot(first) - psi.dot(out.col(k).head(k));
  return out;
}

inline VectorXd psi_of(const Evaluation& at, const std::vector<Direction>& directions) {
  VectorXd psi(directions.size());
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const MatrixXd sigma = at.sigma(directions[i].group);
    Index row, col;
    directions[i].e.cwiseAbs().maxCoeff(&row, &col);
    psi[i] = sigma(row, col);
  }
  return psi;
}

// Terms that take part in null vectors of the information within the span of `along`, -1 for the residual; empty if
// there are none.
inline std::vector<int> confounded_along(const Layout& layout, const MatrixXd& information, const MatrixXd& along) {
  const Index k = information.rows(), free = along.cols();
  if (free == 0) return {};
  std::vector<int> owner;
  for (std::size_t t = 0; t < layout.terms.size(); ++t)
    owner.insert(owner.end(), layout.terms[t].structure->span(layout.terms[t].q).size(), static_cast<int>(t));
  owner.push_back(-1);
  const double largest = information.diagonal().maxCoeff();
  VectorXd size(k);      // what a parameter of unit information is worth
  for (Index i = 0; i < k; ++i) size[i] = information(i, i) > 1e-20 * largest ? std::sqrt(information(i, i)) : 0;
  const MatrixXd inner = along.transpose() * information * along;
  VectorXd scale(free);
  for (Index j = 0; j < free; ++j) scale[j] = inner(j, j) > 1e-20 * largest * along.col(j).squaredNorm() ? 1 / std::sqrt(inner(j, j)) : 0;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(scale.asDiagonal() * inner * scale.asDiagonal());
  std::vector<int> out;
  for (Index v = 0; v < free; ++v) {
    if (eigen.eigenvalues()[v] > 1e-10) break;
    VectorXd weight = eigen.eigenvectors().col(v);
    for (Index j = 0; j < free; ++j)
      if (scale[j] > 0) weight[j] *= scale[j];
    const VectorXd null = along * weight;
    for (Index i = 0; i < k; ++i)
      if (size[i] == 0 ? null[i] != 0 : std::abs(null[i]) * size[i] > 1e-3) out.push_back(owner[i]);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

inline std::vector<int> confounded(const Layout& layout, const MatrixXd& information) {
  return confounded_along(layout, information, MatrixXd::Identity(information.rows(), information.rows()));
}

// The nearest positive definite matrix, eigenvalues at least `floor`.
inline MatrixXd lift(const MatrixXd& sigma, double floor) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(sigma);
  const VectorXd values = eigen.eigenvalues().cwiseMax(std::max(floor, 0.01 * eigen.eigenvalues().maxCoeff()));
  return eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose();
}

inline VectorXd neutral_theta(const Layout& layout) {
  VectorXd theta(layout.n_theta);
  for (const Term& term : layout.terms) theta.segment(term.theta, term.n_theta) = term.structure->start(term.q);
  return theta;
}

// theta of the natural parameters (then sigma^2), made positive definite.
inline VectorXd lifted_theta(const Layout& layout, Index n, const std::vector<Direction>& directions,
                             const VectorXd& natural, double least_residual) {
  const Index k = static_cast<Index>(directions.size());
  const double residual = std::max(natural[k], least_residual);
  std::vector<MatrixXd> sigma;
  for (const Group& g : layout.groups) sigma.push_back(MatrixXd::Zero(g.q, g.q));
  for (Index i = 0; i < k; ++i) sigma[directions[i].group] += natural[i] / residual * directions[i].e;
  VectorXd theta(layout.n_theta);
  for (const Term& term : layout.terms) {
    const double floor = 0.01 * static_cast<double>(layout.groups[term.group].levels) / static_cast<double>(n);
    const MatrixXd own = sigma[term.group].block(term.column, term.column, term.q, term.q);
    theta.segment(term.theta, term.n_theta) = term.structure->nearest(lift(own, floor));
  }
  return theta;
}

// From V_0 = I, for models where one evaluation is dear.
inline Start moment_start(const Problem& problem, const CrossProducts& data) {
  const Layout& layout = *problem.layout;
  Start out;
  out.theta = out.neutral = neutral_theta(layout);
  const std::vector<Direction> directions = natural_directions(layout);
  const MomentEquations e = MomentStart(layout, data).equations(directions, problem.n, problem.total);
  const Index k = static_cast<Index>(directions.size());
  out.terms = confounded(layout, problem.sigma2 > 0 ? MatrixXd(e.information.topLeftCorner(k, k)) : e.information);
  out.identified = out.terms.empty();
  if (!out.identified) return out;
  double share = 0.05 * problem.total / static_cast<double>(problem.n);
  VectorXd natural = e.information.ldlt().solve(e.right);
  if (problem.sigma2 > 0) {
    natural[k] = share = problem.sigma2;
    natural.head(k) = e.information.topLeftCorner(k, k).ldlt().solve(e.right.head(k) - e.information.col(k).head(k) * problem.sigma2);
  }
  out.theta = lifted_theta(layout, problem.n, directions, natural, share);
  return out;
}

// From Sigma = I, with all that the criterion knows there.
inline Start scoring_start(const Problem& problem, Checkpoint& checkpoint, int& evaluations) {
  const Layout& layout = *problem.layout;
  Start out;
  out.theta = out.neutral = neutral_theta(layout);
  const Criterion criterion(problem, true, checkpoint);
  const Evaluation at = criterion.evaluate(out.neutral);
  ++evaluations;
  if (!at.ok()) return out;
  const std::vector<Direction> directions = natural_directions(layout);
  const Moments m = moments(criterion, at, directions);
  const VectorXd psi = psi_of(at, directions);
  const Index k = psi.size();
  const bool known = problem.sigma2 > 0;
  const MatrixXd information = known ? m.t : bordered(m.t, m.trace, psi, at.degrees);
  out.terms = confounded(layout, information);
  out.identified = out.terms.empty();
  if (!out.identified) return out;
  VectorXd score(information.rows()), natural(k + 1);
  score.head(k) = m.quadratic - m.trace;
  if (!known) score[k] = -psi.dot(score.head(k));
  natural << psi, 1;
  natural.head(score.size()) += information.ldlt().solve(score);
  out.theta = lifted_theta(layout, problem.n, directions, natural, known ? 1 : 0.05);
  return out;
}

inline Start find_start(const Problem& problem, const CrossProducts& data, Checkpoint& checkpoint, int& evaluations) {
  return exact_moments(problem) ? scoring_start(problem, checkpoint, evaluations) : moment_start(problem, data);
}

}  // namespace henderson

#endif
