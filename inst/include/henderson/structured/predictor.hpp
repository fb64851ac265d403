// Variances of what is predicted: combinations x'beta + z'b of a model with a residual structure.
//
// With N = Lambda (I + Lambda'S Lambda)^{-1} Lambda' of a unit, Var(b_hat - b) = sigma^2 (N + N S_zx Phi S_xz N) and
// Cov(beta_hat, b_hat - b) = -sigma^2 Phi S_xz N.
#ifndef HENDERSON_STRUCTURED_PREDICTOR_HPP
#define HENDERSON_STRUCTURED_PREDICTOR_HPP

#include <map>
#include <utility>

#include "henderson/structured/unit_equations.hpp"

namespace henderson {

// Combinations in the coordinates of the computation: one row each.
struct StructuredCombinations {
  MatrixXd x;                            // rows x p
  std::vector<MatrixXd> z;               // per group: rows x q
  std::vector<std::vector<Index>> code;  // per group: level from 0, or -1 for none
};

class StructuredPredictor {
 public:
  StructuredPredictor(const StructuredCriterion& criterion, const StructuredPoint& at);

  // Relative to sigma^2.
  VectorXd variances(const StructuredCombinations& c) const;

  // Var(b | y) of one level, relative to sigma^2.
  MatrixXd conditional(int group, Index level) const;

 private:
  // The row's z in the columns of each unit that it touches.
  std::map<std::size_t, VectorXd> by_unit(const StructuredCombinations& c, Index i) const;

  const StructuredProblem& pr_;
  const StructuredPoint& at_;
  Checkpoint& checkpoint_;
  struct Place {
    std::size_t unit = 0;
    Index first = 0;                          // column of the unit
    std::size_t number = 0;                   // of the unit's levels
  };
  std::map<std::pair<int, Index>, Place> place_;
  std::vector<UnitEquations> equations_;
  std::vector<MatrixXd> taken_;                          // N S_zx
  mutable std::vector<std::vector<MatrixXd>> blocks_;    // of the units' levels in N, once they were asked for
};

}  // namespace henderson

#endif
