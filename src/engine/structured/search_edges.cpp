#include "henderson/structured/search_edges.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/limits.hpp"

namespace henderson {

namespace {

constexpr double kNoCorrelation = 1e-12;  // smaller ones are none
constexpr double kCloseBy = 20;           // in -2 log L: how far above the optimum another one may begin

}  // namespace

void StructuredSearch::settle_kinks() {
  if (!out_.at.ok() || !pr_.residual.structure().kinked()) return;
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  for (Index k = 0; k < pr_.residual.size(); ++k) {
    if (own[static_cast<std::size_t>(k)].kind != ResidualKind::range) continue;
    double below = 0, above = std::numeric_limits<double>::infinity();
    for (const Pattern& pattern : pr_.units.patterns)
      pr_.residual.structure().beside(out_.at.psi[k], pattern.positions, below, above);
    for (const double range : {below, above})
      if (std::abs(range / out_.at.psi[k] - 1) < 0.02) try_held({k}, VectorXd::Constant(1, range));
  }
}

void StructuredSearch::settle_ranges() {
  if (separable()) return;   // its factors have distances of their own
  std::vector<Index> far;
  for (Index g = 1; g <= pr_.residual.groups() && out_.at.ok(); ++g) {
    const std::vector<Index> shape = shape_parameters(g);
    if (shape.empty()) continue;
    const VectorXd none = uncorrelated(shape);
    if (none.size() > 0 && correlation(g, out_.at.psi) < kNoCorrelation) {
      take_same(psi_with(shape, none), 1e-7);
      continue;
    }
    if (!small_subjects()) continue;
    const std::vector<Index> own = far_ranges(shape);
    if (none.size() > 0 && (!own.empty() || close_by(shape, none)) && try_held(shape, none)) continue;
    far.insert(far.end(), own.begin(), own.end());
  }
  const std::vector<Index> smooth = smoothest();
  far.insert(far.end(), smooth.begin(), smooth.end());
  if (far.empty()) return;
  VectorXd there(far.size());
  for (std::size_t i = 0; i < far.size(); ++i)
    there[static_cast<Index>(i)] = out_.at.psi[far[i]];
  try_held(far, there);
}

bool StructuredSearch::separable() const {
  return !pr_.residual.structure().axes(pr_.units.patterns.front().positions.cols()).empty();
}

VectorXd StructuredSearch::psi_with(const std::vector<Index>& which, const VectorXd& values) const {
  VectorXd out = out_.at.psi;
  for (std::size_t i = 0; i < which.size(); ++i)
    out[which[i]] = values[static_cast<Index>(i)];
  return out;
}

bool StructuredSearch::small_subjects() const {
  const std::vector<Pattern>& all = pr_.units.patterns;
  return std::all_of(all.begin(), all.end(), [](const Pattern& own) { return own.positions.rows() <= kHeldRows; });
}

bool StructuredSearch::close_by(const std::vector<Index>& which, const VectorXd& values) {
  ++out_.evaluations;
  return criterion_.evaluate(out_.at.theta, psi_with(which, values)).value < out_.at.value + kCloseBy;
}

// Free ranges and shares of a group, if it has a range.
std::vector<Index> StructuredSearch::shape_parameters(Index group) const {
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  const std::vector<Index> groups = pr_.residual.group_of();
  std::vector<Index> out;
  bool has_range = false;
  for (std::size_t k = 0; k < own.size(); ++k) {
    if (groups[k] != group || (own[k].kind != ResidualKind::range && own[k].kind != ResidualKind::share)) continue;
    has_range = has_range || own[k].kind == ResidualKind::range;
    out.push_back(static_cast<Index>(k));
  }
  return has_range ? out : std::vector<Index>();
}

std::vector<Index> StructuredSearch::far_ranges(const std::vector<Index>& shape) const {
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  std::vector<Index> out;
  for (const Index k : shape)
    if (own[static_cast<std::size_t>(k)].kind == ResidualKind::range && out_.at.psi[k] > farthest()) out.push_back(k);
  return out;
}

// Shapes that are as good as infinite.
std::vector<Index> StructuredSearch::smoothest() const {
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  std::vector<Index> out;
  for (std::size_t k = 0; k < own.size() && out_.at.ok() && small_subjects(); ++k)
    if (own[k].kind == ResidualKind::exponent && out_.at.psi[static_cast<Index>(k)] > kSmoothest)
      out.push_back(static_cast<Index>(k));
  return out;
}

// Values of ranges and shares at which rows at different positions are not correlated, or none where there are none.
VectorXd StructuredSearch::uncorrelated(const std::vector<Index>& shape) const {
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  const Index group = pr_.residual.group_of()[static_cast<std::size_t>(shape.front())];
  for (const double range : {1e-3, 1e-6, 1e-9}) {
    VectorXd psi = out_.at.psi, out(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const bool is_range = own[static_cast<std::size_t>(shape[i])].kind == ResidualKind::range;
      out[static_cast<Index>(i)] = psi[shape[i]] = is_range ? range * moments_.shortest : 1;
    }
    if (correlation(group, psi) < kNoCorrelation) return out;
  }
  return VectorXd();
}

// The largest correlation of two rows at the shortest distance along one of the coordinates.
double StructuredSearch::correlation(Index group, const VectorXd& psi) const {
  const Index coordinates = pr_.units.patterns.front().positions.cols();
  const ResidualStructure& structure = pr_.residual.structure();
  const VectorXd own = pr_.residual.whole(psi).segment((group - 1) * structure.size(), structure.size());
  double out = 0;
  for (Index c = 0; c < coordinates; ++c) {
    MatrixXd positions = MatrixXd::Zero(2, coordinates);
    positions(1, c) = moments_.shortest;
    ResidualMatrices at;
    structure.fill(own, positions, 0, at);
    out = std::max(out, std::abs(at.r(1, 0)) / std::sqrt(at.r(0, 0) * at.r(1, 1)));
  }
  return out;
}

// The optimum with these of the free parameters held; it is taken unless it is worse.
bool StructuredSearch::try_held(const std::vector<Index>& which, const VectorXd& values) {
  const Index u = pr_.layout.n_theta;
  const VectorXd psi = psi_with(which, values);
  StructuredProblem held = pr_;
  held.residual.hold_also(which, values);
  const StructuredCriterion criterion(held, monitor_);
  StructuredFunction f(criterion, farthest());
  VectorXd start(u + held.residual.size());
  start << out_.at.theta, held.residual.free(pr_.residual.whole(psi));
  const Optimum found = minimized(f, start);
  if (!std::isfinite(found.value) || found.value > out_.at.value + noise_of(f, found)) return false;
  out_.at = criterion_.evaluate(found.theta.head(u),
                                pr_.residual.free(held.residual.whole(found.theta.tail(held.residual.size()))));
  describe();
  out_.optimum.status = found.status;
  out_.optimum.decrement = found.decrement;
  return true;
}

// Value and derivatives at the point where the search has come to.
void StructuredSearch::describe() {
  VectorXd whole(out_.at.theta.size() + out_.at.psi.size());
  whole << out_.at.theta, out_.at.psi;
  StructuredFunction f(criterion_, farthest());
  out_.optimum.theta = whole;
  out_.optimum.value = f.value(whole);
  f.derivatives(whole, out_.optimum.gradient, out_.optimum.hessian);
}

bool StructuredSearch::take_same(const VectorXd& psi, double most) {
  if (psi == out_.at.psi) return false;
  const StructuredPoint there = criterion_.evaluate(out_.at.theta, psi);
  ++out_.evaluations;
  if (!there.ok() || !(std::abs(there.value - out_.at.value) <= most)) return false;
  out_.at = there;
  describe();
  return true;
}

void StructuredSearch::settle() {
  if (!out_.at.ok()) return;
  take_same(pr_.residual.canonical(out_.at.psi), 1e-7);
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  const std::vector<Index> groups = pr_.residual.group_of();
  for (std::size_t k = 0; k < own.size(); ++k) {
    Index correlations = 0;
    for (std::size_t j = 0; j < own.size(); ++j)
      correlations += groups[j] == groups[k] && own[j].kind == ResidualKind::correlation;
    const Index at = static_cast<Index>(k);
    if (own[k].kind != ResidualKind::correlation || correlations > 1 || !(out_.at.psi[at] < -1e-4)) continue;
    take_same(psi_with({at}, VectorXd::Constant(1, -out_.at.psi[at])), 1e-11 * (1 + std::abs(out_.at.value)));
  }
}

}  // namespace henderson
