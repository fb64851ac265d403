#include "henderson/search/other_optima.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace henderson {

namespace {

constexpr double kNegligible = 1e-6;      // a variance of which a level says so little is 0
constexpr double kManyTimes = 100;        // a variance so large beside the residual one that this may be 0
constexpr double kSignificant = 1e-10;    // change of the criterion, relative to its size
constexpr double kOneOptimum = 1e-6;      // values that differ by less belong to one optimum
constexpr std::size_t kMostEnds = 20;     // that are looked at

double per_level(const Problem& problem, const Term& term) {
  return static_cast<double>(problem.n) / static_cast<double>(problem.layout->groups[term.group].levels);
}

}  // namespace

bool OptimumTest::operator()(const KnownOptimum& at) {
  at_ = at;
  if (falls_with_residual() || falls_along_entries()) return false;
  const std::vector<Term>& terms = problem_.layout->terms;
  return std::none_of(terms.begin(), terms.end(), [&](const Term& term) { return falls_with_variance(term); });
}

template <class Path>
bool OptimumTest::falls(Path path, int points) {
  const double least = kSignificant * (1 + std::abs(at_.value)) + 4 * at_.noise;
  for (int k = 0; k < points; ++k) {
    const double change = criterion_.evaluate(path(k)).value - at_.value;
    if (!(std::abs(change) <= least)) return change < 0;
  }
  return false;
}

bool OptimumTest::falls_along_entries() {
  for (Index j = 0; j < at_.theta.size(); ++j) {
    const double unit = 1e-4 * std::max(std::abs(at_.theta[j]), 0.01);
    for (const double sign : {-1.0, 1.0})
      if (falls(
              [&](int k) {
                VectorXd theta = at_.theta;
                theta[j] += sign * unit * std::pow(3, k);
                return theta;
              },
              12))
        return true;
  }
  return false;
}

bool OptimumTest::falls_with_residual() {
  const double ratio = largest_ratio(problem_, at_.theta);
  if (problem_.known_sigma2 || !(ratio > kManyTimes)) return false;
  const int points = static_cast<int>(std::ceil(2 * std::log10(ratio)));
  return falls([&](int k) { return problem_.layout->scaled(at_.theta, std::pow(10, -0.25 * (k + 1))); }, points);
}

bool OptimumTest::falls_with_variance(const Term& term) {
  const double level = per_level(problem_, term);
  if (term.structure->sigma(term.own(at_.theta), term.q).diagonal().maxCoeff() * level > kNegligible) return false;
  for (const VectorXd& shape : shapes(term)) {
    const double size = term.structure->sigma(shape, term.q).diagonal().maxCoeff() * level;
    const auto grown = [&](int k) {
      VectorXd theta = at_.theta;
      const double scale = std::sqrt(std::pow(10, k) * kNegligible / size);
      theta.segment(term.theta, term.n_theta) = term.structure->scaled(shape, term.q, scale);
      return theta;
    };
    if (size > 0 && std::isfinite(size) && falls(grown, 6)) return true;
  }
  return false;
}

// Covariance matrices of other shapes: Sigma = I, and what one entry of theta makes of it.
std::vector<VectorXd> OptimumTest::shapes(const Term& term) const {
  const VectorXd plain = term.structure->start(term.q);
  std::vector<VectorXd> out = {plain};
  for (Index j = 0; j < term.n_theta && term.n_theta > 1; ++j)
    for (const double change : {-2.0, -0.7, 0.7, 2.0}) {
      out.push_back(plain);
      out.back()[j] += change;
    }
  return out;
}

void keep_optima(const Problem& problem, const FitOptions& options, Monitor& monitor, FitOutcome& out) {
  const Criterion criterion(problem, options.reml, monitor);
  OptimumTest is_optimum(problem, criterion);
  const double least = out.optimum.value + 1e6 * out.rounding;
  struct Verdict {
    double value;
    bool optimum;
  };
  std::vector<Verdict> known;
  for (const KnownOptimum& end : out.ends) {
    if (!(end.value > least) || known.size() >= kMostEnds) continue;
    SearchFunction f(criterion);
    const Optimum found = minimize(f, end.theta, options.search, monitor);
    out.evaluations += found.evaluations;
    if (found.status != "converged" || !(found.value > least)) continue;
    auto same = std::find_if(known.begin(), known.end(), [&](const Verdict& own) {
      return std::abs(own.value - found.value) < kOneOptimum;
    });
    if (same == known.end())
      same = known.insert(same, {found.value, is_optimum({found.theta, found.value, f.noise()})});
    if (same->optimum) out.others.push_back(found.value);
  }
}

}  // namespace henderson
