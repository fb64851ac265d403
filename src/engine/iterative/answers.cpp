#include "henderson/iterative/answers.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace henderson {
namespace iterative {

namespace {

// A batch of combinations: what the leading levels leave of them.
struct Reduced {
  Panel rest;      // in the columns of the other factors
  MatrixXd x;      // p x rows
  VectorXd lead;   // z'G z
};

void enter_lead(const Model& model, const VectorXd& z, Index level, Index i, Reduced& out) {
  const Incidence& in = model.incidence;
  const Index q = in.lead_q(), m = out.rest.cols();
  const Eigen::Map<const MatrixXd> g(model.c.g().data() + level * q * q, q, q);
  const VectorXd gz = g * z;
  out.lead[i] = z.dot(gz);
  out.x.col(i).noalias() -= model.lead_d.block(level * q, 0, q, out.x.rows()).transpose() * gz;
  for (const OtherFactor& f : in.factors())
    for (std::int64_t e = f.start[level]; e < f.start[level + 1]; ++e)
      for (Index b = 0; b < f.q; ++b)
        for (Index a = 0; a < q; ++a) {
          const double n = f.value == nullptr ? 1 : f.value[e * q * f.q + a + b * q];
          out.rest.data()[(f.first + f.level[e] * f.q + b) * m + i] -= n * gz[a];
        }
}

Reduced reduced(const Model& model, const Combinations& c, Index begin, Index end) {
  const Layout& layout = model.layout;
  const Index rows = end - begin;
  Reduced out{Panel::Zero(model.incidence.columns(), rows), MatrixXd(model.problem.p, rows), VectorXd::Zero(rows)};
  for (Index i = 0; i < rows; ++i) {
    out.x.col(i) = model.data.x.basis.transpose() * c.x.row(begin + i).transpose();
    if (!c.random) continue;
    for (const OtherFactor& f : model.incidence.factors()) {
      const int level = c.code[f.group][begin + i];
      if (level > 0)
        out.rest.col(i).segment(f.first + (level - 1) * f.q, f.q) +=
            group_row(layout, model.data, c, f.group, begin + i);
    }
    const int level = c.code[layout.lead][begin + i];
    if (level > 0) enter_lead(model, group_row(layout, model.data, c, layout.lead, begin + i), level - 1, i, out);
  }
  return out;
}

}  // namespace

Information information(Model& model, const Point& at) {
  const Layout& layout = model.layout;
  const std::vector<Direction> directions = natural_directions(layout, at.theta);
  const Index k = static_cast<Index>(directions.size()), p = model.problem.p;
  Solver solver(model.c, model.m);
  Panel warm, lead, rest;
  Moments m;
  m.has_t = false;
  m.block_quadratic = block_quadratics(model, at);
  m.block_trace = m.block_quadratic;   // the score is taken to be zero
  contract_blocks(directions, m);
  m.ai = average_information(model, at, directions, kTight, solver, warm);
  Information out;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(p, p));
  out.phi = half.transpose() * half;
  const Evaluation point = at.evaluation();
  const VectorXd psi = layout.psi(at.theta), weight = layout.scaling(psi);
  out.psi.resize(k + 1);
  out.psi << psi, 1;
  out.ai = bordered(m.ai, m.quadratic, weight, at.degrees);
  out.has_t = false;
  add_theta(layout, point, m, out);
  if (p == 0) return out;
  directed(model, directions, at.lead_v.leftCols(p), at.rest_v.leftCols(p), lead, rest);
  const MatrixXd first = at.lead_v.leftCols(p).transpose() * lead + at.rest_v.leftCols(p).transpose() * rest;
  Panel none;
  add_residual_tests(weight, first, gram(model, lead, rest, kTight, solver, none), p, out);
  return out;
}

VectorXd variances(Model& model, const Point& at, const Combinations& c) {
  const Index rows = c.x.rows(), p = model.problem.p;
  Solver solver(model.c, model.m);
  VectorXd out(rows);
  constexpr Index kBatch = 16;
  for (Index begin = 0; begin < rows; begin += kBatch) {
    const Index width = std::min(kBatch, rows - begin);
    Reduced part = reduced(model, c, begin, begin + width);
    VectorXd variance = part.lead;
    if (c.random) {
      const Panel right = model.c.scaled(part.rest, true);
      Panel x, residual;
      solver.solve(right, kTight, x, &residual);
      variance += column_products(right, x) + column_products(residual, x);
      part.x.noalias() -= at.solved.leftCols(p).transpose() * right;
    }
    at.x_root.triangularView<Eigen::Lower>().solveInPlace(part.x);
    out.segment(begin, width) = at.sigma2 * (variance + part.x.colwise().squaredNorm().transpose());
    model.c.checkpoint().check();
  }
  return out;
}

std::vector<MatrixXd> approximate_conditional(const Model& model, const Point& at, int group, bool errors) {
  const GroupRows rows = group_rows(model, group);
  const Index q = rows.q, p = model.problem.p;
  const MatrixXd basis = group_basis(model.layout, model.data, group),
                 sigma = at.factor[group] * at.factor[group].transpose();
  const std::vector<std::vector<double>> blocks = model.m.scaled_inverse(model.c);
  const std::vector<double> between = rows.lead ? model.c.between(blocks) : std::vector<double>();
  std::size_t place = 0;
  while (!rows.lead && model.incidence.factors()[place].group != group) ++place;
  std::vector<MatrixXd> out;
  for (Index l = 0; l < rows.levels; ++l) {
    MatrixXd block;
    if (rows.lead) {
      const Eigen::Map<const MatrixXd> g(model.c.g().data() + l * q * q, q, q), b(between.data() + l * q * q, q, q);
      block = g + g * b * g;
    } else {
      block = Eigen::Map<const MatrixXd>(blocks[place].data() + l * q * q, q, q);
    }
    if (errors && p > 0) {
      MatrixXd slope = ((rows.lead ? at.lead_v : at.rest_v).block(rows.first + l * q, 0, q, p)).transpose() * sigma;
      at.x_root.triangularView<Eigen::Lower>().solveInPlace(slope);
      block += slope.transpose() * slope;
    }
    out.push_back(at.sigma2 * basis * block * basis.transpose());
    if (l % 1024 == 0) model.c.checkpoint().check();
  }
  return out;
}

}  // namespace iterative
}  // namespace henderson
