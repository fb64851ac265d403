// What a fit without a factorization can be asked: information for tests, variances of predictions, approximate
// conditional variances of all effects.
#ifndef HENDERSON_ITERATIVE_ANSWERS_HPP
#define HENDERSON_ITERATIVE_ANSWERS_HPP

#include "henderson/prediction/prediction.hpp"
#include "henderson/inference/information.hpp"
#include "henderson/iterative/point.hpp"

namespace henderson {
namespace iterative {

// phi, p, q and the average information; t and t_ml are left empty.
Information information(Model& model, const Point& at);

// Var(x'beta_hat + z'(b_hat - b)) of each combination.
VectorXd variances(Model& model, const Point& at, const Combinations& c);

// Var(b | y, beta, theta, sigma) of every level of one group, q x q each, in the user's columns, with the diagonal
// blocks of C in the place of C. With `errors` the part of beta is added, which is exact: Var(b_hat - b).
std::vector<MatrixXd> approximate_conditional(const Model& model, const Point& at, int group, bool errors);

}  // namespace iterative
}  // namespace henderson

#endif
