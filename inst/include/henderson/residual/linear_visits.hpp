// Structures over visits that are linear in their parameters. Positions are the numbers 0, 1, ... of the visits, and R
// of a subject is cut from one matrix.
#ifndef HENDERSON_RESIDUAL_LINEAR_VISITS_HPP
#define HENDERSON_RESIDUAL_LINEAR_VISITS_HPP

#include <algorithm>
#include <memory>
#include <utility>

#include "henderson/residual/kernels.hpp"

namespace henderson {

// The rows and columns of `whole` at these visits.
MatrixXd at_visits(const MatrixXd& whole, const MatrixXd& positions);

bool positive_definite(const MatrixXd& m);

// R = base + sum psi_k B_k: first derivatives are the matrices B_k, second ones are zero.
class LinearVisits : public ResidualStructure {
 public:
  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
  std::vector<ResidualParameter> parameters() const override { return parameters_; }

 protected:
  explicit LinearVisits(Index visits) : visits_(visits), base_(MatrixXd::Zero(visits, visits)) {}
  void add(ResidualParameter parameter, MatrixXd basis);
  MatrixXd pair(Index a, Index b) const;
  MatrixXd lagged(Index lag) const;           // ones at this distance from the diagonal
  MatrixXd whole(const VectorXd& psi) const;  // R over all visits
  VectorXd entries(const MatrixXd& m) const;  // at the row and column of each parameter
  // About this matrix: equal and AR(1) correlations of either sign and, for few visits, its own with the sign of one
  // visit changed.
  std::vector<VectorXd> other_correlations(const MatrixXd& r) const;
  Index visits_;
  MatrixXd base_;
  std::vector<MatrixXd> basis_;
  std::vector<ResidualParameter> parameters_;
};

// Every variance and covariance (or, with `bands`, those up to that lag) a parameter of its own.
class UnstructuredVisits : public LinearVisits {
 public:
  UnstructuredVisits(Index visits, Index bands);
  bool owns_scale() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
  std::vector<VectorXd> alternatives(const VectorXd& psi) const override;

  // About Sigma = L L' the steps are those of the symmetric matrix S in L exp(S) L', which is positive definite.
  VectorXd moved(const VectorXd& psi, const VectorXd& step) const override;
  MatrixXd jacobian(const VectorXd& psi) const override;
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const override;

 private:
  bool banded_;
};

// Variances alone.
class DiagonalVisits : public LinearVisits {
 public:
  explicit DiagonalVisits(Index visits);
  bool owns_scale() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
};

// Compound symmetry as SAS has it: a residual variance and one covariance, which may be negative as long as R is
// positive definite. The variance is sigma^2, to which the covariance is relative, or with `own` a parameter beside it.
class CompoundSymmetry : public LinearVisits {
 public:
  CompoundSymmetry(Index visits, bool own);
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
  bool owns_scale() const override { return own_; }

 private:
  bool own_;
};

// Toeplitz with a variance and a covariance for each lag below `bands`: R is the covariance matrix itself.
class ToeplitzCovariance : public LinearVisits {
 public:
  ToeplitzCovariance(Index visits, Index bands);
  bool owns_scale() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
};

// Correlations that are entries of a matrix over visits: each its own, one for each lag, or one for all.
class CorrelationEntries : public LinearVisits {
 public:
  enum class Sharing { none, by_lag, all };
  CorrelationEntries(Index visits, Sharing sharing, Index bands, ResidualKind kind = ResidualKind::correlation);
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
  std::vector<VectorXd> alternatives(const VectorXd& psi) const override;

  // Steps of a free correlation matrix C = LL': L exp(S) L', S symmetric with a diagonal of 0, brought back to unit
  // variances. Every step leads to a correlation matrix, and near singular ones are no obstacle.
  VectorXd moved(const VectorXd& psi, const VectorXd& step) const override;
  MatrixXd jacobian(const VectorXd& psi) const override;
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const override;

 private:
  bool free_;  // each entry a parameter of its own
};

}  // namespace henderson

#endif
