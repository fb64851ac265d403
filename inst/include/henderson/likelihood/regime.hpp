// The ways in which the likelihood of a model is computed. make_problem() chooses one, take_root() may choose another
// for a response. Whatever differs between them has an overload for each type, called by std::visit(): a new one does
// not compile until it is complete.
#ifndef HENDERSON_LIKELIHOOD_REGIME_HPP
#define HENDERSON_LIKELIHOOD_REGIME_HPP

#include <memory>
#include <variant>

#include "henderson/likelihood/root_form.hpp"

namespace henderson {

// One grouping factor: level by level, exact, linear in the number of levels. r2 is a sum of squares.
struct OneFactor {};

// Several: the leading factor is eliminated, and the others by the Schur complement. r2 is a difference.
struct Crossed {};

// Z'V^{-1}Z is formed as one matrix: exact second derivatives.
struct CrossedDense : Crossed {};

// The entries of its inverse where the factor has its own: average information.
struct CrossedSparse : Crossed {};

// Several in root form: where covariances may be indefinite, or another way loses digits.
struct Rooted {
  std::shared_ptr<RootForm> form;
  bool saturated = false;   // Z and X fit any response
};

using Regime = std::variant<OneFactor, CrossedDense, CrossedSparse, Rooted>;

template <class... Function>
struct Overloads : Function... {
  using Function::operator()...;
};
template <class... Function>
Overloads(Function...) -> Overloads<Function...>;

}  // namespace henderson

#endif
