// Coordinates about one theta, in which the search takes its steps.
//
// Where a pivot of L other than the last is nearly zero, the criterion has a curved valley in theta: a rotation of the
// columns of L hardly changes Sigma. Then Sigma = U (L + D)(L + D)' U' with the eigenvectors U of Sigma, largest first,
// and the step D: what is zero stands last, where L has no columns to be rotated with.
#ifndef HENDERSON_SEARCH_LOCAL_PARAMETERS_HPP
#define HENDERSON_SEARCH_LOCAL_PARAMETERS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/gradient.hpp"

namespace henderson {

class LocalParameters {
 public:
  LocalParameters() = default;
  LocalParameters(const Layout& layout, const VectorXd& theta);

  const VectorXd& theta() const { return theta_; }
  bool rotated() const { return rotated_; }

  VectorXd moved(const VectorXd& step) const;

  Derivatives derivatives(const Criterion& criterion, const Evaluation& at) const;

 private:
  static VectorXd own(const VectorXd& theta, const Term& term) { return theta.segment(term.theta, term.n_theta); }
  static void rotate(MatrixXd& e, const Term& term, const MatrixXd& by);

  const Layout* layout_ = nullptr;
  VectorXd theta_, local_;          // the point, and its local parameters
  std::vector<MatrixXd> basis_;     // per term U, or empty where they are theta itself
  bool rotated_ = false;
};

}  // namespace henderson

#endif
