// One response, ready to be evaluated: the cross-products in the shape in which the criterion reads them.
#ifndef HENDERSON_LIKELIHOOD_PROBLEM_HPP
#define HENDERSON_LIKELIHOOD_PROBLEM_HPP

#include <Eigen/Core>
#include <memory>
#include <vector>

#include "henderson/likelihood/root_form.hpp"
#include "henderson/likelihood/leading.hpp"
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
  double sigma2 = 0;                       // the residual variance where it is known, else 0
  std::shared_ptr<RootForm> root;         // crossed factors without bounds, or saturated
  std::shared_ptr<RootForm> spare_root;   // crossed factors: where a response has needed it
  bool saturated = false;                  // crossed factors: Z and X fit any response
};

// Do crossed random effects (`most` at most) and X fit any response? Then the residual variance may be estimated as 0.
void find_saturated_root(Problem& problem, const CrossProducts& data, Index most);

Problem make_problem(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint);

void set_root_response(Problem& problem, const CrossProducts& data);

// The part that depends on the response.
void set_response(Problem& problem, const CrossProducts& data, Index response,
                  const std::vector<std::vector<Index>>* classes);

// What r2 may be subtracted from, relative to it, before the root form is taken.
double most_cancelled(const CrossProducts& data);

// Crossed factors take to root form, if they are few, until the next response is set.
bool take_root(Problem& problem, const CrossProducts& data);

}  // namespace henderson

#endif
