// Where the search starts: one scoring step in the natural parameters from Sigma = I.
//
// V is linear in them, so that for balanced data the step ends at the estimates (it is MIVQUE with V_0 as prior).
// The information at that point tells whether the parameters can be told apart at all.
#ifndef HENDERSON_FIT_START_HPP
#define HENDERSON_FIT_START_HPP

#include <Eigen/Dense>
#include <string>
#include <vector>

#include "henderson/likelihood/gradient.hpp"

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

inline VectorXd psi_of(const std::vector<MatrixXd>& factor, const std::vector<Direction>& directions) {
  VectorXd psi(directions.size());
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const MatrixXd sigma = factor[directions[i].group] * factor[directions[i].group].transpose();
    Index row, col;
    directions[i].e.cwiseAbs().maxCoeff(&row, &col);
    psi[i] = sigma(row, col);
  }
  return psi;
}

// Terms that take part in null vectors of the information, -1 for the residual; empty if there are none.
inline std::vector<int> confounded(const Layout& layout, const MatrixXd& information) {
  const Index k = information.rows();
  std::vector<int> owner;
  for (std::size_t t = 0; t < layout.terms.size(); ++t)
    owner.insert(owner.end(), layout.terms[t].structure->span(layout.terms[t].q).size(), static_cast<int>(t));
  owner.push_back(-1);
  const double largest = information.diagonal().maxCoeff();
  VectorXd scale(k);
  for (Index i = 0; i < k; ++i) scale[i] = information(i, i) > 1e-20 * largest ? 1 / std::sqrt(information(i, i)) : 0;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(scale.asDiagonal() * information * scale.asDiagonal());
  std::vector<int> out;
  for (Index v = 0; v < k; ++v) {
    if (eigen.eigenvalues()[v] > 1e-10) break;
    for (Index i = 0; i < k; ++i)
      if (scale[i] == 0 || std::abs(eigen.eigenvectors()(i, v)) > 1e-3) out.push_back(owner[i]);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// The nearest positive definite matrix, eigenvalues at least `floor`.
inline MatrixXd lift(const MatrixXd& sigma, double floor) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(sigma);
  const VectorXd values = eigen.eigenvalues().cwiseMax(std::max(floor, 0.01 * eigen.eigenvalues().maxCoeff()));
  return eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose();
}

inline Start find_start(const Problem& problem, Checkpoint& checkpoint, int& evaluations) {
  const Layout& layout = *problem.layout;
  Start out;
  out.neutral.resize(layout.n_theta);
  for (const Term& term : layout.terms) out.neutral.segment(term.theta, term.n_theta) = term.structure->start(term.q);
  out.theta = out.neutral;
  const Criterion criterion(problem, true, checkpoint);
  const Evaluation at = criterion.evaluate(out.neutral);
  ++evaluations;
  if (!at.ok()) return out;
  const std::vector<Direction> directions = natural_directions(layout);
  const Moments m = moments(criterion, at, directions);
  const VectorXd psi = psi_of(at.factor, directions);
  const MatrixXd information = m.has_t ? bordered(m.t, m.trace, psi, at.degrees) : bordered(m.ai, m.quadratic, psi, at.degrees);
  out.terms = confounded(layout, information);
  out.identified = out.terms.empty();
  if (!out.identified) return out;
  const Index k = psi.size();
  VectorXd score(k + 1);
  score.head(k) = m.quadratic - m.trace;
  score[k] = -psi.dot(score.head(k));
  const VectorXd step = information.ldlt().solve(score);
  const double residual = std::max(1 + step[k], 0.05);
  std::vector<MatrixXd> sigma;
  for (const Group& g : layout.groups) sigma.push_back(MatrixXd::Zero(g.q, g.q));
  for (Index i = 0; i < k; ++i) sigma[directions[i].group] += (psi[i] + step[i]) / residual * directions[i].e;
  for (const Term& term : layout.terms) {
    const Group& g = layout.groups[term.group];
    const double floor = 0.01 * static_cast<double>(g.levels) / static_cast<double>(problem.n);
    const MatrixXd lifted = lift(sigma[term.group].block(term.column, term.column, term.q, term.q), floor);
    out.theta.segment(term.theta, term.n_theta) = term.structure->nearest(lifted);
  }
  return out;
}

}  // namespace henderson

#endif
