// A fit with some variance parameters held at known values.
#ifndef HENDERSON_FIT_HELD_HPP
#define HENDERSON_FIT_HELD_HPP

#include <algorithm>
#include <utility>
#include <vector>

#include "henderson/fit/constrained.hpp"
#include "henderson/fit/fitter.hpp"
#include "henderson/fit/moment_start.hpp"

namespace henderson {

class HeldFitter {
 public:
  HeldFitter(const Problem& problem, const CrossProducts& data, const FitOptions& options, Monitor& monitor)
      : problem_(problem), layout_(*problem.layout), data_(data), options_(options), monitor_(monitor), held_(options.held),
        search_(problem, data, options.reml, monitor) {
    if (options.sigma > 0) held_.push_back({-1, 0, 0, options.sigma});
  }

  FitOutcome run() {
    FitOutcome out;
    out.confounded = confounded_terms();
    out.identified = out.confounded.empty();
    if (!out.identified) return out;
    const VectorXd neutral = neutral_theta(layout_);
    std::vector<VectorXd> starts = {options_.start.size() == layout_.n_theta ? options_.start : neutral};
    if (problem_.rest.factor_entries() < 2000000)
      for (const double scale : {0.2, 5.0}) starts.push_back(scale * neutral);
    ConstrainedPoint best;
    for (const VectorXd& start : starts) {
      best = better(best, from(start, held_, out));
      monitor_.check();
    }
    best = drop_zeros(best, out);
    out.sigma = best.sigma;
    fill(best, out.optimum);
    out.optimum.evaluations = out.evaluations;
    return out;
  }

 private:
  static ConstrainedPoint better(const ConstrainedPoint& a, const ConstrainedPoint& b) {
    const double noise = 1e-10 * (1 + std::abs(b.value));
    const bool take = a.theta.size() == 0 || b.value < a.value - noise || (b.converged && !a.converged && b.value < a.value + noise);
    return take ? b : a;
  }

  ConstrainedPoint from(const VectorXd& theta, const std::vector<Held>& held, FitOutcome& out) {
    const auto at = obeying(theta);
    ++out.starts;
    ConstrainedPoint found = search_.run(held, at.first, at.second);
    out.evaluations += found.evaluations;
    return found;
  }

  // theta and sigma near a given theta that have the held values.
  std::pair<VectorXd, double> obeying(const VectorXd& theta) const {
    const double sigma = options_.sigma > 0 ? options_.sigma : std::sqrt(problem_.total / static_cast<double>(problem_.n)) / 2;
    VectorXd out = theta;
    for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
      const Term& term = layout_.terms[t];
      const MatrixXd& basis = data_.z_basis[t];
      MatrixXd s = sigma * sigma * basis * term.structure->sigma(theta.segment(term.theta, term.n_theta), term.q) * basis.transpose();
      VectorXd sd = s.diagonal().cwiseSqrt();
      MatrixXd r = MatrixXd::Identity(term.q, term.q);
      for (Index j = 0; j < term.q; ++j)
        for (Index i = 0; i < term.q; ++i)
          if (i != j && sd[i] > 0 && sd[j] > 0) r(i, j) = s(i, j) / (sd[i] * sd[j]);
      bool own = false;
      for (const Held& h : held_) {
        if (h.term != static_cast<int>(t)) continue;
        own = true;
        if (h.row == h.col) {
          sd[h.row] = h.value;
        } else {
          r(h.row, h.col) = r(h.col, h.row) = h.value;
        }
      }
      if (!own) continue;
      s = sd.asDiagonal() * r * sd.asDiagonal();
      const Eigen::HouseholderQR<MatrixXd> qr(basis);
      const MatrixXd half = qr.solve(s).transpose();
      out.segment(term.theta, term.n_theta) = term.structure->nearest(qr.solve(half) / (sigma * sigma));
    }
    return {out, sigma};
  }

  // Entries of theta that stand alone and end at zero are zero.
  ConstrainedPoint drop_zeros(const ConstrainedPoint& found, FitOutcome& out) {
    std::vector<bool> singular;
    const VectorXd snap = snapped(problem_, found.theta, singular);
    out.singular.assign(singular.size(), false);
    std::vector<Held> held = held_;
    for (std::size_t t = 0; t < singular.size(); ++t) {
      const Term& term = layout_.terms[t];
      if (!singular[t]) continue;
      const bool alone = term.q == 1 || term.n_theta == term.q;
      bool free = !alone;
      for (Index j = 0; alone && j < term.q; ++j) {
        const bool known = std::any_of(held_.begin(), held_.end(), [&](const Held& h) {
          return h.term == static_cast<int>(t) && h.row == j && h.col == j;
        });
        if (known || snap[term.theta + j] != 0) continue;
        held.push_back({static_cast<int>(t), j, j, 0});
        free = true;
      }
      out.singular[t] = free;
    }
    if (held.size() == held_.size()) return found;
    VectorXd theta = found.theta;
    for (std::size_t h = held_.size(); h < held.size(); ++h) theta[layout_.terms[held[h].term].theta + held[h].row] = 0;
    ConstrainedPoint zero = search_.run(held, theta, found.sigma);
    out.evaluations += zero.evaluations;
    if (zero.converged && zero.value <= found.value + 1e-7) return zero;
    out.singular.assign(singular.size(), false);
    return found;
  }

  void fill(const ConstrainedPoint& best, Optimum& out) const {
    out.theta = canonical(layout_, best.theta);
    out.value = best.value;
    out.decrement = best.decrement;
    out.status = best.converged ? "converged" : "no_further_progress";
  }

  // The terms that cannot be told apart when the held parameters are known.
  std::vector<int> confounded_terms() const {
    const auto start = obeying(neutral_theta(layout_));
    const Evaluation at = Criterion(problem_, true, monitor_).evaluate(start.first);
    if (!at.ok()) return {};
    const std::vector<Direction> directions = natural_directions(layout_);
    const Evidence evidence = natural_evidence(at, directions);
    // theta moves the natural parameters, (theta, log sigma) the absolute ones.
    const std::vector<Direction> moves = theta_directions(layout_, start.first);
    const Index k = evidence.information.rows() - 1, free = layout_.n_theta;
    MatrixXd jacobian = MatrixXd::Zero(k + 1, free + 1);
    for (Index i = 0; i < k; ++i) {
      Index row, col;
      directions[i].e.cwiseAbs().maxCoeff(&row, &col);
      for (Index j = 0; j < free; ++j)
        if (moves[j].group == directions[i].group) jacobian(i, j) = moves[j].e(row, col);
      jacobian(i, free) = 2 * psi_of(at, directions)[i];
    }
    jacobian(k, free) = 2;
    const MatrixXd c = search_.constraint_gradients(held_, start.first, start.second);
    return confounded_along(layout_, evidence, jacobian * Spanned(c).along());
  }

  Evidence natural_evidence(const Evaluation& at, const std::vector<Direction>& directions) const {
    if (!exact_moments(problem_)) return MomentStart(layout_, data_).equations(directions, problem_.n, problem_.total).evidence;
    const Criterion criterion(problem_, true, monitor_);
    return evidence_at(criterion, at, directions, moments(criterion, at, directions));
  }

  const Problem& problem_;
  const Layout& layout_;
  const CrossProducts& data_;
  const FitOptions& options_;
  Monitor& monitor_;
  std::vector<Held> held_;
  ConstrainedSearch search_;
};

}  // namespace henderson

#endif
