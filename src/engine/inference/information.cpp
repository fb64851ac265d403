#include "henderson/inference/information.hpp"

#include <Eigen/Cholesky>
#include <string>
#include <vector>

namespace henderson {

namespace {

// X'V^{-1} V_i V^{-1} V_j V^{-1} X and X'V^{-1} V_i V^{-1} X for one grouping factor, level by level.
void leading_tests(const Problem& pr, const Evaluation& at, const std::vector<Direction>& directions,
                   MatrixXd& first, MatrixXd& second) {
  const Index k = static_cast<Index>(directions.size()), p = pr.p, q = pr.lead.q;
  const LevelCovariance covariance = at.level_covariance(*pr.layout);
  MatrixXd f(q, k * p);
  for (const LeadingClass& c : pr.lead.classes) {
    const Eigen::Map<const MatrixXd> root(pr.lead.r + c.level * q * q, q, q);
    MatrixXd h(q, q), g = root;
    covariance.factor(root, h);
    h.triangularView<Eigen::Lower>().solveInPlace(g);
    for (Index l = c.first; l < c.first + c.count; ++l) {
      const MatrixXd zvx = g.transpose() * at.y.block(l * q, 0, q, p);
      for (Index i = 0; i < k; ++i) {
        const MatrixXd ez = directions[i].e * zvx;
        first.middleCols(i * p, p).noalias() += zvx.transpose() * ez;
        f.middleCols(i * p, p).noalias() = g * ez;
      }
      second.noalias() += f.transpose() * f;
    }
  }
}

void dense_tests(const Problem& pr, const DenseZ& z, const std::vector<Direction>& directions, MatrixXd& first,
                 MatrixXd& second) {
  const Index k = static_cast<Index>(directions.size()), p = pr.p;
  MatrixXd f(z.zvx.rows(), k * p);
  for (Index i = 0; i < k; ++i) f.middleCols(i * p, p) = direct(pr, directions[i], z.zvx);
  first = z.zvx.transpose() * f;
  second = f.transpose() * (z.zvz * f);
}

// The sum over the blocks of M between two groups of vec(block) vec(block)'.
MatrixXd block_squares(const MatrixXd& m, const std::vector<Index>& rows, Index rows_q,
                       const std::vector<Index>& cols, Index cols_q) {
  const Index size = rows_q * cols_q, count = static_cast<Index>(rows.size());
  MatrixXd out = MatrixXd::Zero(size, size), panel(size, count);
  for (const Index col : cols) {
    for (Index k = 0; k < count; ++k)
      for (Index b = 0; b < cols_q; ++b)
        for (Index a = 0; a < rows_q; ++a) panel(a + b * rows_q, k) = m(rows[k] + a, col + b);
    if (size == 1) out(0, 0) += panel.squaredNorm();
    else out.noalias() += panel * panel.transpose();
  }
  return out;
}

// tr(V_i M V_j M) for M = Z'PZ or Z'V^{-1}Z as a dense matrix: the sum over blocks B of tr(E_i B E_j B').
MatrixXd dense_traces(const Problem& pr, const MatrixXd& m, const std::vector<Direction>& directions) {
  const Index k = static_cast<Index>(directions.size());
  const int groups = static_cast<int>(pr.layout->groups.size());
  MatrixXd out(k, k);
  for (int g = 0; g < groups; ++g)
    for (int h = 0; h <= g; ++h) {
      const Index qg = pr.layout->groups[g].q, qh = pr.layout->groups[h].q;
      const MatrixXd squares = block_squares(m, dense_columns(pr, g), qg, dense_columns(pr, h), qh);
      for (Index i = 0; i < k; ++i)
        for (Index j = 0; j < k; ++j) {
          if (directions[i].group != g || directions[j].group != h) continue;
          const MatrixXd &ei = directions[i].e, &ej = directions[j].e;
          double sum = 0;      // of e_i(a, c) e_j(d, b) B(c, d) B(a, b)
          for (Index b = 0; b < qh; ++b)
            for (Index d = 0; d < qh; ++d)
              if (ej(d, b) != 0)
                for (Index c = 0; c < qg; ++c)
                  for (Index a = 0; a < qg; ++a) sum += ei(a, c) * ej(d, b) * squares(c + d * qg, a + b * qg);
          out(i, j) = out(j, i) = sum;
        }
    }
  return out;
}

}  // namespace

void add_residual_tests(const VectorXd& psi, const MatrixXd& first, const MatrixXd& second, Index p,
                        Information& out) {
  const Index k = psi.size();
  out.p.clear();
  for (Index i = 0; i < k; ++i) out.p.push_back(-first.middleCols(i * p, p));
  const MatrixXd inverse = out.phi.llt().solve(MatrixXd::Identity(p, p));
  MatrixXd last = -inverse;
  for (Index i = 0; i < k; ++i) last -= psi[i] * out.p[i];
  out.p.push_back(last);
  out.q = MatrixXd::Zero((k + 1) * p, (k + 1) * p);
  out.q.topLeftCorner(k * p, k * p) = second;
  for (Index i = 0; i <= k; ++i) {
    MatrixXd own = -out.p[i];
    for (Index j = 0; j < k; ++j) own -= psi[j] * out.q.block(i * p, j * p, p, p);
    out.q.block(i * p, k * p, p, p) = own;
    out.q.block(k * p, i * p, p, p) = own.transpose();
  }
}

void add_theta(const Layout& layout, const Evaluation& at, const Moments& m, Information& out) {
  const std::vector<Direction> natural = natural_directions(layout), theta = theta_directions(layout, at.theta);
  out.jacobian.resize(natural.size(), theta.size());
  for (std::size_t i = 0; i < natural.size(); ++i) {
    Index row, col;
    natural[i].e.cwiseAbs().maxCoeff(&row, &col);
    for (std::size_t j = 0; j < theta.size(); ++j)
      out.jacobian(i, j) = natural[i].group == theta[j].group ? theta[j].e(row, col) : 0;
  }
  out.curvature = factor_curvature(layout, at.theta, m);
}

Information average_information(const Problem& problem, const Evaluation& at, Checkpoint& checkpoint) {
  const std::vector<Direction> directions = natural_directions(*problem.layout);
  const Index k = static_cast<Index>(directions.size()), p = problem.p;
  const Moments m = LargeMoments(problem, at, checkpoint).compute(directions);
  Information out;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(p, p));
  out.phi = half.transpose() * half;
  const VectorXd psi = psi_of(at, directions);
  out.psi.resize(k + 1);
  out.psi << psi, 1;
  out.ai = bordered(m.ai, m.quadratic, psi, at.r2 / at.sigma2);
  out.has_t = false;
  add_theta(*problem.layout, at, m, out);
  return out;
}

