// The contract of a residual covariance structure: R(psi) of the rows of one subject, from their positions.
//
// psi are the natural parameters, in which results are reported and tests are made. A structure gives R with its first
// and second derivatives in psi, and the steps that a search takes about a point, which need not be along psi.
#ifndef HENDERSON_RESIDUAL_STRUCTURE_HPP
#define HENDERSON_RESIDUAL_STRUCTURE_HPP

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

enum class ResidualKind {
  variance,
  covariance,
  correlation,
  range,
  exponent,
  share,
  autoregression,
  moving_average,
  log_ratio,   // of the variance function, as the three after it
  constant,
  power,
  proportion
};

// How a search moves one parameter: along itself, its logarithm, its inverse hyperbolic tangent, or its logit.
enum class Step { natural, logarithm, hyperbolic, logistic };

struct ResidualParameter {
  ResidualKind kind = ResidualKind::correlation;
  Index row = 0, col = 0;  // visits, or lag and 0
  Step step = Step::natural;
  double lower = -std::numeric_limits<double>::infinity(), upper = std::numeric_limits<double>::infinity();
  int part = 0;            // of a product, from 1; 0: of no part
};

// R and its derivatives; dd holds the lower triangle of second derivatives row by row, empty matrices for zero.
struct ResidualMatrices {
  MatrixXd r;
  std::vector<MatrixXd> d, dd;
  MatrixXd& second(Index i, Index j) { return dd[i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i]; }
  const MatrixXd& second(Index i, Index j) const { return dd[i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i]; }
  void resize(Index parameters, int order);
  void start(Index parameters, Index rows, int order);  // R = I, derivatives of zero
};

// What least-squares residuals say about R, for starting values.
struct ResidualMoments {
  MatrixXd covariance;  // by visit, complete and positive definite; empty for positions that are not visits
  double variance = 1;
  double shortest = 1, longest = 1;  // distances within subjects
  // Along a line, without random effects: correlations of neighbors by bins of their distance, and numbers of pairs.
  std::vector<double> distance, correlation, pairs;
  std::vector<double> lag;           // correlations at 0, 1, ... shortest distances, where they could be had
  VectorXd shortest_along, longest_along;   // shortest and longest distances along each column of the positions
  // At this lag, kept away from the edges; 0.2^lag where the residuals do not say.
  double lag_correlation(Index at) const;
  // By visit; without correlation where positions are not these visits.
  MatrixXd over(Index visits) const;
  // For a structure of these columns of the positions: their distances, and no covariance.
  ResidualMoments part(Index first, Index columns) const;
};

// Correlation at one distance with its derivatives in the parameters (at most two).
struct KernelValue {
  double value = 1;
  double d[2] = {0, 0};
  double dd[3] = {0, 0, 0};  // (0, 0), (1, 0), (1, 1)
};

class ResidualStructure;

// One factor of a separable structure, with its first parameter and how many columns of the positions it takes.
struct AxisFactor {
  std::shared_ptr<const ResidualStructure> structure;
  Index parameter = 0, columns = 0;
};

class ResidualStructure {
 public:
  virtual ~ResidualStructure() = default;
  virtual std::vector<ResidualParameter> parameters() const = 0;
  // True: R is the covariance matrix itself; false: sigma^2 R is.
  virtual bool owns_scale() const { return false; }
  // `positions`: one row for each row of the subject. `order`: highest derivative wanted.
  virtual void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const = 0;
  virtual std::vector<VectorXd> starts(const ResidualMoments& moments) const = 0;

  Index size() const { return static_cast<Index>(parameters().size()); }
  // Is each position linked to the one before it alone? Then `links` gives the correlations of neighbors.
  virtual bool markov() const { return false; }
  virtual std::vector<KernelValue> links(const VectorXd& psi, const VectorXd& positions) const;

  // The factors of a separable structure; empty for others.
  virtual std::vector<AxisFactor> axes(Index) const { return {}; }

  // The point that a step leads to, and d psi / d step there with its curvature contracted with a gradient.
  virtual VectorXd moved(const VectorXd& psi, const VectorXd& step) const;
  virtual MatrixXd jacobian(const VectorXd& psi) const;
  virtual MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const;
  // Is the criterion not smooth where the range is a distance? Then `beside` moves `below` and `above` to the distances
  // of these positions that are next to a range.
  virtual bool kinked() const { return false; }
  virtual void beside(double, const MatrixXd&, double&, double&) const {}
  // Has the criterion so many optima that a search from each of the starts is worthwhile?
  virtual bool searches_every_start() const { return false; }
  // Points with the variances of psi and other correlations: where few subjects have all visits, a search from there
  // may end at another optimum.
  virtual std::vector<VectorXd> alternatives(const VectorXd&) const { return {}; }
  // The representative of the points with the same R.
  virtual VectorXd canonical(const VectorXd& psi) const { return psi; }
};

inline std::vector<KernelValue> ResidualStructure::links(const VectorXd&, const VectorXd&) const { return {}; }

double moved_by(Step step, double psi, double by);

double slope_of(Step step, double psi);

double curvature_of(Step step, double psi);

}  // namespace henderson

#endif
