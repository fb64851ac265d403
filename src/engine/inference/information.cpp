#include "henderson/inference/information.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

namespace {

// X'V^{-1} V_i V^{-1} V_j V^{-1} X and X'V^{-1} V_i V^{-1} X for one grouping factor, level by level.
// `second` may be left out.
void leading_tests(const Problem& pr, const Evaluation& at, const std::vector<Direction>& directions,
                   MatrixXd& first, MatrixXd* second) {
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
        if (second != nullptr) f.middleCols(i * p, p).noalias() = g * ez;
      }
      if (second != nullptr) second->noalias() += f.transpose() * f;
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

// X'V^{-1} V_kl V^{-1} X for the second derivatives of structures that are not linear. `tests` gives X'V^{-1} V_i
// V^{-1} X for directions. Lower triangle over psi and sigma^2, empty where it is zero.
template <class Tests>
std::vector<MatrixXd> bend_tests(const Layout& layout, const VectorXd& psi, const Tests& tests) {
  std::vector<MatrixXd> out(static_cast<std::size_t>((layout.n_psi + 1) * (layout.n_psi + 2) / 2));
  for (const Term& term : layout.terms) {
    if (term.structure->linear()) continue;
    std::vector<Direction> bends;
    std::vector<std::size_t> place;
    const VectorXd own = psi.segment(term.psi, term.n_psi);
    for (Index k = 0; k < term.n_psi; ++k)
      for (Index l = 0; l <= k; ++l) {
        const MatrixXd e = term.structure->second_derivative(own, term.q, k, l);
        const Index row = term.psi + k;
        if (e.isZero(0)) continue;
        bends.push_back({term.group, embed(layout, term, e)});
        place.push_back(static_cast<std::size_t>(row * (row + 1) / 2 + term.psi + l));
      }
    const MatrixXd all = tests(bends);
    for (std::size_t i = 0; i < place.size(); ++i)
      out[place[i]] = all.middleCols(static_cast<Index>(i) * all.rows(), all.rows());
  }
  return out;
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

void add_first_tests(const VectorXd& weight, const MatrixXd& first, Index p, Information& out) {
  const Index k = weight.size();
  out.p.clear();
  for (Index i = 0; i < k; ++i) out.p.push_back(-first.middleCols(i * p, p));
  MatrixXd last = -out.phi.llt().solve(MatrixXd::Identity(p, p));
  for (Index i = 0; i < k; ++i) last -= weight[i] * out.p[i];
  out.p.push_back(last);
}

void add_residual_tests(const VectorXd& weight, const MatrixXd& first, const MatrixXd& second, Index p,
                        Information& out) {
  const Index k = weight.size();
  add_first_tests(weight, first, p, out);
  out.q = MatrixXd::Zero((k + 1) * p, (k + 1) * p);
  out.q.topLeftCorner(k * p, k * p) = second;
  for (Index i = 0; i <= k; ++i) {
    MatrixXd own = -out.p[i];
    for (Index j = 0; j < k; ++j) own -= weight[j] * out.q.block(i * p, j * p, p, p);
    out.q.block(i * p, k * p, p, p) = own;
    out.q.block(k * p, i * p, p, p) = own.transpose();
  }
}

// d2 psi / d theta d theta is what the curvature of Sigma in psi leaves of that in theta.
void add_theta(const Layout& layout, const Evaluation& at, const Moments& m, Information& out) {
  out.jacobian = layout.jacobian(at.theta);
  out.curvature = factor_curvature(layout, at.theta, m);
  out.natural_curvature = natural_curvature(layout, at.theta, m);
  const auto linear = [](const Term& term) { return term.structure->linear(); };
  if (std::all_of(layout.terms.begin(), layout.terms.end(), linear)) return;
  out.curvature -= out.jacobian.transpose() * out.natural_curvature * out.jacobian;
}

Information average_information(const Problem& problem, const Evaluation& at, Checkpoint& checkpoint) {
  const std::vector<Direction> directions = natural_directions(*problem.layout, at.theta);
  const Index k = static_cast<Index>(directions.size()), p = problem.p;
  LargeMoments moments(problem, at, checkpoint);
  const Moments m = moments.compute(directions);
  Information out;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(p, p));
  out.phi = half.transpose() * half;
  const VectorXd psi = problem.layout->psi(at.theta), weight = problem.layout->scaling(psi);
  out.psi.resize(k + 1);
  out.psi << psi, 1;
  out.ai = bordered(m.ai, m.quadratic, weight, at.r2 / at.sigma2);
  add_first_tests(weight, moments.fixed_forms(directions), p, out);
  out.has_t = false;
  add_theta(*problem.layout, at, m, out);
  return out;
}

namespace {

// What the regimes give to an information: moments by REML and by ML, X'V^{-1}V_iV^{-1}X and its kin.
struct InformationParts {
  Moments moments;
  MatrixXd t, t_ml, first, second;
  VectorXd trace, trace_ml;
  std::vector<MatrixXd> bends;
};

InformationParts parts_in(const OneFactor&, const Problem& problem, const Evaluation& at,
                          const std::vector<Direction>& directions, Index, Checkpoint& checkpoint) {
  const Index k = static_cast<Index>(directions.size()), p = problem.p;
  InformationParts out;
  out.moments = moments_leading(problem, at, directions, &checkpoint);
  Evaluation other = at;
  other.reml = !at.reml;
  const Moments opposite = moments_leading(problem, other, directions, &checkpoint);
  const Moments &reml = at.reml ? out.moments : opposite, &ml = at.reml ? opposite : out.moments;
  out.t = reml.t;
  out.t_ml = ml.t;
  out.trace = reml.trace;
  out.trace_ml = ml.trace;
  out.first = MatrixXd::Zero(p, k * p);
  out.second = MatrixXd::Zero(k * p, k * p);
  leading_tests(problem, at, directions, out.first, &out.second);
  out.bends = bend_tests(*problem.layout, problem.layout->psi(at.theta), [&](const std::vector<Direction>& entries) {
    MatrixXd bent = MatrixXd::Zero(p, p * static_cast<Index>(entries.size()));
    leading_tests(problem, at, entries, bent, nullptr);
    return bent;
  });
  return out;
}

InformationParts dense_parts(const Problem& problem, const Evaluation& at, const std::vector<Direction>& directions,
                             Checkpoint& checkpoint) {
  const Index k = static_cast<Index>(directions.size()), p = problem.p;
  InformationParts out;
  const DenseZ z = dense_z(problem, at, checkpoint);
  out.moments = moments_from(problem, at, z, directions);
  out.t = dense_traces(problem, z.zpz, directions);
  out.t_ml = dense_traces(problem, z.zvz, directions);
  out.trace = block_traces(problem, z.zpz, directions);
  out.trace_ml = block_traces(problem, z.zvz, directions);
  out.first = MatrixXd::Zero(p, k * p);
  out.second = MatrixXd::Zero(k * p, k * p);
  dense_tests(problem, z, directions, out.first, out.second);
  out.bends = bend_tests(*problem.layout, problem.layout->psi(at.theta), [&](const std::vector<Direction>& entries) {
    MatrixXd bent(p, p * static_cast<Index>(entries.size()));
    for (std::size_t i = 0; i < entries.size(); ++i)
      bent.middleCols(static_cast<Index>(i) * p, p) = z.zvx.transpose() * direct(problem, entries[i], z.zvx);
    return bent;
  });
  return out;
}

InformationParts parts_in(const Rooted&, const Problem& problem, const Evaluation& at,
                          const std::vector<Direction>& directions, Index, Checkpoint& checkpoint) {
  return dense_parts(problem, at, directions, checkpoint);
}

InformationParts parts_in(const Crossed&, const Problem& problem, const Evaluation& at,
                          const std::vector<Direction>& directions, Index dense_limit, Checkpoint& checkpoint) {
  const Index columns = problem.layout->random_columns();
  if (columns > dense_limit) throw Error("information_size", std::to_string(columns));
  return dense_parts(problem, at, directions, checkpoint);
}

}  // namespace

Information information(const Problem& problem, const Evaluation& at, Index dense_limit, Checkpoint& checkpoint) {
  const Layout& layout = *problem.layout;
  const std::vector<Direction> directions = natural_directions(layout, at.theta);
  const Index k = static_cast<Index>(directions.size()), p = problem.p;
  Information out;
  const MatrixXd half = at.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(p, p));
  out.phi = half.transpose() * half;
  const VectorXd psi = layout.psi(at.theta), weight = layout.scaling(psi);
  InformationParts parts = std::visit(
      [&](const auto& regime) { return parts_in(regime, problem, at, directions, dense_limit, checkpoint); },
      problem.regime);
  out.psi.resize(k + 1);
  out.psi << psi, 1;
  out.t = bordered(parts.t, parts.trace, weight, static_cast<double>(problem.n - p));
  out.t_ml = bordered(parts.t_ml, parts.trace_ml, weight, static_cast<double>(problem.n));
  out.ai = bordered(parts.moments.ai, parts.moments.quadratic, weight, at.r2 / at.sigma2);
  add_residual_tests(weight, parts.first, parts.second, p, out);
  out.r = std::move(parts.bends);
  add_theta(layout, at, parts.moments, out);
  return out;
}

}  // namespace henderson
