// Means over probes, with what is known of a control taken into account; matrices as columns of their entries.
#ifndef HENDERSON_ITERATIVE_CONTROL_VARIATE_HPP
#define HENDERSON_ITERATIVE_CONTROL_VARIATE_HPP

#include <Eigen/Core>
#include <cmath>

namespace henderson {
namespace iterative {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

inline VectorXd flat(const MatrixXd& x) { return Eigen::Map<const VectorXd>(x.data(), x.size()); }

inline MatrixXd square(const VectorXd& x) {
  const Index q = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(x.size()))));
  return Eigen::Map<const MatrixXd>(x.data(), q, q);
}

// Means over the probes after regression on the control, entry by entry, and the deviations.
inline VectorXd regressed(const MatrixXd& target, const MatrixXd& control, const VectorXd& mean, MatrixXd& deviation) {
  VectorXd out = target.rowwise().mean();
  deviation = target.colwise() - out;
  if (control.size() == 0) return out;
  const VectorXd own = control.rowwise().mean();
  const MatrixXd moved = control.colwise() - own;
  for (Index i = 0; i < out.size(); ++i) {
    const double square = moved.row(i).squaredNorm();
    if (!(square > 1e-24 * control.row(i).squaredNorm())) continue;
    const double slope = deviation.row(i).dot(moved.row(i)) / square;
    out[i] -= slope * (own[i] - mean[i]);
    deviation.row(i) -= slope * moved.row(i);
  }
  return out;
}

}  // namespace iterative
}  // namespace henderson

#endif
