#include "henderson/iterative/point.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {
namespace iterative {

namespace {

Problem leading_problem(const Layout& layout, const CrossProducts& data, Index response) {
  Problem out;
  out.layout = &layout;
  out.n = data.n;
  out.p = data.p();
  out.log_weight = data.log_weight;
  out.log_det_r = data.x.log_det_r;
  set_response(out, data, response, nullptr);
  return out;
}

// beta, sigma^2 and what goes with them from [X y]'V^{-1}[X y].
void solve_fixed(const MatrixXd& cross, Point& out) {
  const Index p = cross.rows() - 1;
  out.sigma2 = 0;
  out.r2 = std::numeric_limits<double>::quiet_NaN();
  out.beta = VectorXd::Zero(p);
  out.x_root = MatrixXd::Zero(p, p);
  out.log_det_x = 0;
  double explained = 0;
  if (p > 0) {
    const Eigen::LLT<MatrixXd> llt(cross.topLeftCorner(p, p));
    if (llt.info() != Eigen::Success) return;
    out.x_root = llt.matrixL();
    out.log_det_x = 2 * out.x_root.diagonal().array().log().sum();
    out.beta = cross.col(p).head(p);
    out.x_root.triangularView<Eigen::Lower>().solveInPlace(out.beta);
    explained = out.beta.squaredNorm();
    out.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace(out.beta);
  }
  out.r2 = cross(p, p) - explained;
  out.sigma2 = out.r2 / out.degrees;
}

// Z_r'V^{-1}[X y] is Lambda^{-T} C^{-1} Lambda's where Lambda is large, which keeps the digits that s - S b loses
// there.
void divide_solutions(const Model& model, const Panel& solved, Panel& rest_v) {
  for (std::size_t g = 0; g < model.incidence.factors().size(); ++g) {
    const OtherFactor& f = model.incidence.factors()[g];
    const Eigen::JacobiSVD<MatrixXd> svd(model.c.lambda(g), Eigen::ComputeFullU | Eigen::ComputeFullV);
    const double s = largest_entry(model.m.diagonal()[g], f.q);
    VectorXd divisor = VectorXd::Zero(f.q), kept = VectorXd::Ones(f.q);
    for (Index a = 0; a < f.q; ++a) {
      const double d = svd.singularValues()[a];
      if (!(d * d * s > 1)) continue;
      divisor[a] = 1 / d;
      kept[a] = 0;
    }
    const MatrixXd divided = svd.matrixU() * divisor.asDiagonal() * svd.matrixV().transpose();
    const MatrixXd left = svd.matrixU() * kept.asDiagonal() * svd.matrixU().transpose();
    for (Index l = 0; l < f.levels; ++l) {
      auto rows = rest_v.middleRows(f.first + l * f.q, f.q);
      rows = (divided * solved.middleRows(f.first + l * f.q, f.q) + left * rows).eval();
    }
  }
}

}  // namespace

double largest_entry(const std::vector<double>& blocks, Index q) {
  double out = 0;
  for (std::size_t at = 0; at < blocks.size(); at += q * q)
    for (Index a = 0; a < q; ++a) out = std::max(out, blocks[at + a + a * q]);
  return out;
}

Model::Model(const Layout& l, const CrossProducts& d, Index j, int threads, Checkpoint& checkpoint)
    : layout(l), data(d), response(j), incidence(l, d), c(incidence, threads, checkpoint), m(incidence, checkpoint),
      problem(leading_problem(l, d, j)) {
  lead_d = incidence.lead_times(data, response);
  rest_d.resize(incidence.columns(), data.p() + 1);
  rest_d.leftCols(data.p()) = data.rest_x;
  rest_d.col(data.p()) = data.rest_y.col(response);
}

Panel Point::root_solved(const Panel& v) const {
  MatrixXd out = v.leftCols(beta.size());
  x_root.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(out);
  return out;
}

Evaluation Point::evaluation() const {
  Evaluation out;
  out.reml = reml;
  out.degrees = degrees;
  out.theta = theta;
  out.factor = factor;
  out.r2 = r2;
  out.sigma2 = sigma2;
  out.beta = beta;
  out.x_root = x_root;
  out.log_det_x = log_det_x;
  return out;
}

Point evaluate(Model& model, const VectorXd& theta, bool reml, double tolerance, const Point* last, Solver& solver) {
  const Layout& layout = model.layout;
  const Problem& pr = model.problem;
  Point out;
  out.reml = reml;
  out.theta = theta;
  out.degrees = static_cast<double>(reml ? pr.n - pr.p : pr.n);
  for (std::size_t g = 0; g < layout.groups.size(); ++g)
    out.factor.push_back(layout.factor(static_cast<int>(g), theta));
  model.c.set(layout, out.factor);
  model.m.set(model.c);
  const MatrixXd& lambda = out.factor[layout.lead];
  const LevelCovariance covariance = LevelCovariance::of_factor(lambda);
  MatrixXd y(pr.lead.t.rows(), pr.p + 1), cross = pr.w_d.transpose() * pr.w_d;
  out.log_det_lead = eliminate_leading(pr.lead, covariance, y);
  cross += y.transpose() * y;
  cross(pr.p, pr.p) += pr.w_yy;
  Panel scaled_d(model.lead_d.rows(), model.lead_d.cols()), taken, residual;
  multiply_each(lambda * lambda.transpose(), false, model.lead_d.data(), layout.lead_levels(), pr.p + 1,
                scaled_d.data());
  model.c.sweep(nullptr, &scaled_d, &taken, nullptr);   // N'F Sigma = N'G
  const Panel s_d = model.rest_d - taken, right = model.c.scaled(s_d, true);
  if (last != nullptr) out.solved = last->solved;
  solver.solve(right, tolerance, out.solved, &residual);
  cross -= Solver::products(right, out.solved, residual);
  solve_fixed(cross, out);
  const Panel b = model.c.scaled(out.solved);
  model.c.sweep(&b, nullptr, &out.rest_v, &out.lead_v);
  out.rest_v = s_d - out.rest_v;
  divide_solutions(model, out.solved, out.rest_v);
  out.lead_v = model.c.times_lead(model.lead_d) - out.lead_v;
  VectorXd residual_of(pr.p + 1);
  residual_of << -out.beta, 1;
  out.lead_w = out.lead_v * residual_of;
  out.rest_w = out.rest_v * residual_of;
  out.b_rest = b * residual_of;
  return out;
}

MatrixXd gram(const Model& model, const Panel& p, const Panel& r, double tolerance, Solver& solver, Panel& warm) {
  Panel rest, lead, residual;
  model.c.sweep(&r, &p, &rest, &lead);
  MatrixXd out = p.transpose() * lead + r.transpose() * rest;
  const Panel right = model.c.scaled(rest, true);
  solver.solve(right, tolerance, warm, &residual);
  out -= Solver::products(right, warm, residual);
  return 0.5 * (out + out.transpose());
}

GroupRows group_rows(const Model& model, int group) {
  const Layout& layout = model.layout;
  GroupRows out{group == layout.lead, 0, layout.groups[group].q, layout.groups[group].levels};
  for (const OtherFactor& f : model.incidence.factors())
    if (f.group == group) out.first = f.first;
  return out;
}

void directed(const Model& model, const std::vector<Direction>& directions, const Panel& lead, const Panel& rest,
              Panel& p, Panel& r) {
  const Index m = lead.cols(), k = static_cast<Index>(directions.size());
  p.setZero(lead.rows(), k * m);
  r.setZero(rest.rows(), k * m);
  for (Index i = 0; i < k; ++i) {
    const GroupRows g = group_rows(model, directions[i].group);
    const Index rows = g.levels * g.q;
    Panel own(rows, m);
    multiply_each(directions[i].e, false, (g.lead ? lead : rest).data() + g.first * m, g.levels, m, own.data());
    (g.lead ? p : r).block(g.first, i * m, rows, m) = own;
  }
}

MatrixXd average_information(const Model& model, const Point& at, const std::vector<Direction>& directions,
                             double tolerance, Solver& solver, Panel& warm) {
  Panel p, r;
  directed(model, directions, at.lead_w, at.rest_w, p, r);
  MatrixXd out = gram(model, p, r, tolerance, solver, warm);
  if (at.beta.size() > 0) {
    const Index k = at.beta.size();
    MatrixXd x = at.lead_v.leftCols(k).transpose() * p + at.rest_v.leftCols(k).transpose() * r;
    at.x_root.triangularView<Eigen::Lower>().solveInPlace(x);
    out -= x.transpose() * x;
  }
  return out / at.sigma2;
}

MatrixXd block_products(const Panel& x, const Panel& y, Index first, Index q, Index levels) {
  MatrixXd out = MatrixXd::Zero(q, q);
  const Index m = x.cols();
  for (Index a = 0; a < q; ++a)
    for (Index b = 0; b < q; ++b)
      out(a, b) = column_products(x.data() + (first + a) * m, y.data() + (first + b) * m, levels, q, m).sum();
  return out;
}

std::vector<MatrixXd> block_quadratics(const Model& model, const Point& at) {
  std::vector<MatrixXd> out;
  for (std::size_t g = 0; g < model.layout.groups.size(); ++g) {
    const GroupRows rows = group_rows(model, static_cast<int>(g));
    const Panel& w = rows.lead ? at.lead_w : at.rest_w;
    out.push_back(block_products(w, w, rows.first, rows.q, rows.levels) / at.sigma2);
  }
  return out;
}

}  // namespace iterative
}  // namespace henderson
