// What the data say about the variance parameters, at many points: the parts of the posterior density.
//
// With V relative to sigma^2, beta integrated out under a flat or normal prior, and nu = n - p,
//   log p(y | point, sigma) = const - log_det / 2 - nu log sigma - r2 / (2 sigma^2).
// A point is given by lower factors of the terms' covariance matrices in the user's columns, relative to sigma.
#ifndef HENDERSON_POSTERIOR_POSTERIOR_MODEL_HPP
#define HENDERSON_POSTERIOR_POSTERIOR_MODEL_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/criterion.hpp"

namespace henderson {

// A normal prior on the coefficients of the orthogonal columns; without rows the prior is flat.
struct CoefficientPrior {
  MatrixXd precision;
  VectorXd mean;
  bool flat() const { return precision.size() == 0; }
};

// The normal distribution of the coefficients given the variances, in orthogonal coordinates: covariance
// sigma^2 (root root')^{-1}.
struct CoefficientPosterior {
  VectorXd mean;
  MatrixXd root;
  double log_det = 0, r2 = 0;
};

// A column or entry for each point.
struct TargetValues {
  VectorXd log_det, r2;  // log_det is infinite where the density is zero
  // Kept coefficients in the user's columns: means, and square matrices S, stacked, of covariance sigma^2 S S'.
  MatrixXd beta, spread;
};

class PosteriorModel {
 public:
  PosteriorModel(const Layout& layout, CrossProducts data, double memory_limit, Checkpoint& checkpoint);
  PosteriorModel(const PosteriorModel&) = delete;
  PosteriorModel& operator=(const PosteriorModel&) = delete;

  const Layout& layout() const { return layout_; }
  const CrossProducts& data() const { return data_; }
  // With every level of the leading factor, which random effects need; and the one that is evaluated fastest.
  const Problem& by_level() const { return by_level_; }
  const Problem& fastest() const { return mix_ ? mixed_ : by_level_; }
  // Length of one point: for each term its lower triangle, column by column, or its standard deviations if diagonal.
  Index point_size() const { return point_size_; }
  Index coefficients() const { return data_.p(); }

  VectorXd theta_of(const Eigen::Ref<const VectorXd>& point) const;

  CoefficientPosterior coefficients_at(const Evaluation& at, double sigma, const CoefficientPrior& prior) const;

  // `sigma` matters only where the coefficients have a normal prior.
  TargetValues evaluate(const MatrixXd& points, const VectorXd& sigma, const CoefficientPrior& prior, bool coefficients,
                        int threads, Checkpoint& checkpoint) const;

 private:
  void fill(Index column, const Evaluation& at, double sigma, const CoefficientPrior& prior, bool coefficients,
            TargetValues& out) const;

  Layout layout_;
  CrossProducts data_;
  Problem by_level_, mixed_;
  std::vector<MatrixXd> to_engine_;  // inverse of each term's basis
  bool mix_ = false;
  Index point_size_ = 0;
};

}  // namespace henderson

#endif
