// The contract of a residual covariance structure: R(psi) of the rows of one subject, from their positions.
//
// psi are the natural parameters, in which results are reported and tests are made. A structure gives R with its first
// and second derivatives in psi, and the steps that a search takes about a point, which need not be along psi.
#ifndef HENDERSON_RESIDUAL_STRUCTURE_HPP
#define HENDERSON_RESIDUAL_STRUCTURE_HPP

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

enum class ResidualKind { variance, covariance, correlation, range, exponent, share, log_ratio };

// How a search moves one parameter: along itself, its logarithm, its inverse hyperbolic tangent, or its logit.
enum class Step { natural, logarithm, hyperbolic, logistic };

struct ResidualParameter {
  ResidualKind kind = ResidualKind::correlation;
  Index row = 0, col = 0;  // visits, or lag and 0
  Step step = Step::natural;
  double lower = -std::numeric_limits<double>::infinity(), upper = std::numeric_limits<double>::infinity();
};

// R and its derivatives; dd holds the lower triangle of second derivatives row by row, empty matrices for zero.
struct ResidualMatrices {
  MatrixXd r;
  std::vector<MatrixXd> d, dd;
  MatrixXd& second(Index i, Index j) { return dd[i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i]; }
  const MatrixXd& second(Index i, Index j) const { return dd[i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i]; }
  void resize(Index parameters, int order) {
    d.assign(order > 0 ? parameters : 0, MatrixXd());
    dd.assign(order > 1 ? parameters * (parameters + 1) / 2 : 0, MatrixXd());
  }
};

// What least-squares residuals say about R, for starting values.
struct ResidualMoments {
  MatrixXd covariance;  // by visit, complete and positive definite; empty for positions that are not visits
  double variance = 1;
  double shortest = 1, longest = 1;  // distances within subjects
};

// Correlation at one distance with its derivatives in the parameters (at most two).
struct KernelValue {
  double value = 1;
  double d[2] = {0, 0};
  double dd[3] = {0, 0, 0};  // (0, 0), (1, 0), (1, 1)
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

  // The point that a step leads to, and d psi / d step there with its curvature contracted with a gradient.
  virtual VectorXd moved(const VectorXd& psi, const VectorXd& step) const;
  virtual MatrixXd jacobian(const VectorXd& psi) const;
  virtual MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const;
};

inline std::vector<KernelValue> ResidualStructure::links(const VectorXd&, const VectorXd&) const { return {}; }

inline double moved_by(Step step, double psi, double by) {
  if (step == Step::logarithm) return psi * std::exp(by);
  if (step == Step::hyperbolic) return std::tanh(std::atanh(psi) + by);
  if (step == Step::logistic) return 1 / (1 + (1 - psi) / psi * std::exp(-by));
  return psi + by;
}

inline double slope_of(Step step, double psi) {
  if (step == Step::logarithm) return psi;
  if (step == Step::hyperbolic) return (1 - psi) * (1 + psi);
  if (step == Step::logistic) return psi * (1 - psi);
  return 1;
}

inline double curvature_of(Step step, double psi) {
  if (step == Step::logarithm) return psi;
  if (step == Step::hyperbolic) return -2 * psi * (1 - psi) * (1 + psi);
  if (step == Step::logistic) return psi * (1 - psi) * (1 - 2 * psi);
  return 0;
}

inline VectorXd ResidualStructure::moved(const VectorXd& psi, const VectorXd& step) const {
  const std::vector<ResidualParameter> all = parameters();
  VectorXd out(psi.size());
  for (Index k = 0; k < psi.size(); ++k)
    out[k] = moved_by(all[k].step, psi[k], step[k]);
  return out;
}

inline MatrixXd ResidualStructure::jacobian(const VectorXd& psi) const {
  const std::vector<ResidualParameter> all = parameters();
  MatrixXd out = MatrixXd::Zero(psi.size(), psi.size());
  for (Index k = 0; k < psi.size(); ++k)
    out(k, k) = slope_of(all[k].step, psi[k]);
  return out;
}

inline MatrixXd ResidualStructure::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  const std::vector<ResidualParameter> all = parameters();
  MatrixXd out = MatrixXd::Zero(psi.size(), psi.size());
  for (Index k = 0; k < psi.size(); ++k)
    out(k, k) = gradient[k] * curvature_of(all[k].step, psi[k]);
  return out;
}

}  // namespace henderson

#endif
