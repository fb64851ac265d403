#include "henderson/fit/boundary.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

VectorXd snapped(const Problem& problem, const VectorXd& theta, std::vector<bool>& singular) {
  const Layout& layout = *problem.layout;
  VectorXd out = theta;
  singular.assign(layout.terms.size(), false);
  if (!layout.bounded()) return out;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
    const SymmetricEigen eigen(l * l.transpose());
    const double per_level = static_cast<double>(problem.n) / static_cast<double>(layout.groups[term.group].levels);
    const double negligible = std::max(1e-8 / per_level, 1e-14 * eigen.eigenvalues().maxCoeff());
    VectorXd values = eigen.eigenvalues();
    for (Index i = 0; i < values.size(); ++i)
      if (values[i] <= negligible) {
        values[i] = 0;
        singular[t] = true;
      }
    if (!singular[t]) continue;
    const MatrixXd sigma = eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose();
    out.segment(term.theta, term.n_theta) = term.structure->nearest(sigma);
  }
  return out;
}

VectorXd canonical(const Layout& layout, const VectorXd& theta) {
  VectorXd out = theta;
  if (!layout.bounded()) return out;
  for (const Term& term : layout.terms) {
    const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
    if ((l.diagonal().array() < 0).any()) {
      MatrixXd flipped = l;
      for (Index j = 0; j < l.cols(); ++j)
        if (l(j, j) < 0) flipped.col(j) = -l.col(j);
      out.segment(term.theta, term.n_theta) = term.structure->of_root(flipped);
    }
  }
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
