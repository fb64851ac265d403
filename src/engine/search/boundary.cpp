#include "henderson/search/boundary.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

VectorXd on_boundary(const Problem& problem, const VectorXd& theta, std::vector<bool>& singular, double far) {
  return on_boundary(*problem.layout, problem.n, theta, singular, far);
}

VectorXd on_boundary(const Layout& layout, Index n, const VectorXd& theta, std::vector<bool>& singular, double far) {
  VectorXd out = theta;
  singular.assign(layout.terms.size(), false);
  if (!layout.bounded()) return out;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const double per_level = static_cast<double>(n) / static_cast<double>(layout.groups[term.group].levels);
    bool own = false;
    const VectorXd next = term.structure->on_boundary(term.own(theta), term.q, far * 1e-8 / per_level, own);
    singular[t] = own;
    if (own) out.segment(term.theta, term.n_theta) = next;
  }
  return out;
}

VectorXd canonical(const Layout& layout, const VectorXd& theta) {
  VectorXd out = theta;
  if (!layout.bounded()) return out;
  for (const Term& t : layout.terms) out.segment(t.theta, t.n_theta) = t.structure->canonical(t.own(theta), t.q);
  return out;
}

Index leading_rank(const Layout& layout, const CrossProducts& data) {
  const Index q = layout.lead_q();
  Index rank = 0;
  for (Index l = 0; l < layout.lead_levels(); ++l)
    for (Index a = 0; a < q; ++a)
      for (Index b = a; b < q; ++b)
        if (data.r[l * q * q + a + b * q] != 0) {
          ++rank;
          break;
        }
  return rank;
}

Index residual_degrees(const Problem& problem, const CrossProducts& data) {
  if (saturated(problem)) return 0;
  const MatrixXd within = problem.w_d.leftCols(problem.p);
  Index rank = 0;
  if (problem.p > 0) {
    Eigen::ColPivHouseholderQR<MatrixXd> qr(within);
    const double length = std::sqrt((data.t_x.colwise().squaredNorm() + within.colwise().squaredNorm()).maxCoeff());
    for (Index j = 0; j < problem.p; ++j) rank += std::abs(qr.matrixQR()(j, j)) > 1e-10 * length;
  }
  return problem.n - leading_rank(*problem.layout, data) - rank;
}

double largest_ratio(const Problem& problem, const VectorXd& theta) {
  const Layout& layout = *problem.layout;
  double ratio = 0;
  for (const Term& term : layout.terms) {
    const MatrixXd sigma = term.structure->sigma(theta.segment(term.theta, term.n_theta), term.q);
    const double per_level = static_cast<double>(problem.n) / static_cast<double>(layout.groups[term.group].levels);
    ratio = std::max(ratio, sigma.diagonal().maxCoeff() * per_level);
  }
  return ratio;
}

double distance(const Problem& problem, const VectorXd& from, const VectorXd& to) {
  const Layout& layout = *problem.layout;
  double sum = 0;
  for (const Term& term : layout.terms) {
    const MatrixXd s = term.structure->sigma(from.segment(term.theta, term.n_theta), term.q);
    const MatrixXd other = term.structure->sigma(to.segment(term.theta, term.n_theta), term.q);
    const double least = static_cast<double>(layout.groups[term.group].levels) / static_cast<double>(problem.n);
    const VectorXd unit = (s.diagonal().cwiseAbs().array() + least).sqrt().inverse();
    sum += (unit.asDiagonal() * (other - s) * unit.asDiagonal()).squaredNorm();
  }
  return std::sqrt(sum);
}

}  // namespace henderson
