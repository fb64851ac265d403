// One response, ready to be evaluated: the cross-products in the shape in which the criterion reads them.
#ifndef HENDERSON_LIKELIHOOD_PROBLEM_HPP
#define HENDERSON_LIKELIHOOD_PROBLEM_HPP

#include <Eigen/Core>
#include <memory>
#include <optional>
#include <vector>

#include "henderson/likelihood/leading.hpp"
#include "henderson/likelihood/regime.hpp"
#include "henderson/likelihood/schur_complement.hpp"

namespace henderson {

struct Problem {
  const Layout* layout = nullptr;
  Index n = 0, p = 0;
  double log_weight = 0, log_det_r = 0;   // constants of the criterion
  double total = 0, rounding = 0;  // sum of squares of y about its least-squares fit, and what rounding may leave of it
  Index response = 0;                      // column of the responses
  Leading lead;
  MatrixXd w_d;                            // R of [X y] within leading levels: p x (p + 1)
  double w_yy = 0;                         // and what is left of y'y
  SchurComplement rest;
  std::optional<double> known_sigma2;      // the residual variance where it is known
  Regime regime;                           // how the likelihood of this response is computed
  Regime usual;                            // and that of any other
  std::shared_ptr<RootForm> spare_root;    // crossed factors: where a response has needed it
};

// One grouping factor: levels that have the same R may be mixed.
inline bool one_factor(const Problem& pr) { return std::holds_alternative<OneFactor>(pr.regime); }

inline bool in_root_form(const Problem& pr) { return std::holds_alternative<Rooted>(pr.regime); }

// Do crossed random effects and X fit any response? Then the residual variance may be estimated as 0.
inline bool saturated(const Problem& pr) { return in_root_form(pr) && std::get<Rooted>(pr.regime).saturated; }

// Is it known how many rows Z and X leave free, so that a small r2 is no rounding error?
inline bool counts_residual(const Problem& pr) { return one_factor(pr) || saturated(pr); }

// Takes to root form, for all responses, crossed effects (`most` at most) that fit any response.
void find_saturated_root(Problem& problem, const CrossProducts& data, Index most);

Problem make_problem(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint);

// The response in root form, where that is the regime.
void set_root_response(Problem& problem, const CrossProducts& data);

// The part that depends on the response.
void set_response(Problem& problem, const CrossProducts& data, Index response,
                  const std::vector<std::vector<Index>>* classes);

// What r2 may be subtracted from, relative to it, before the root form is taken.
double most_cancelled(const Problem& problem, const CrossProducts& data);

// Crossed factors take to root form, if they are few, until the next response is set.
bool take_root(Problem& problem, const CrossProducts& data);

}  // namespace henderson

#endif
