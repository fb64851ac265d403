#include "henderson/structured/search_alternatives.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

namespace {

constexpr double kScarce = 8;           // subjects for each visit: with more there is one maximum
constexpr double kNearlySingular = 0.01;  // least eigenvalue of the correlations
constexpr double kFewSubjects = 2;      // for each visit that the eigenvector takes
constexpr double kTaken = 0.1;          // relative to its largest entry
constexpr double kOther = 0.01;         // by which a correlation differs at another maximum

}  // namespace

void StructuredSearch::search_alternatives() {
  const ResidualStructure& structure = pr_.residual.structure();
  if (pr_.residual.size() == 0 || (options_.psi.size() > 0 && !options_.more)) return;
  for (Index g = 0; g < pr_.residual.groups() && out_.optimum.status == "converged"; ++g) {
    const VectorXd own = pr_.residual.whole(out_.at.psi).segment(pr_.residual.first_of(g), structure.size());
    const std::vector<VectorXd> alternatives = structure.alternatives(own);
    if (!alternatives.empty() && scarce(g)) search_group(g, alternatives);
  }
}

void StructuredSearch::search_group(Index group, const std::vector<VectorXd>& alternatives) {
  const VectorXd all = pr_.residual.whole(out_.at.psi);
  double gain = 0;
  maxima_.clear();
  for (const VectorXd& other : alternatives) {
    VectorXd changed = all;
    changed.segment(pr_.residual.first_of(group), other.size()) = other;
    VectorXd psi = pr_.residual.free(changed);
    if (pr_.residual.size() > kParametersTogether) psi = searched_alone(group, psi);
    if (psi.size() == 0 || same_correlations(psi, out_.at.psi)) continue;
    VectorXd start(out_.at.theta.size() + psi.size());
    start << out_.at.theta, psi;
    StructuredFunction f(criterion_, farthest());
    Optimum found = minimized(f, start);
    ++out_.starts;
    consider(f, std::move(found));
  }
  for (const Maximum& own : maxima_) {
    if (same_correlations(own.psi, out_.at.psi)) continue;
    const double higher = own.value - out_.at.value;
    if (own.accidental && higher < 0) gain = std::max(gain, -higher);
    else out_.other_maxima.push_back(std::max(0.0, higher));
  }
  out_.accidental += gain;
}

// The parameters of the other groups stay where they are; empty if no maximum is found.
VectorXd StructuredSearch::searched_alone(Index group, const VectorXd& psi) {
  const std::vector<Index> groups = pr_.residual.group_of();
  std::vector<Index> which;
  for (std::size_t k = 0; k < groups.size(); ++k)
    if (groups[k] != group + 1) which.push_back(static_cast<Index>(k));
  VectorXd values(which.size());
  for (std::size_t i = 0; i < which.size(); ++i) values[static_cast<Index>(i)] = psi[which[i]];
  StructuredProblem held = pr_;
  held.residual.hold_also(which, values);
  const StructuredCriterion criterion(held, monitor_);
  StructuredFunction f(criterion, farthest());
  VectorXd start(out_.at.theta.size() + held.residual.size());
  start << out_.at.theta, held.residual.free(pr_.residual.whole(psi));
  const Optimum found = minimized(f, start);
  ++out_.starts;
  if (!std::isfinite(found.value) || found.status != "converged") return VectorXd();
  return pr_.residual.free(held.residual.whole(found.theta.tail(held.residual.size())));
}

void StructuredSearch::consider(const StructuredFunction& f, Optimum found) {
  if (!std::isfinite(found.value) || found.status != "converged") return;
  const VectorXd psi = found.theta.tail(pr_.residual.size());
  const double noise = noise_of(f, found);
  const bool lower = found.value < out_.at.value - noise;
  if (same_correlations(psi, out_.at.psi)) {
    if (lower) take(f, std::move(found));
  } else if (!lower) {
    remember({psi, found.value, false});
  } else if (accidental(psi) && !accidental(out_.at.psi)) {
    remember({psi, found.value, true});
  } else {
    remember({out_.at.psi, out_.at.value, false});
    take(f, std::move(found));
  }
}

void StructuredSearch::remember(Maximum found) {
  for (const Maximum& own : maxima_)
    if (same_correlations(own.psi, found.psi)) return;
  maxima_.push_back(std::move(found));
}

bool StructuredSearch::scarce(Index group) const {
  const Index visits = static_cast<Index>(visits_of(group).size());
  Index subjects = 0, incomplete = 0;
  for (const Pattern& pattern : pr_.units.patterns) {
    if (pattern.group != group) continue;
    subjects += pattern.count;
    if (pattern.positions.rows() < visits) incomplete += pattern.count;
  }
  return incomplete > 0 && static_cast<double>(subjects) < kScarce * static_cast<double>(visits);
}

// Is a matrix nearly singular in a combination of visits that few subjects have?
bool StructuredSearch::accidental(const VectorXd& psi) const {
  for (Index g = 0; g < pr_.residual.groups(); ++g) {
    const std::vector<Index> visits = visits_of(g);
    const SymmetricEigen eigen(correlations(g, psi));
    if (eigen.eigenvalues()[0] >= kNearlySingular) continue;
    const VectorXd weight = eigen.eigenvectors().col(0).cwiseAbs();
    std::set<Index> taken;
    for (std::size_t k = 0; k < visits.size(); ++k)
      if (weight[static_cast<Index>(k)] > kTaken * weight.maxCoeff()) taken.insert(visits[k]);
    Index subjects = 0;
    for (const Pattern& pattern : pr_.units.patterns) {
      if (pattern.group != g) continue;
      Index seen = 0;
      for (Index a = 0; a < pattern.positions.rows(); ++a)
        seen += static_cast<Index>(taken.count(static_cast<Index>(pattern.positions(a, 0))));
      if (seen == static_cast<Index>(taken.size())) subjects += pattern.count;
    }
    if (static_cast<double>(subjects) < kFewSubjects * static_cast<double>(taken.size())) return true;
  }
  return false;
}

bool StructuredSearch::same_correlations(const VectorXd& one, const VectorXd& other) const {
  for (Index g = 0; g < pr_.residual.groups(); ++g)
    if ((correlations(g, one) - correlations(g, other)).cwiseAbs().maxCoeff() > kOther) return false;
  return true;
}

std::vector<Index> StructuredSearch::visits_of(Index group) const {
  std::set<Index> out;
  for (const Pattern& pattern : pr_.units.patterns)
    for (Index a = 0; pattern.group == group && a < pattern.positions.rows(); ++a)
      out.insert(static_cast<Index>(pattern.positions(a, 0)));
  return std::vector<Index>(out.begin(), out.end());
}

MatrixXd StructuredSearch::correlations(Index group, const VectorXd& psi) const {
  const ResidualStructure& structure = pr_.residual.structure();
  const std::vector<Index> visits = visits_of(group);
  VectorXd positions(visits.size());
  for (std::size_t k = 0; k < visits.size(); ++k) positions[static_cast<Index>(k)] = static_cast<double>(visits[k]);
  ResidualMatrices at;
  structure.fill(pr_.residual.whole(psi).segment(pr_.residual.first_of(group), structure.size()), positions, 0, at);
  const VectorXd scale = at.r.diagonal().cwiseSqrt().cwiseInverse();
  return scale.asDiagonal() * at.r * scale.asDiagonal();
}

}  // namespace henderson
