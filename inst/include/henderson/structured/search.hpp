// The search for (theta, psi): starting values from least-squares residuals, Newton's method with the exact Hessian.
#ifndef HENDERSON_STRUCTURED_SEARCH_HPP
#define HENDERSON_STRUCTURED_SEARCH_HPP

#include <limits>
#include <utility>

#include "henderson/optimize/minimize.hpp"
#include "henderson/structured/derivatives.hpp"
#include "henderson/structured/residual_moments.hpp"

namespace henderson {

// The criterion as minimize() wants it. A point is theta followed by psi; a step is one in theta and one in the
// coordinates that the residual structure takes about psi.
class StructuredFunction {
 public:
  explicit StructuredFunction(const StructuredCriterion& criterion) : criterion_(&criterion) {}
  Index n_theta() const { return criterion_->problem().layout.n_theta; }

  double value(const VectorXd& x) {
    at_ = criterion_->evaluate(x.head(n_theta()), x.tail(x.size() - n_theta()));
    return at_.value;
  }
  void derivatives(const VectorXd& x, VectorXd& gradient, MatrixXd& hessian) {
    if (x.head(n_theta()) != at_.theta || x.tail(x.size() - n_theta()) != at_.psi) value(x);
    const StructuredProblem& pr = criterion_->problem();
    const std::vector<RandomDirection> random = directions();
    const StructuredSums s = StructuredSummer(*criterion_, at_, random, false).run();
    const StructuredMoments m = structured_moments(s, at_, pr.reml);
    const VectorXd slope = m.trace - m.quadratic;
    MatrixXd h = 2 * m.ai - m.t;
    if (!(pr.sigma2 > 0)) h -= m.quadratic * m.quadratic.transpose() / at_.degrees;
    const Index u = s.random, r = s.residual;
    h.topLeftCorner(u, u) += random_curvature(s);
    h.bottomRightCorner(r, r) += m.residual_curvature;
    MatrixXd j = MatrixXd::Identity(u + r, u + r);
    j.bottomRightCorner(r, r) = pr.residual.jacobian(at_.psi);
    gradient = j.transpose() * slope;
    hessian = j.transpose() * h * j;
    hessian.bottomRightCorner(r, r) += pr.residual.curvature(at_.psi, slope.tail(r));
  }
  VectorXd moved(const VectorXd& x, const VectorXd& step) const {
    const Index u = n_theta(), r = x.size() - u;
    VectorXd out(x.size());
    out << x.head(u) + step.head(u), criterion_->problem().residual.moved(x.tail(r), step.tail(r));
    return out;
  }
  bool leave(const VectorXd&, double, const NewtonStep&) const { return false; }
  bool exact() const { return true; }
  double noise() const {
    return 16 * std::numeric_limits<double>::epsilon() *
           (std::abs(at_.log_det_v) + std::abs(at_.log_det_x) + at_.degrees * (1 + std::abs(std::log(at_.sigma2))));
  }
  const StructuredPoint& last() const { return at_; }

 private:
  std::vector<RandomDirection> directions() const {
    std::vector<RandomDirection> out;
    const Layout& layout = criterion_->problem().layout;
    for (std::size_t t = 0; t < layout.terms.size(); ++t) {
      const Term& term = layout.terms[t];
      const VectorXd own = at_.theta.segment(term.theta, term.n_theta);
      for (Index k = 0; k < term.n_theta; ++k) {
        const MatrixXd e = term.structure->sigma_derivative(own, term.q, k);
        out.push_back({static_cast<int>(t), term.group, embedded(layout, term, e)});
      }
    }
    return out;
  }
  static MatrixXd embedded(const Layout& layout, const Term& term, const MatrixXd& e) {
    MatrixXd out = MatrixXd::Zero(layout.groups[term.group].q, layout.groups[term.group].q);
    out.block(term.column, term.column, term.q, term.q) = e;
    return out;
  }
  MatrixXd random_curvature(const StructuredSums& s) const {
    const StructuredProblem& pr = criterion_->problem();
    MatrixXd out = MatrixXd::Zero(s.random, s.random);
    for (const Term& term : pr.layout.terms) {
      const MatrixXd whole =
          s.level_t[term.group] - (pr.reml ? 1.0 : 0.0) * s.level_x[term.group] - s.level_e[term.group] / at_.sigma2;
      const MatrixXd score = whole.block(term.column, term.column, term.q, term.q);
      const VectorXd own = at_.theta.segment(term.theta, term.n_theta);
      for (Index k = 0; k < term.n_theta; ++k)
        for (Index j = 0; j <= k; ++j) {
          const MatrixXd half = term.structure->half_curvature(own, term.q, k, j);
          out(term.theta + k, term.theta + j) = out(term.theta + j, term.theta + k) =
              2 * score.cwiseProduct(half).sum();
        }
    }
    return out;
  }

  const StructuredCriterion* criterion_;
  StructuredPoint at_;
};

struct StructuredOptions {
  Options search;
  VectorXd theta, psi;  // start, or empty
};

struct StructuredOutcome {
  Optimum optimum;
  StructuredPoint at;
  std::vector<bool> singular;
  int starts = 0, evaluations = 0;
};

class StructuredSearch {
 public:
  StructuredSearch(const StructuredProblem& problem, const ResidualMoments& moments, const StructuredOptions& options,
                   Monitor& monitor)
      : pr_(problem), moments_(moments), options_(options), monitor_(monitor), criterion_(problem, monitor) {}

