#include "henderson/likelihood/problem.hpp"

#include <memory>
#include <vector>

namespace henderson {

Problem make_problem(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint) {
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

void set_response(Problem& problem, const CrossProducts& data, Index response,
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
