// Derivatives of the profiled criterion in theta, from the moments.
#ifndef HENDERSON_LIKELIHOOD_GRADIENT_HPP
#define HENDERSON_LIKELIHOOD_GRADIENT_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/moments_dense.hpp"
#include "henderson/likelihood/moments_large.hpp"
#include "henderson/likelihood/moments_leading.hpp"
#include "henderson/likelihood/moments_root.hpp"

namespace henderson {

// Has the regime all second moments, so that second derivatives are exact?
bool exact_moments(const Problem& pr);

// The moments that the regime has.
Moments moments(const Criterion& criterion, const Evaluation& at, const std::vector<Direction>& directions);

// Moments with the information, whatever it costs.
Moments moments_with_information(const Criterion& criterion, const Evaluation& at,
                                 const std::vector<Direction>& directions);

// The term's q x q matrix inside its group's block.
MatrixXd embed(const Layout& layout, const Term& term, const MatrixXd& e);

// dV / dtheta_k for every k.
std::vector<Direction> theta_directions(const Layout& layout, const VectorXd& theta);

// dV / dpsi_k for every natural parameter, at theta.
std::vector<Direction> natural_directions(const Layout& layout, const VectorXd& theta);

// Score times the second derivatives of Sigma in the natural parameters: zero where structures are linear.
MatrixXd natural_curvature(const Layout& layout, const VectorXd& theta, const Moments& m);

// What the curvature of theta -> Sigma adds to the second derivatives of the criterion.
MatrixXd factor_curvature(const Layout& layout, const VectorXd& theta, const Moments& m,
                          Checkpoint* checkpoint = nullptr);

struct Derivatives {
  VectorXd gradient;
  MatrixXd hessian;
  bool exact = true;   // false: average information in place of the observed one
};

// First and second derivatives along directions that have this curvature, sigma^2 following.
Derivatives assembled(const Problem& pr, const Evaluation& at, const Moments& m, const MatrixXd& curvature);

Derivatives derivatives(const Criterion& criterion, const Evaluation& at);

}  // namespace henderson

#endif
