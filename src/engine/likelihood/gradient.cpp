#include "henderson/likelihood/gradient.hpp"

#include <vector>

namespace henderson {

void contract_blocks(const std::vector<Direction>& directions, Moments& out) {
  const Index k = static_cast<Index>(directions.size());
  out.trace.resize(k);
  out.quadratic.resize(k);
  for (Index i = 0; i < k; ++i) {
    const Direction& d = directions[i];
    out.trace[i] = d.e.cwiseProduct(out.block_trace[d.group]).sum();
    out.quadratic[i] = d.e.cwiseProduct(out.block_quadratic[d.group]).sum();
  }
}

bool exact_moments(const Problem& pr) { return !std::holds_alternative<CrossedSparse>(pr.regime); }

Moments moments(const Criterion& criterion, const Evaluation& at, const std::vector<Direction>& directions) {
  const Problem& pr = criterion.problem();
  Checkpoint& checkpoint = criterion.checkpoint();
  return std::visit(
      Overloads{[&](const OneFactor&) { return moments_leading(pr, at, directions, &checkpoint); },
                [&](const CrossedDense&) { return moments_dense(pr, at, directions, checkpoint); },
                [&](const CrossedSparse&) { return LargeMoments(pr, at, checkpoint).compute(directions); },
                [&](const Rooted&) { return RootMoments(pr, at, checkpoint).compute(directions); }},
      pr.regime);
}

Moments moments_with_information(const Criterion& criterion, const Evaluation& at,
                                 const std::vector<Direction>& directions) {
  const Problem& pr = criterion.problem();
  Checkpoint& checkpoint = criterion.checkpoint();
  return std::visit(
      Overloads{[&](const OneFactor&) { return moments_leading(pr, at, directions, &checkpoint); },
                [&](const Crossed&) { return moments_dense(pr, at, directions, checkpoint); },
                [&](const Rooted&) { return moments_dense(pr, at, directions, checkpoint); }},
      pr.regime);
}

MatrixXd embed(const Layout& layout, const Term& term, const MatrixXd& e) {
  MatrixXd out = MatrixXd::Zero(layout.groups[term.group].q, layout.groups[term.group].q);
  out.block(term.column, term.column, term.q, term.q) = e;
  return out;
}

std::vector<Direction> theta_directions(const Layout& layout, const VectorXd& theta) {
  std::vector<Direction> out;
  for (const Term& term : layout.terms)
    for (Index k = 0; k < term.n_theta; ++k) {
      out.push_back({term.group, embed(layout, term, term.structure->sigma_derivative(term.own(theta), term.q, k))});
    }
  return out;
}

std::vector<Direction> natural_directions(const Layout& layout, const VectorXd& theta) {
  std::vector<Direction> out;
  const VectorXd psi = layout.psi(theta);
  for (const Term& term : layout.terms) {
    const VectorXd own = psi.segment(term.psi, term.n_psi);
    for (Index k = 0; k < term.n_psi; ++k) {
      out.push_back({term.group, embed(layout, term, term.structure->derivative(own, term.q, k))});
    }
  }
  return out;
}

MatrixXd natural_curvature(const Layout& layout, const VectorXd& theta, const Moments& m) {
  MatrixXd out = MatrixXd::Zero(layout.n_psi, layout.n_psi);
  const VectorXd psi = layout.psi(theta);
  for (const Term& term : layout.terms) {
    if (term.structure->linear()) continue;
    const VectorXd own = psi.segment(term.psi, term.n_psi);
    const MatrixXd score = (m.block_trace[term.group] - m.block_quadratic[term.group])
                               .block(term.column, term.column, term.q, term.q);
    for (Index k = 0; k < term.n_psi; ++k)
      for (Index j = 0; j <= k; ++j) {
        const double value = score.cwiseProduct(term.structure->second_derivative(own, term.q, k, j)).sum();
        out(term.psi + k, term.psi + j) = out(term.psi + j, term.psi + k) = value;
      }
  }
  return out;
}

MatrixXd factor_curvature(const Layout& layout, const VectorXd& theta, const Moments& m, Checkpoint* checkpoint) {
  MatrixXd out = MatrixXd::Zero(layout.n_theta, layout.n_theta);
  for (const Term& term : layout.terms) {
    if (!term.structure->bounded()) continue;  // theta is natural
    const VectorXd own = theta.segment(term.theta, term.n_theta);
    const MatrixXd score = (m.block_trace[term.group] - m.block_quadratic[term.group])
                               .block(term.column, term.column, term.q, term.q);
    for (Index k = 0; k < term.n_theta; ++k) {
      if (term.q > 4 && checkpoint != nullptr) checkpoint->check();
      for (Index j = 0; j <= k; ++j) {
        const MatrixXd half = term.structure->half_curvature(own, term.q, k, j);
        out(term.theta + k, term.theta + j) = out(term.theta + j, term.theta + k) = 2 * score.cwiseProduct(half).sum();
      }
    }
  }
  return out;
}

Derivatives assembled(const Problem& pr, const Evaluation& at, const Moments& m, const MatrixXd& curvature) {
  Derivatives out;
  out.exact = m.has_t;
  out.gradient = m.trace - m.quadratic;
  out.hessian = m.has_t ? MatrixXd(2 * m.ai - m.t) : m.ai;
  if (!pr.known_sigma2) out.hessian -= m.quadratic * m.quadratic.transpose() / at.degrees;
  out.hessian += curvature;
  return out;
}

Derivatives derivatives(const Criterion& criterion, const Evaluation& at) {
  const Problem& pr = criterion.problem();
  const Moments m = moments(criterion, at, theta_directions(*pr.layout, at.theta));
  return assembled(pr, at, m, factor_curvature(*pr.layout, at.theta, m, &criterion.checkpoint()));
}

}  // namespace henderson
