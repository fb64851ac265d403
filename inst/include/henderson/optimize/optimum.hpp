// How a search is told to run, and what it returns.
#ifndef HENDERSON_OPTIMIZE_OPTIMUM_HPP
#define HENDERSON_OPTIMIZE_OPTIMUM_HPP

#include <Eigen/Core>
#include <string>
#include <vector>

namespace henderson {

struct Options {
  int max_evaluations = 200;
  // Half the Newton decrement g'H^-1 g: the fall of the criterion that one more Newton step would bring. The
  // criterion is -2 log likelihood, so this has no unit and needs no scale from the data.
  double decrement = 1e-18;
  // The same where the Hessian is an approximation: every further step costs what the first did and gains less.
  double decrement_inexact = 1e-14;
};

struct Optimum {
  Eigen::VectorXd theta;
  double value = 0;
  Eigen::VectorXd gradient;
  Eigen::MatrixXd hessian;        // with what the steps of an inexact one have taught
  Eigen::MatrixXd plain_hessian;  // without: the corrections hide directions in which the criterion is flat
  double decrement = 0;
  int evaluations = 0;
  std::string status;  // "converged", "no_further_progress", "too_many_evaluations", "left"
  bool rough = false;  // converged as far as the rounding of the criterion, larger than estimated, allows
  std::vector<double> trace;  // criterion at each accepted point
};

}  // namespace henderson

#endif
