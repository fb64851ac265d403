// One response, ready to be evaluated: the cross-products in the shape in which the criterion reads them.
#ifndef HENDERSON_LIKELIHOOD_PROBLEM_HPP
#define HENDERSON_LIKELIHOOD_PROBLEM_HPP

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "henderson/likelihood/dense_root.hpp"
#include "henderson/likelihood/leading.hpp"
#include "henderson/likelihood/remainder.hpp"

namespace henderson {

struct Problem {
  const Layout* layout = nullptr;
  Index n = 0, p = 0;
  double log_weight = 0, log_det_r = 0;   // constants of the criterion
  double total = 0, square = 0;            // sum of squares of y about its least-squares fit, and about zero
  Index response = 0;                      // column of the responses
  Leading lead;
  MatrixXd w_d;                            // R of [X y] within leading levels: p x (p + 1)
  double w_yy = 0;                         // and what is left of y'y
  Remainder rest;
  double sigma2 = 0;                       // the residual variance where it is known, else 0
  std::shared_ptr<DenseRoot> root;         // crossed factors without bounds
};

inline Problem make_problem(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint) {
  Problem out;
  out.layout = &layout;
  out.n = data.n;
  out.p = data.p();
  out.log_weight = data.log_weight;
  out.log_det_r = data.x.log_det_r;
  out.rest = Remainder(layout, data, memory_limit, checkpoint);
  if (!layout.bounded() && out.rest.columns() > 0) out.root = std::make_shared<DenseRoot>(layout, data, out.rest);
  return out;
}

// The part that depends on the response.
inline void set_response(Problem& problem, const CrossProducts& data, Index response,
                         const std::vector<std::vector<Index>>* classes) {
  problem.response = response;
  problem.lead = classes == nullptr ? one_class_per_level(*problem.layout, data, response)
                                    : mixed_levels(*problem.layout, data, response, *classes);
  problem.w_d.resize(problem.p, problem.p + 1);
  problem.w_d.leftCols(problem.p) = data.w_xx;
  problem.w_d.col(problem.p) = data.w_xy.col(response);
  problem.w_yy = data.w_yy[response];
  problem.total = data.x.total[response];
  problem.square = data.x.square[response];
  if (problem.rest.columns() > 0) problem.rest.set_response(data, response);
  if (problem.root) problem.root->set_response(problem.lead.t, problem.rest.within_dense_columns(), problem.w_d, problem.w_yy);
}

}  // namespace henderson

#endif
