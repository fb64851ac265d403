// Derivatives of the profiled criterion in theta, from the moments.
#ifndef HENDERSON_LIKELIHOOD_GRADIENT_HPP
#define HENDERSON_LIKELIHOOD_GRADIENT_HPP

#include <vector>

#include "henderson/likelihood/moments_dense.hpp"
#include "henderson/likelihood/moments_large.hpp"
#include "henderson/likelihood/moments_leading.hpp"

namespace henderson {

constexpr Index kDenseMoments = 256;  // columns of Z up to which Z'V^{-1}Z is formed as one matrix

inline bool exact_moments(const Problem& pr) {
  return pr.rest.columns() == 0 || pr.root || pr.layout->random_columns() <= kDenseMoments;
}

inline Moments moments(const Criterion& criterion, const Evaluation& at, const std::vector<Direction>& directions) {
  const Problem& pr = criterion.problem();
  if (pr.rest.columns() == 0) return moments_leading(pr, at, directions);
  if (exact_moments(pr)) return moments_dense(pr, at, directions, criterion.checkpoint());
  return LargeMoments(pr, at, criterion.checkpoint()).compute(directions);
}

// The term's q x q matrix inside its group's block.
inline MatrixXd embed(const Layout& layout, const Term& term, const MatrixXd& e) {
  MatrixXd out = MatrixXd::Zero(layout.groups[term.group].q, layout.groups[term.group].q);
  out.block(term.column, term.column, term.q, term.q) = e;
  return out;
}

// dV / dtheta_k for every k.
inline std::vector<Direction> theta_directions(const Layout& layout, const VectorXd& theta) {
  std::vector<Direction> out;
  for (const Term& term : layout.terms) {
    if (!term.structure->bounded()) {
      for (const MatrixXd& e : term.structure->span(term.q)) out.push_back({term.group, embed(layout, term, e)});
      continue;
    }
    const VectorXd own = theta.segment(term.theta, term.n_theta);
    const MatrixXd l = term.structure->factor(own, term.q);
    for (Index k = 0; k < term.n_theta; ++k) {
      const MatrixXd d = term.structure->factor_derivative(own, term.q, k) * l.transpose();
      out.push_back({term.group, embed(layout, term, d + d.transpose())});
    }
  }
  return out;
}

// A fixed basis of the covariance matrices of every term: the natural parameters, V linear in them.
inline std::vector<Direction> natural_directions(const Layout& layout) {
  std::vector<Direction> out;
  for (const Term& term : layout.terms)
    for (const MatrixXd& e : term.structure->span(term.q)) out.push_back({term.group, embed(layout, term, e)});
  return out;
}

// What the curvature of theta -> Sigma adds to the second derivatives of the criterion.
inline MatrixXd factor_curvature(const Layout& layout, const VectorXd& theta, const Moments& m) {
  MatrixXd out = MatrixXd::Zero(layout.n_theta, layout.n_theta);
  for (const Term& term : layout.terms) {
    if (!term.structure->bounded()) continue;  // theta is natural
    const VectorXd own = theta.segment(term.theta, term.n_theta);
    const MatrixXd score = (m.block_trace[term.group] - m.block_quadratic[term.group])
                               .block(term.column, term.column, term.q, term.q);
    const MatrixXd l = term.structure->factor(own, term.q);
    std::vector<MatrixXd> d(term.n_theta);
    for (Index k = 0; k < term.n_theta; ++k) d[k] = term.structure->factor_derivative(own, term.q, k);
    for (Index k = 0; k < term.n_theta; ++k)
      for (Index j = 0; j <= k; ++j) {
        const MatrixXd second = term.structure->factor_second_derivative(own, term.q, k, j) * l.transpose() +
                                d[k] * d[j].transpose();
        out(term.theta + k, term.theta + j) = out(term.theta + j, term.theta + k) = 2 * score.cwiseProduct(second).sum();
      }
  }
  return out;
}

struct Derivatives {
  VectorXd gradient;
  MatrixXd hessian;
  bool exact = true;   // false: average information in place of the observed one
};

// First and second derivatives along directions that have this curvature, sigma^2 following.
inline Derivatives assembled(const Problem& pr, const Evaluation& at, const Moments& m, const MatrixXd& curvature) {
  Derivatives out;
  out.exact = m.has_t;
  out.gradient = m.trace - m.quadratic;
  out.hessian = m.has_t ? MatrixXd(2 * m.ai - m.t) : m.ai;
  if (!(pr.sigma2 > 0)) out.hessian -= m.quadratic * m.quadratic.transpose() / at.degrees;
  out.hessian += curvature;
  return out;
}

inline Derivatives derivatives(const Criterion& criterion, const Evaluation& at) {
  const Problem& pr = criterion.problem();
  const Moments m = moments(criterion, at, theta_directions(*pr.layout, at.theta));
  return assembled(pr, at, m, factor_curvature(*pr.layout, at.theta, m));
}

}  // namespace henderson

#endif