Information information(const Problem& problem, const Evaluation& at, Index dense_limit, Checkpoint& checkpoint) {
  const Layout& layout = *problem.layout;
  const std::vector<Direction> directions = natural_directions(layout);
  const Index k = static_cast<Index>(directions.size()), p = problem.p;
  Information out;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(p, p));
  out.phi = half.transpose() * half;
  const VectorXd psi = psi_of(at, directions);
  Evaluation other = at;
  MatrixXd first = MatrixXd::Zero(p, k * p), second = MatrixXd::Zero(k * p, k * p), t, t_ml;
  Moments m;
  VectorXd trace, trace_ml;
  if (problem.rest.columns() == 0) {
    m = moments_leading(problem, at, directions);
    other.reml = !at.reml;
    const Moments opposite = moments_leading(problem, other, directions);
    t = at.reml ? m.t : opposite.t;
    t_ml = at.reml ? opposite.t : m.t;
    trace = at.reml ? m.trace : opposite.trace;
    trace_ml = at.reml ? opposite.trace : m.trace;
    leading_tests(problem, at, directions, first, second);
  } else if (problem.root || layout.random_columns() <= dense_limit) {
    const DenseZ z = dense_z(problem, at, checkpoint);
    m = moments_from(problem, at, z, directions);
    t = dense_traces(problem, z.zpz, directions);
    t_ml = dense_traces(problem, z.zvz, directions);
    trace = block_traces(problem, z.zpz, directions);
    trace_ml = block_traces(problem, z.zvz, directions);
    dense_tests(problem, z, directions, first, second);
  } else {
    throw Error("information_size", std::to_string(layout.random_columns()));
  }
  out.psi.resize(k + 1);
  out.psi << psi, 1;
  out.t = bordered(t, trace, psi, static_cast<double>(problem.n - p));
  out.t_ml = bordered(t_ml, trace_ml, psi, static_cast<double>(problem.n));
  out.ai = bordered(m.ai, m.quadratic, psi, at.r2 / at.sigma2);
  add_residual_tests(psi, first, second, p, out);
  add_theta(layout, at, m, out);
  return out;
}

}  // namespace henderson
