#include "henderson/search/starts.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/random_stream.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

VectorXd identity_theta(const Layout& layout) {
  VectorXd theta(layout.n_theta);
  for (const Term& term : layout.terms) theta.segment(term.theta, term.n_theta) = term.structure->start(term.q);
  return theta;
}

VectorXd nearly_zero_theta(const Problem& problem) {
  const Layout& layout = *problem.layout;
  VectorXd out(layout.n_theta);
  for (const Term& term : layout.terms) {
    const double level = static_cast<double>(layout.groups[term.group].levels) / static_cast<double>(problem.n);
    const MatrixXd identity = MatrixXd::Identity(term.q, term.q);
    out.segment(term.theta, term.n_theta) = term.structure->project(0.03 * level * identity);
  }
  return out;
}

std::vector<VectorXd> large_thetas(const Layout& layout, const VectorXd& theta) {
  std::vector<VectorXd> out;
  for (const double size : {0.3, 10.0, 300.0, 1e4, 3e5}) {
    const VectorXd all = layout.scaled(identity_theta(layout), size);
    out.push_back(all);
    if (layout.terms.size() == 1) continue;
    for (const Term& term : layout.terms) {
      out.push_back(theta);
      out.back().segment(term.theta, term.n_theta) = all.segment(term.theta, term.n_theta);
    }
  }
  return out;
}

bool unimodal(const Problem& problem, const CrossProducts& data) {
  if (problem.layout->n_theta != 1 || !one_factor(problem) || !problem.layout->bounded()) return false;
  for (const double r : data.r)
    if (r != data.r[0]) return false;
  if (problem.p == 0) return true;
  const auto between = problem.lead.t.leftCols(problem.p);
  const auto within = problem.w_d.leftCols(problem.p);
  const MatrixXd b = between.transpose() * between, w = within.transpose() * within;
  return (b * w).cwiseAbs().maxCoeff() <= 1e-12 * std::pow((b + w).diagonal().maxCoeff(), 2);
}

namespace {

// Sums of products of columns `first` to `first` + `count` - 1 of a group's block, over all rows.
MatrixXd column_moments(const Layout& layout, const CrossProducts& data, int group, Index first, Index count) {
  MatrixXd sum = MatrixXd::Zero(count, count);
  const Index q = layout.groups[group].q;
  if (group == layout.lead) {
    for (Index l = 0; l < layout.lead_levels(); ++l) {
      const Eigen::Map<const MatrixXd> r(data.r.data() + l * q * q, q, q);
      sum.noalias() += r.middleCols(first, count).transpose() * r.middleCols(first, count);
    }
  } else {
    const auto at = std::find(layout.rest.begin(), layout.rest.end(), group) - layout.rest.begin();
    const PairBlocks& own = data.rest[at].front();
    for (std::size_t l = 0; l < own.row.size(); ++l)
      sum += Eigen::Map<const MatrixXd>(own.value.data() + l * q * q, q, q)
                 .block(first, first, count, count);
  }
  return sum;
}

VectorXd inverse_lengths(const MatrixXd& moments) {
  return moments.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
}

}  // namespace

double ScatteredStarts::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(mixed(state_ += kSplitMixStep) >> 11) * 0x1p-53;
}

MatrixXd ScatteredStarts::factor(Index q) {
  MatrixXd out = MatrixXd::Zero(q, q);
  for (Index j = 0; j < q; ++j) out(j, j) = std::pow(10, uniform(-2.5, 2.5));
  const double size = std::pow(10, uniform(-2.5, 1.5));
  for (Index j = 0; j < q; ++j)
    for (Index i = j + 1; i < q; ++i) out(i, j) = size * (uniform(-1, 1) + uniform(-1, 1));
  return out;
}

VectorXd ScatteredStarts::next() {
  VectorXd out(layout_.n_theta);
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
    const Term& term = layout_.terms[t];
    const MatrixXd root = to_columns_[t] * factor(term.q);
    out.segment(term.theta, term.n_theta) = term.structure->project(root * root.transpose());
  }
  return out;
}

ScatteredStarts::ScatteredStarts(const Problem& problem, const CrossProducts& data) : layout_(*problem.layout) {
  for (const Term& term : layout_.terms) {
    const MatrixXd moments =
        column_moments(layout_, data, term.group, term.column, term.q) / static_cast<double>(problem.n);
    const VectorXd unit = inverse_lengths(moments);
    MatrixXd to_columns = unit.asDiagonal();
    if (correlated(*term.structure, term.q)) {
      MatrixXd scaled = unit.asDiagonal() * moments * unit.asDiagonal();
      scaled.diagonal().array() += 1e-12;
      const MatrixXd lower = Eigen::LLT<MatrixXd>(scaled).matrixL();
      to_columns = unit.asDiagonal() *
                   lower.transpose().triangularView<Eigen::Upper>().solve(MatrixXd::Identity(term.q, term.q));
    }
    to_columns_.push_back(to_columns);
  }
}