  StructuredOutcome run() {
    std::vector<VectorXd> starts = candidates();
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t k = 0; k < starts.size(); ++k) {
      const Index u = pr_.layout.n_theta;
      const double value =
          starts.size() > 1 ? criterion_.evaluate(starts[k].head(u), starts[k].tail(starts[k].size() - u)).value : 0;
      if (starts.size() > 1) ++out_.evaluations;
      if (std::isfinite(value)) order.emplace_back(value, k);
    }
    std::sort(order.begin(), order.end());
    const std::size_t wanted = order.size() > 2 ? 2 : order.size();
    for (std::size_t k = 0; k < wanted; ++k)
      search(starts[order[k].second]);
    for (std::size_t k = wanted; k < order.size() && out_.optimum.status != "converged"; ++k)
      search(starts[order[k].second]);
    snap();
    return std::move(out_);
  }

 private:
  std::vector<VectorXd> candidates() const {
    const Index u = pr_.layout.n_theta;
    std::vector<VectorXd> psi = options_.psi.size() == pr_.residual.size() && options_.psi.size() > 0
                                    ? std::vector<VectorXd>{options_.psi}
                                    : residual_starts();
    std::vector<VectorXd> theta;
    if (options_.theta.size() == u && u > 0)
      theta.push_back(options_.theta);
    else if (u == 0)
      theta.emplace_back();
    else
      for (const double scale : {0.6, 0.15}) {
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
    return out;
  }

  std::vector<VectorXd> residual_starts() const {
    ResidualMoments relative = moments_;
    if (pr_.sigma2 > 0) {
      relative.variance /= pr_.sigma2;
      relative.covariance /= pr_.sigma2;
    }
    std::vector<VectorXd> out;
    for (const VectorXd& own : pr_.residual.structure().starts(relative)) {
      VectorXd all = VectorXd::Zero(pr_.residual.size());
      for (Index g = 0; g < pr_.residual.groups(); ++g)
        all.segment(g * own.size(), own.size()) = own;
      out.push_back(all);
    }
    return out;
  }

  void search(const VectorXd& start) {
    StructuredFunction f(criterion_);
    Optimum found = minimize(f, start, options_.search, monitor_);
    ++out_.starts;
    out_.evaluations += found.evaluations;
    if (!std::isfinite(found.value)) {
      if (out_.starts == 1) out_.optimum = found;
      return;
    }
    const double noise = 1e-12 * (1 + std::abs(found.value)) + f.noise();
    const bool better =
        out_.starts == 1 || !std::isfinite(out_.optimum.value) || found.value < out_.optimum.value - noise ||
        (out_.optimum.status != "converged" && found.status == "converged" && found.value < out_.optimum.value + noise);
    if (!better) return;
    out_.optimum = std::move(found);
    out_.at = f.last();
  }

  // A covariance of random effects this close to singular is tried as exactly singular.
  void snap() {
    const Layout& layout = pr_.layout;
    out_.singular.assign(layout.terms.size(), false);
    if (!out_.at.ok()) return;
    VectorXd theta = out_.at.theta;
    for (std::size_t t = 0; t < layout.terms.size(); ++t) {
      const Term& term = layout.terms[t];
      const double per_level = static_cast<double>(pr_.n) / static_cast<double>(layout.groups[term.group].levels);
      bool own = false;
      const VectorXd next = term.structure->snapped(term.own(theta), term.q, 1e-8 / per_level, own);
      out_.singular[t] = own;
      if (own) theta.segment(term.theta, term.n_theta) = next;
    }
    if (theta == out_.at.theta) return;
    const StructuredPoint snapped = criterion_.evaluate(theta, out_.at.psi);
    ++out_.evaluations;
    if (snapped.ok() && snapped.value <= out_.at.value + 1e-7) {
      out_.at = snapped;
      out_.optimum.theta.head(theta.size()) = theta;
      out_.optimum.value = snapped.value;
    } else {
      out_.singular.assign(layout.terms.size(), false);
    }
  }

  const StructuredProblem& pr_;
  ResidualMoments moments_;
  StructuredOptions options_;
  Monitor& monitor_;
  StructuredCriterion criterion_;
  StructuredOutcome out_;
};

// The same point with sigma^2 = 1, for structures that hold the variances themselves.
inline StructuredPoint absolute_point(StructuredProblem& problem, const StructuredPoint& at, Checkpoint& checkpoint) {
  const double scale = at.sigma2;
  VectorXd theta = at.theta, psi = at.psi;
  for (const Term& term : problem.layout.terms) {
    const MatrixXd l = term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
    theta.segment(term.theta, term.n_theta) = term.structure->of_root(std::sqrt(scale) * l);
  }
  const std::vector<ResidualParameter> all = problem.residual.parameters();
  for (Index k = 0; k < psi.size(); ++k)
    if (all[k].kind == ResidualKind::variance || all[k].kind == ResidualKind::covariance) psi[k] *= scale;
  problem.sigma2 = 1;
  return StructuredCriterion(problem, checkpoint).evaluate(theta, psi);
}

}  // namespace henderson

#endif
