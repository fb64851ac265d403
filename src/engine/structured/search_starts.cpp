#include "henderson/structured/search_starts.hpp"

#include <algorithm>
#include <cmath>

namespace henderson {

// Numbers of the starts by the criterion there, the lowest first.
std::vector<std::size_t> StructuredSearch::ranked(const std::vector<VectorXd>& starts) {
  const Index u = pr_.layout.n_theta;
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t k = 0; k < starts.size(); ++k) {
    const bool alone = starts.size() == 1;
    const double value = alone ? 0 : criterion_.evaluate(starts[k].head(u), starts[k].tail(starts[k].size() - u)).value;
    if (!alone) ++out_.evaluations;
    if (std::isfinite(value)) order.emplace_back(value, k);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::size_t> out;
  for (const auto& own : order)
    out.push_back(own.second);
  return out;
}

// The second of the starts is the best one with other random effects, which long ranges can stand in for.
void StructuredSearch::apart(std::vector<std::size_t>& order, const std::vector<VectorXd>& starts) const {
  const Index u = pr_.layout.n_theta;
  if (u == 0 || order.empty()) return;
  const VectorXd first = starts[order[0]].head(u);
  const auto other = std::find_if(order.begin(), order.end(),
                                  [&](std::size_t k) { return starts[k].head(u) != first; });
  if (other != order.end()) std::rotate(order.begin() + 1, other, other + 1);
}

// First comes the best start for each of the residual parameters' starts. Returns their number.
std::size_t StructuredSearch::each_once(std::vector<std::size_t>& order, const std::vector<VectorXd>& starts) const {
  const Index r = pr_.residual.size();
  std::vector<VectorXd> seen;
  const auto rest = std::stable_partition(order.begin(), order.end(), [&](std::size_t k) {
    const VectorXd own = starts[k].tail(r);
    if (std::find(seen.begin(), seen.end(), own) != seen.end()) return false;
    seen.push_back(own);
    return true;
  });
  return static_cast<std::size_t>(rest - order.begin());
}

// Ranges, shares and moving averages have several local optima as a rule.
bool StructuredSearch::several_optima() const {
  for (const ResidualParameter& own : pr_.residual.parameters())
    if (own.kind == ResidualKind::range || own.kind == ResidualKind::share || own.kind == ResidualKind::exponent ||
        own.kind == ResidualKind::moving_average || own.kind == ResidualKind::constant)
      return true;
  return false;
}

std::vector<VectorXd> StructuredSearch::candidates() const {
  const bool held = pr_.known_sigma2 && !pr_.residual.owns_scale();
  const double unit = held ? std::sqrt(moments_.variance / *pr_.known_sigma2) : 1;
  const Index u = pr_.layout.n_theta;
  const bool given = options_.psi.size() == pr_.residual.size() && options_.psi.size() > 0;
  const std::vector<VectorXd> psi = given && !options_.more ? std::vector<VectorXd>{options_.psi} : residual_starts();
  std::vector<VectorXd> theta;
  if (options_.theta.size() == u && u > 0 && !options_.more)
    theta.push_back(options_.theta);
  else if (u == 0)
    theta.emplace_back();
  else
    for (const double share : {4.0, 0.6, 0.15}) {
      const double scale = share * unit;
      VectorXd own(u);
      for (const Term& term : pr_.layout.terms)
        own.segment(term.theta, term.n_theta) =
            term.structure->project(scale * scale * MatrixXd::Identity(term.q, term.q));
      theta.push_back(own);
    }
  std::vector<VectorXd> out;
  for (const VectorXd& t : theta)
    for (const VectorXd& r : psi) {
      out.emplace_back(t.size() + r.size());
      out.back() << t, r;
    }
  if (given && options_.more && options_.theta.size() == u) {
    out.emplace_back(u + options_.psi.size());
    out.back() << options_.theta, options_.psi;
  }
  return out;
}

std::vector<VectorXd> StructuredSearch::residual_starts() const {
  ResidualMoments relative = moments_;
  if (pr_.known_sigma2) {
    relative.variance /= *pr_.known_sigma2;
    relative.covariance /= *pr_.known_sigma2;
  }
  return pr_.residual.starts(relative, covariates());
}

// Variance covariates of the rows, pattern by pattern.
MatrixXd StructuredSearch::covariates() const {
  Index n = 0, k = 0;
  for (const Pattern& pattern : pr_.units.patterns) {
    n += pattern.w.rows();
    k = pattern.w.cols();
  }
  MatrixXd out(n, k);
  n = 0;
  for (const Pattern& pattern : pr_.units.patterns) {
    out.middleRows(n, pattern.w.rows()) = pattern.w;
    n += pattern.w.rows();
  }
  return out;
}

}  // namespace henderson
