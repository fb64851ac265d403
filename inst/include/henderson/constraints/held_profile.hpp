// The profile of one variance parameter: the optimum with it held at each of a row of values.
#ifndef HENDERSON_CONSTRAINTS_HELD_PROFILE_HPP
#define HENDERSON_CONSTRAINTS_HELD_PROFILE_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/constraints/constrained.hpp"

namespace henderson {

// A column or entry for each value.
struct HeldProfile {
  VectorXd value, sigma;
  MatrixXd theta;
  std::vector<bool> converged;
  int evaluations = 0;
};

// The last of `held` at each of `values`, the others as they are. Each search starts where the one before ended.
HeldProfile follow_profile(const ConstrainedSearch& search, std::vector<Held> held, const VectorXd& values,
                           VectorXd theta, double sigma, Monitor& monitor);

}  // namespace henderson

#endif
