#include "henderson/search/start.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

MatrixXd bordered(const MatrixXd& information, const VectorXd& first, const VectorXd& weight, double degrees) {
  const Index k = weight.size();
  MatrixXd out(k + 1, k + 1);
  out.topLeftCorner(k, k) = information;
  out.col(k).head(k) = first - information * weight;
  out.row(k).head(k) = out.col(k).head(k).transpose();
  out(k, k) = degrees - weight.dot(first) - weight.dot(out.col(k).head(k));
  return out;
}

double rounding_share(const Layout& layout, Index parameters) {
  return 16 * std::numeric_limits<double>::epsilon() * static_cast<double>(parameters) *
         std::sqrt(1.0 + static_cast<double>(layout.random_columns()));
}

MatrixXd orthonormal(const MatrixXd& columns) {
  const VectorXd size = columns.colwise().norm().transpose().cwiseMax(1e-300);
  Eigen::ColPivHouseholderQR<MatrixXd> qr(columns * size.cwiseInverse().asDiagonal());
  qr.setThreshold(1e-12);
  return qr.householderQ() * MatrixXd::Identity(columns.rows(), qr.rank());
}

std::vector<int> confounded_along(const Layout& layout, const Evidence& evidence, const MatrixXd& along) {
  const Index k = evidence.information.rows();
  if (along.cols() == 0) return {};
  std::vector<int> owner;
  for (std::size_t t = 0; t < layout.terms.size(); ++t)
    owner.insert(owner.end(), layout.terms[t].n_psi, static_cast<int>(t));
  owner.push_back(kResidual);
  const VectorXd size = evidence.whole.head(k).cwiseMax(std::numeric_limits<double>::min()).cwiseSqrt();
  const MatrixXd share = size.cwiseInverse().asDiagonal() * evidence.information * size.cwiseInverse().asDiagonal();
  const MatrixXd basis = orthonormal(size.asDiagonal() * along);
  const SymmetricEigen eigen(basis.transpose() * share * basis);
  const double rounding = rounding_share(layout, k);
  std::vector<int> out;
  for (Index v = 0; v < eigen.eigenvalues().size() && !(eigen.eigenvalues()[v] > rounding); ++v) {
    const VectorXd null = (basis * eigen.eigenvectors().col(v)).cwiseAbs();
    const VectorXd left = null.cwiseProduct(share.diagonal().cwiseMax(0).cwiseSqrt());   // what has to cancel
    const double most = left.maxCoeff();
    for (Index i = 0; i < k; ++i) {
      const bool taken = !(share(i, i) > rounding);
      if (taken ? null[i] > 1e-3 : left[i] > 1e-3 * most && left[i] * left[i] > rounding) out.push_back(owner[i]);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<int> confounded(const Layout& layout, const Evidence& evidence) {
  const Index k = evidence.information.rows();
  return confounded_along(layout, evidence, MatrixXd::Identity(k, k));
}

MatrixXd positive_definite(const MatrixXd& sigma, double floor) {
  const SymmetricEigen eigen(sigma);
  const VectorXd values = eigen.eigenvalues().cwiseMax(std::max(floor, 0.01 * eigen.eigenvalues().maxCoeff()));
  return eigen.eigenvectors() * values.asDiagonal() * eigen.eigenvectors().transpose();
}

// Natural parameters of a term, relative to a residual variance, where the structure has them.
static VectorXd admissible(const Term& term, VectorXd psi, double residual) {
  const std::vector<Parameter> own = term.structure->parameters(term.q);
  for (Index k = 0; k < psi.size(); ++k) {
    psi[k] /= scale_weight(own[k].kind) == 1 ? residual : std::pow(residual, scale_weight(own[k].kind));
    if (term.structure->linear()) continue;
    const double low = own[k].lower, high = own[k].upper, width = high - low;
    if (std::isfinite(width)) psi[k] = std::min(std::max(psi[k], low + 0.05 * width), high - 0.05 * width);
    else psi[k] = std::min(std::max(psi[k], low), high);
  }
  return psi;
}

VectorXd positive_definite_theta(const Layout& layout, Index n, const VectorXd& natural, double least_residual) {
  const double residual = std::max(natural[layout.n_psi], least_residual);
  VectorXd theta(layout.n_theta);
  for (const Term& term : layout.terms) {
    const double floor = 0.01 * static_cast<double>(layout.groups[term.group].levels) / static_cast<double>(n);
    const VectorXd psi = admissible(term, natural.segment(term.psi, term.n_psi), residual);
    theta.segment(term.theta, term.n_theta) =
        term.structure->project(positive_definite(term.structure->sigma_of(psi, term.q), floor));
  }
  return theta;
}

Start moment_start(const Problem& problem, const CrossProducts& data) {
  const Layout& layout = *problem.layout;
  Start out;
  out.theta = out.identity = identity_theta(layout);
  const std::vector<Direction> directions = natural_directions(layout, out.identity);
  const MomentEquations e = MomentStart(layout, data, problem.response).equations(directions, problem.n, problem.total);
  const Index k = static_cast<Index>(directions.size());
  const MatrixXd& information = e.evidence.information;
  const MatrixXd alone = information.topLeftCorner(k, k);
  const bool known = problem.known_sigma2.has_value();
  out.terms = confounded(layout, known ? Evidence{alone, e.evidence.whole} : e.evidence);
  out.identified = out.terms.empty();
  if (!out.identified) return out;
  double share = 0.05 * problem.total / static_cast<double>(problem.n);
  VectorXd natural = information.ldlt().solve(e.right);
  if (known) {
    natural[k] = share = *problem.known_sigma2;
    natural.head(k) = alone.ldlt().solve(e.right.head(k) - information.col(k).head(k) * *problem.known_sigma2);
  }
  // The equations are those of V = sum x_i V_i; about psi, Sigma is sum (x_i - weight_i + psi_i) of its derivatives.
  const VectorXd psi = layout.psi(out.identity);
  natural.head(k) += psi - layout.scaling(psi);
  out.theta = positive_definite_theta(layout, problem.n, natural, share);
  return out;
}

Evidence evidence_at(const Criterion& criterion, Evaluation at, const std::vector<Direction>& directions,
                     const Moments& m) {
  const Problem& pr = criterion.problem();
  const double n = static_cast<double>(pr.n);
  Evidence out;
  out.information = pr.known_sigma2 ? m.t
                                  : bordered(m.t, m.trace, pr.layout->scaling(pr.layout->psi(at.theta)),
                                             n - static_cast<double>(pr.p));
  at.reml = false;
  out.whole.resize(m.t.rows() + 1);
  out.whole << moments_with_information(criterion, at, directions).t.diagonal(), n;
  return out;
}

std::vector<int> confounded_at_identity(const Criterion& criterion, const Evaluation& at,
                                       const std::vector<Direction>& directions, const MatrixXd& information,
                                       const Moments& m) {
  const Layout& layout = *criterion.problem().layout;
  Evidence least{information, VectorXd(directions.size() + 1)};
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const Group& g = layout.groups[directions[i].group];
    least.whole[i] = static_cast<double>(g.levels * g.q);
  }
  least.whole[directions.size()] = static_cast<double>(criterion.problem().n);
  if (confounded(layout, least).empty()) return {};
  return confounded(layout, evidence_at(criterion, at, directions, m));
}

namespace {

// The criterion at Sigma = I, where every start begins.
struct IdentityPoint {
  Start start;
  Criterion criterion;
  Evaluation at;
  std::vector<Direction> directions;   // none where the criterion has no value
  VectorXd psi, weight;
  bool known;                          // the residual variance

  IdentityPoint(const Problem& problem, Checkpoint& checkpoint, int& evaluations)
      : criterion(problem, true, checkpoint), known(problem.known_sigma2.has_value()) {
    const Layout& layout = *problem.layout;
    start.theta = start.identity = identity_theta(layout);
    at = criterion.evaluate(start.identity);
    ++evaluations;
    if (!at.ok()) return;
    directions = natural_directions(layout, at.theta);
    psi = layout.psi(at.theta);
    weight = layout.scaling(psi);
  }
};

}  // namespace

Start scoring_start(const Problem& problem, Checkpoint& checkpoint, int& evaluations) {
  IdentityPoint point(problem, checkpoint, evaluations);
  Start& out = point.start;
  if (!point.at.ok()) return out;
  const Moments m = moments_with_information(point.criterion, point.at, point.directions);
  const Index k = point.psi.size();
  const MatrixXd information = point.known ? m.t : bordered(m.t, m.trace, point.weight, point.at.degrees);
  out.terms = confounded_at_identity(point.criterion, point.at, point.directions, information, m);
  out.identified = out.terms.empty();
  if (!out.identified) return out;
  VectorXd score(information.rows()), natural(k + 1);
  score.head(k) = m.quadratic - m.trace;
  if (!point.known) score[k] = -point.weight.dot(score.head(k));
  natural << point.psi, 1;
  natural.head(score.size()) += information.ldlt().solve(score);
  out.theta = positive_definite_theta(*problem.layout, problem.n, natural, point.known ? 1 : 0.05);
  return out;
}

Start average_start(const Problem& problem, Checkpoint& checkpoint, int& evaluations) {
  IdentityPoint point(problem, checkpoint, evaluations);
  Start& out = point.start;
  if (!point.at.ok()) return out;
  const Moments m = moments(point.criterion, point.at, point.directions);
  Evidence evidence{
      point.known ? m.ai : bordered(m.ai, m.quadratic, point.weight, point.at.r2 / point.at.sigma2), VectorXd()};
  evidence.whole.resize(m.ai.rows() + 1);
  evidence.whole << m.ai.diagonal(), static_cast<double>(problem.n);
  out.terms = confounded(*problem.layout, evidence);
  out.identified = out.terms.empty();
  return out;
}

Start find_start(const Problem& problem, const CrossProducts& data, Checkpoint& checkpoint, int& evaluations) {
  if (exact_moments(problem)) return scoring_start(problem, checkpoint, evaluations);
  if (problem.layout->related()) return average_start(problem, checkpoint, evaluations);
  Start out = moment_start(problem, data);
  if (out.identified || problem.layout->random_columns() > kSecondLook) return out;
  return scoring_start(problem, checkpoint, evaluations);
}

}  // namespace henderson