namespace {

// Work of one evaluation: in root form rows^2 effects, else that of eliminating the leading factor.
double work_of(const Problem& problem) {
  const double effects = static_cast<double>(std::max<Index>(problem.layout->random_columns(), 1));
  const Index rows = std::visit(Overloads{[](const Rooted& regime) { return regime.form->a().rows() + 1; },
                                          [&](const auto&) { return problem.rest.columns() + problem.p + 4; }},
                                problem.regime);
  return std::pow(static_cast<double>(rows), 2) * effects;
}

}  // namespace

Index scattered_count(const Problem& problem) {
  if (problem.layout->random_columns() > kManyEffects) return 0;
  const bool full = problem.layout->random_columns() + problem.p >= problem.n;
  return static_cast<Index>(std::clamp((full ? 2e8 : 5e7) / work_of(problem), full ? 4.0 : 0.0, 60.0));
}

bool crowded(const Problem& problem) {
  const Layout& layout = *problem.layout;
  const Index columns = layout.random_columns() + problem.p;
  const bool slopes = layout.n_theta > static_cast<Index>(layout.terms.size());
  return columns >= problem.n || (slopes && layout.terms.size() > 1 && 2 * columns >= problem.n);
}

namespace {

// The entry of theta that is the standard deviation of this column alone, or its variance where that has no bounds.
std::optional<Index> own_entry(const Term& term, Index column) {
  if (correlated(*term.structure, term.q)) return std::nullopt;
  if (term.structure->bounded()) return term.structure->alone(term.q, column);
  if (term.q > 1 && term.structure->closed_under() != Closure::column_scales) return std::nullopt;
  const std::vector<Parameter> all = term.structure->parameters(term.q);
  for (std::size_t k = 0; k < all.size(); ++k)
    if (all[k].row == column && all[k].col == column) return static_cast<Index>(k);
  return std::nullopt;
}

}  // namespace

std::vector<Cancelling> cancelling_columns(const Layout& layout, const CrossProducts& data) {
  std::vector<Cancelling> out;
  for (std::size_t g = 0; g < layout.own_groups(); ++g) {
    std::vector<Cancelling::Column> columns;
    std::vector<Index> at;
    for (const int t : layout.groups[g].terms) {
      const Term& term = layout.terms[t];
      for (Index k = 0; k < term.q; ++k) {
        const std::optional<Index> entry = own_entry(term, k);
        if (!entry) continue;
        columns.push_back({term.theta + *entry, 0, term.structure->bounded()});
        at.push_back(term.column + k);
      }
    }
    if (columns.size() < 2) continue;
    const MatrixXd all = column_moments(layout, data, static_cast<int>(g), 0, layout.groups[g].q);
    const Index n = static_cast<Index>(at.size());
    MatrixXd moments(n, n);
    for (Index b = 0; b < n; ++b)
      for (Index a = 0; a < n; ++a) moments(a, b) = all(at[a], at[b]);
    const VectorXd unit = inverse_lengths(moments);
    const SymmetricEigen eigen(unit.asDiagonal() * moments * unit.asDiagonal());
    for (Index k = 0; k < n && eigen.eigenvalues()[k] < 0.1; ++k) {
      Cancelling own;
      for (Index a = 0; a < n; ++a) {
        if (!(std::abs(eigen.eigenvectors()(a, k)) > 0.1)) continue;
        own.columns.push_back(columns[a]);
        own.columns.back().variance = 1 / std::max(eigen.eigenvalues()[k], 1e-14);
      }
      out.push_back(std::move(own));
    }
  }
  return out;
}

VectorXd with_cancelling(const Cancelling& columns, double ratio, VectorXd theta) {
  for (const Cancelling::Column& own : columns.columns)
    theta[own.theta] = own.bounded ? std::sqrt(ratio * own.variance) : ratio * own.variance;
  return theta;
}

Lead lead_of(const Problem& problem, const KnownOptimum& known, const VectorXd& theta, double value,
             const NewtonStep& newton, const VectorXd& moved) {
  if (!newton.convex) return Lead::unknown;
  const double gap = value - known.value, noise = 1e-12 * (1 + std::abs(value)) + known.noise;
  if (newton.decrement < 0.1 && 8 * newton.decrement < gap - noise) return Lead::higher;
  if (std::abs(gap - newton.decrement) > 0.5 * std::abs(gap) + noise) return Lead::unknown;
  return distance(problem, known.theta, moved) <= 0.25 * distance(problem, known.theta, theta) ? Lead::same
                                                                                               : Lead::unknown;
}

}  // namespace henderson
