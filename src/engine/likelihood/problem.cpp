#include "henderson/likelihood/problem.hpp"

#include <cmath>
#include <memory>
#include <vector>

#include "henderson/linalg/limits.hpp"

namespace henderson {

// Rows that were kept cost n^2 columns for each evaluation; the sums columns^3.
static bool small_root(Index rows, Index columns, Index most) {
  if (columns > kKeptColumns) return false;
  return columns <= most || static_cast<double>(rows) * rows * columns <= std::pow(static_cast<double>(most), 3);
}

void find_saturated_root(Problem& problem, const CrossProducts& data, Index most) {
  const Layout& layout = *problem.layout;
  const Index columns = layout.random_columns();
  if (saturated(problem) || layout.related() || columns + problem.p < problem.n) return;
  if (!small_root(problem.n, columns, most)) return;
  const auto root = std::make_shared<RootForm>(layout, data, problem.rest);
  if (root->spare(data, problem.rest) > 0) return;
  problem.regime = problem.usual = Rooted{root, true};
}

static Regime usual_regime(const Layout& layout, const CrossProducts& data, const SchurComplement& rest) {
  if (layout.rest_columns() == 0) return OneFactor{};
  if (!layout.bounded()) return Rooted{std::make_shared<RootForm>(layout, data, rest)};
  if (layout.random_columns() <= kDenseMoments) return CrossedDense{};
  return CrossedSparse{};
}

Problem make_problem(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint) {
  Problem out;
  out.layout = &layout;
  out.n = data.n;
  out.p = data.p();
  out.log_weight = data.log_weight;
  out.log_det_r = data.x.log_det_r;
  out.rest = SchurComplement(layout, data, memory_limit, checkpoint);
  out.regime = out.usual = usual_regime(layout, data, out.rest);
  if (!one_factor(out) && layout.bounded()) find_saturated_root(out, data, kAccurateRoot);
  return out;
}

void set_root_response(Problem& problem, const CrossProducts& data) {
  const Rooted* rooted = std::get_if<Rooted>(&problem.regime);
  if (rooted == nullptr) return;
  rooted->form->set_response(data, problem.rest, problem.response, problem.w_yy, !rooted->saturated);
}

void set_response(Problem& problem, const CrossProducts& data, Index response,
                  const std::vector<std::vector<Index>>* classes) {
  problem.response = response;
  problem.regime = problem.usual;
  problem.lead = classes == nullptr ? one_class_per_level(*problem.layout, data, response)
                                    : mixed_levels(*problem.layout, data, response, *classes);
  problem.w_d.resize(problem.p, problem.p + 1);
  problem.w_d.leftCols(problem.p) = data.w_xx;
  problem.w_d.col(problem.p) = data.w_xy.col(response);
  problem.w_yy = data.w_yy[response];
  problem.total = data.x.total[response];
  problem.rounding = data.x.rounding[response];
  if (!one_factor(problem)) problem.rest.set_response(data, response);
  set_root_response(problem, data);
}

double most_cancelled(const Problem& problem, const CrossProducts& data) {
  const bool cheap = small_root(problem.n, problem.layout->random_columns(), kAccurateRoot);
  return cheap && data.rows.z.rows() > 0 ? kLostToRows : kLostDigits;
}

bool take_root(Problem& problem, const CrossProducts& data) {
  if (in_root_form(problem) || one_factor(problem) || problem.layout->related()) return false;
  const Index columns = problem.layout->random_columns();
  const double work = static_cast<double>(problem.n) * problem.n * columns;
  const bool small = columns <= kAccurateRoot || (data.rows.z.rows() > 0 && work <= kAccurateWork);
  if (!small) return false;
  if (!problem.spare_root) problem.spare_root = std::make_shared<RootForm>(*problem.layout, data, problem.rest);
  problem.regime = Rooted{problem.spare_root};
  set_root_response(problem, data);
  return true;
}

}  // namespace henderson
