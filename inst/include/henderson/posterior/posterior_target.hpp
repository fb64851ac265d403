// What the data say about the variance parameters, at many points: the parts of the posterior density, and draws of the
// coefficients and the random effects given these parameters.
//
// With V relative to sigma^2, beta integrated out under a flat or normal prior, and nu = n - p,
//   log p(y | point, sigma) = const - log_det / 2 - nu log sigma - r2 / (2 sigma^2).
// A point holds the random terms' standard deviations or lower factors in the user's columns, relative to sigma, and
// then the parameters of a residual structure, if there is one.
#ifndef HENDERSON_POSTERIOR_POSTERIOR_TARGET_HPP
#define HENDERSON_POSTERIOR_POSTERIOR_TARGET_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/data/coordinates.hpp"
#include "henderson/data/layout.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {

// A normal prior on the coefficients of the orthogonal columns; without rows the prior is flat.
struct CoefficientPrior {
  MatrixXd precision;
  VectorXd mean;
  bool flat() const { return precision.size() == 0; }
};

// The normal distribution of the coefficients given the variances, in orthogonal coordinates: covariance
// sigma^2 (root root')^{-1}; r2 is that of the data and the prior.
struct CoefficientPosterior {
  VectorXd mean;
  MatrixXd root;
  double log_det = 0, r2 = 0;

  // `beta`, `x_root`, `log_det_x`, `r2`: what an evaluation of the criterion has of them.
  CoefficientPosterior(const VectorXd& beta, const MatrixXd& x_root, double log_det_x, double r2, double sigma,
                       const CoefficientPrior& prior);
  // Of standard normal numbers.
  VectorXd draw(VectorXd normals, double sigma) const {
    root.triangularView<Eigen::Lower>().transpose().solveInPlace(normals);
    return mean + sigma * normals;
  }
};

// A column or entry for each point.
struct TargetValues {
  VectorXd log_det, r2;  // log_det is infinite where the density is zero
  // Kept coefficients in the user's columns: means, and square matrices S, stacked, of covariance sigma^2 S S'.
  MatrixXd beta, spread;

  // Of `points` points with p kept coefficients, p = 0 where they are not asked for; all densities zero.
  TargetValues(Index points, Index p);
  // `constant`: what log_det has beside the coefficients.
  void set(Index point, const CoefficientPosterior& own, double constant, const Projection& x);
};

// What is to be drawn. Draws of the same point stand side by side in `point_of`, which ascends.
struct EffectRequest {
  MatrixXd points;              // a column for each point
  std::vector<Index> point_of;  // the point of each draw
  VectorXd sigma;               // of each draw
  MatrixXd normals_beta;        // coefficients x draws, standard normal
  MatrixXd normals_b;           // random effects x draws, or empty: the random effects are not wanted
};

struct EffectDraws {
  MatrixXd beta;  // kept coefficients x draws, in the user's columns
  MatrixXd b;     // random effects x draws: term by term, column by column, level by level
};

// All draws, shared among threads by blocks, each with a drawer of its own.
template <class Drawer, class Model>
EffectDraws draw_all(const Model& model, const EffectRequest& request, const CoefficientPrior& prior, int threads,
                     Checkpoint& checkpoint) {
  EffectDraws out;
  const Index n = request.sigma.size();
  out.beta.resize(model.coefficients(), n);
  if (request.normals_b.size() > 0) out.b.resize(request.normals_b.rows(), n);
  work_in_blocks(n, threads, checkpoint, [&](Index first, Index last, Checkpoint& own) {
    Drawer drawer(model, request, prior, own);
    for (Index i = first; i < last; ++i) drawer.draw(i, out);
  });
  return out;
}

// The random effects of one draw in the user's columns and order. `of_level(group, level)`: where the effects of a
// level stand, in the engine's columns of its group.
template <class OfLevel>
void store_effects(const Layout& layout, const std::vector<MatrixXd>& bases, const OfLevel& of_level,
                   Eigen::Ref<VectorXd> out) {
  Index at = 0;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    MatrixXd own(layout.groups[term.group].levels, term.q);
    for (Index l = 0; l < own.rows(); ++l) {
      const double* effects = of_level(term.group, l) + term.column;
      for (Index k = 0; k < term.q; ++k) own(l, k) = effects[k];
    }
    const MatrixXd user = own * bases[t].transpose();
    out.segment(at, user.size()) = Eigen::Map<const VectorXd>(user.data(), user.size());
    at += user.size();
  }
}

// theta of the random terms' entries in a point: for each term its lower triangle, column by column, its standard
// deviations if these are all it has, or the natural parameters of the engine's columns for other structures and where
// some parameters are held; NaN where these have no covariance matrix. Nothing for terms whose parameters are all held.
class PointMap {
 public:
  PointMap(const Layout& layout, std::vector<MatrixXd> z_basis);
  Index size() const { return size_; }
  VectorXd theta(const Eigen::Ref<const VectorXd>& point) const;

 private:
  const Layout* layout_;
  std::vector<MatrixXd> z_basis_, to_engine_;
  Index size_ = 0;
};

class PosteriorTarget {
 public:
  virtual ~PosteriorTarget() = default;
  virtual Index point_size() const = 0;
  virtual Index coefficients() const = 0;
  virtual Index random_columns() const = 0;
  // `sigma` matters only where the coefficients have a normal prior.
  virtual TargetValues evaluate(const MatrixXd& points, const VectorXd& sigma, const CoefficientPrior& prior,
                                bool coefficients, int threads, Checkpoint& checkpoint) const = 0;
  virtual EffectDraws draw(const EffectRequest& request, const CoefficientPrior& prior, int threads,
                           Checkpoint& checkpoint) const = 0;
};

}  // namespace henderson

#endif
