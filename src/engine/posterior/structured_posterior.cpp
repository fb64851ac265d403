#include "henderson/posterior/structured_posterior.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "henderson/linalg/error.hpp"
#include "henderson/optimize/workers.hpp"
#include "henderson/structured/unit_equations.hpp"

namespace henderson {

namespace {

std::vector<MatrixXd> bases_of(const Coordinates& coordinates) {
  std::vector<MatrixXd> out;
  for (const TermCoordinates& term : coordinates.terms) out.push_back(term.basis);
  return out;
}

// One thread's share of the draws: the evaluation of the point at hand, and what is drawn from it.
class StructuredDrawer {
 public:
  StructuredDrawer(const StructuredPosterior& model, const EffectRequest& request, const CoefficientPrior& prior,
                   Checkpoint& checkpoint)
      : model_(model), request_(request), prior_(prior), criterion_(model.problem(), checkpoint) {}

  void draw(Index i, EffectDraws& out) {
    const bool random = request_.normals_b.size() > 0;
    if (point_ != request_.point_of[i]) {
      point_ = request_.point_of[i];
      at_ = model_.point(criterion_, request_.points.col(*point_));
      if (!at_.ok()) throw Error("not_finite", "the criterion is not finite at these parameters");
      if (random) prepare();
    }
    const double sigma = request_.sigma[i];
    const CoefficientPosterior c(at_.beta, at_.x_root, at_.log_det_x, at_.r2, sigma, prior_);
    const VectorXd beta = c.draw(request_.normals_beta.col(i), sigma);
    const Projection& x = model_.coordinates().x;
    out.beta.col(i) = x.response.col(0) + x.basis * beta;
    if (random) draw_random(i, sigma, beta, out);
  }

 private:
  void prepare() {
    const StructuredProblem& pr = model_.problem();
    const Operators operators = make_operators(pr, at_.psi, 0, criterion_.checkpoint());
    equations_.clear();
    for (const Unit& unit : pr.all_units())
      if (unit.q > 0) equations_.emplace_back(unit, operators, at_.factor, pr.p + 1, criterion_.checkpoint());
  }

  // A unit's random effects are normal with mean N Z'R^{-1}(y - X beta) and covariance matrix sigma^2 N.
  void draw_random(Index i, double sigma, const VectorXd& beta, EffectDraws& out) const {
    const StructuredProblem& pr = model_.problem();
    std::vector<MatrixXd> effects;
    for (const Group& g : pr.layout.groups) effects.push_back(MatrixXd::Zero(g.q, g.levels));
    Index used = 0;
    for (const UnitEquations& own : equations_) {
      const Index q = own.unit().q;
      const MatrixXd& right = own.right();
      MatrixXd u = own.half(right.col(pr.p) - right.leftCols(pr.p) * beta);
      u += sigma * request_.normals_b.col(i).segment(used, q);
      used += q;
      const MatrixXd b = own.effects(u);
      for (const UnitLevel& l : own.unit().levels)
        effects[l.group].col(l.level) = b.col(0).segment(l.first, pr.layout.groups[l.group].q);
    }
    store_effects(pr.layout, model_.bases(), [&](int g, Index l) { return effects[g].col(l).data(); }, out.b.col(i));
  }

  const StructuredPosterior& model_;
  const EffectRequest& request_;
  const CoefficientPrior& prior_;
  StructuredCriterion criterion_;
  StructuredPoint at_;
  std::optional<Index> point_;  // where the evaluation is
  std::vector<UnitEquations> equations_;  // of the units with random effects
};

}  // namespace

StructuredPosterior::StructuredPosterior(const StructuredProblem& problem, const Coordinates& coordinates)
    : problem_(problem), coordinates_(coordinates), bases_(bases_of(coordinates)), map_(problem_.layout, bases_) {
  problem_.reml = true;
}

Index StructuredPosterior::random_columns() const { return problem_.layout.random_columns(); }

StructuredPoint StructuredPosterior::point(const StructuredCriterion& criterion,
                                           const Eigen::Ref<const VectorXd>& x) const {
  const VectorXd theta = map_.theta(x.head(map_.size()));
  return theta.allFinite() ? criterion.evaluate(theta, x.tail(problem_.residual.size())) : StructuredPoint();
}

TargetValues StructuredPosterior::evaluate(const MatrixXd& points, const VectorXd& sigma,
                                           const CoefficientPrior& prior, bool coefficients, int threads,
                                           Checkpoint& checkpoint) const {
  const Index n = points.cols();
  TargetValues out(n, coefficients ? problem_.p : 0);
  work_in_blocks(n, threads, checkpoint, [&](Index first, Index last, Checkpoint& own) {
    const StructuredCriterion criterion(problem_, own);
    for (Index i = first; i < last; ++i) {
      const StructuredPoint at = point(criterion, points.col(i));
      if (!at.ok()) continue;
      out.set(i, {at.beta, at.x_root, at.log_det_x, at.r2, prior.flat() ? 1 : sigma[i], prior},
              at.log_det_v + 2 * problem_.log_det_r - problem_.log_weight, coordinates_.x);
    }
  });
  return out;
}

EffectDraws StructuredPosterior::draw(const EffectRequest& request, const CoefficientPrior& prior, int threads,
                                      Checkpoint& checkpoint) const {
  return draw_all<StructuredDrawer>(*this, request, prior, threads, checkpoint);
}

}  // namespace henderson
