#include "henderson/likelihood/moments_dense.hpp"

#include <vector>

namespace henderson {

std::vector<Index> rest_columns(const Problem& pr, int group) { return pr.rest.first_columns(group); }

// Effects of related levels are T u with independent u (level_precision.hpp): Z T takes the place of their Z.
static void take_relationships(const Problem& pr, DenseZ& z) {
  for (const int g : pr.layout->rest) {
    const Group& group = pr.layout->groups[g];
    if (group.precision == nullptr) continue;
    const std::vector<Index> first = dense_columns(pr, g);
    group.precision->half(first, group.q, z.zvz);
    z.zvz.transposeInPlace();
    group.precision->half(first, group.q, z.zvz);
    group.precision->half(first, group.q, z.zvx);
    group.precision->half(first, group.q, z.w);
  }
}

void take_out_x(const Evaluation& at, DenseZ& z, Checkpoint& checkpoint) {
  MatrixXd u = z.zvx;
  at.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(u);
  z.zpz = z.zvz;
  multiply_add(z.zpz, -1, plain(u), transposed(u), u.cols(), checkpoint);
}

DenseZ dense_z_of_root(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint) {
  DenseZ out;
  out.zvz.noalias() = at.root_z.transpose() * at.root_z;
  out.zvx.noalias() = at.root_z.transpose() * at.root_d.leftCols(pr.p);
  out.w.noalias() = at.root_z.transpose() * (at.root_d.col(pr.p) - at.root_d.leftCols(pr.p) * at.beta);
  take_out_x(at, out, checkpoint);
  return out;
}

static DenseZ dense_z_by_elimination(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint) {
  const Index q = pr.lead.q, lead = pr.layout->lead_levels() * q, r = pr.rest.columns(), p = pr.p;
  DenseZ out;
  out.zvz = MatrixXd::Zero(lead + r, lead + r);
  out.zvx.resize(lead + r, p);
  MatrixXd s_f = MatrixXd::Zero(r, lead + r);  // Z_r'V_1^{-1} Z
  const MatrixXd s = pr.rest.matrix(at.y_rest);
  s_f.rightCols(r) = s;
  out.zvz.bottomRightCorner(r, r) = s;
  out.zvx.bottomRows(r) = at.s_d.leftCols(p);
  const MatrixXd& lambda = at.factor[pr.layout->lead];
  VectorXd w_lead(lead);
  for (const LeadingClass& c : pr.lead.classes) {
    const Index l = c.level;
    const Eigen::Map<const MatrixXd> root(pr.lead.r + l * q * q, q, q);
    MatrixXd h(q, q), g = root;
    cholesky_plus_identity(MatrixXd(root * lambda), h);
    h.triangularView<Eigen::Lower>().solveInPlace(g);
    out.zvz.block(l * q, l * q, q, q) = g.transpose() * g;
    out.zvx.middleRows(l * q, q) = g.transpose() * at.y.block(l * q, 0, q, p);
    w_lead.segment(l * q, q) = g.transpose() * at.e.segment(l * q, q);
    for (Index e = pr.rest.level_begin(l); e < pr.rest.level_end(l); ++e) {
      const Node& node = pr.rest.entry_node(e);
      const Eigen::Map<const MatrixXd> y(at.y_rest.data() + pr.rest.entry_offset(e), q, node.q);
      const MatrixXd cross = g.transpose() * y;
      out.zvz.block(l * q, lead + node.first, q, node.q) = cross;
      out.zvz.block(lead + node.first, l * q, node.q, q) = cross.transpose();
      s_f.block(node.first, l * q, node.q, q) = cross.transpose();
    }
  }
  out.w.resize(lead + r);
  out.w.head(lead) = w_lead;
  out.w.tail(r) = at.s_d.col(p) - at.s_d.leftCols(p) * at.beta - pr.rest.multiply(at.y_rest, at.b_rest);
  MatrixXd half = at.rest.lambda_transposed(pr.rest, s_f);
  s_f.resize(0, 0);
  at.rest.solve_lower(half, checkpoint);
  MatrixXd half_x = at.rest.lambda_transposed(pr.rest, at.s_d.leftCols(p));
  at.rest.solve_lower(half_x);
  multiply_add(out.zvz, -1, transposed(half), plain(half), r, checkpoint);
  out.zvx.noalias() -= half.transpose() * half_x;
  take_relationships(pr, out);
  take_out_x(at, out, checkpoint);
  return out;
}

DenseZ dense_z(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint) {
  return in_root_form(pr) ? dense_z_of_root(pr, at, checkpoint) : dense_z_by_elimination(pr, at, checkpoint);
}

MatrixXd direct(const Problem& pr, const Direction& d, const MatrixXd& rows) {
  MatrixXd out = MatrixXd::Zero(rows.rows(), rows.cols());
  const Index q = pr.layout->groups[d.group].q;
  for (const Index first : dense_columns(pr, d.group)) {
    out.middleRows(first, q).noalias() = d.e * rows.middleRows(first, q);
  }
  return out;
}

VectorXd block_traces(const Problem& pr, const MatrixXd& m, const std::vector<Direction>& directions) {
  VectorXd out(directions.size());
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const Index q = pr.layout->groups[directions[i].group].q;
    out[i] = 0;
    for (const Index first : dense_columns(pr, directions[i].group)) {
      out[i] += directions[i].e.cwiseProduct(m.block(first, first, q, q)).sum();
    }
  }
  return out;
}

Moments moments_from(const Problem& pr, const Evaluation& at, const DenseZ& z,
                     const std::vector<Direction>& directions) {
  const MatrixXd& traced = at.reml ? z.zpz : z.zvz;
  const Index k = static_cast<Index>(directions.size());
  Moments out;
  for (std::size_t g = 0; g < pr.layout->groups.size(); ++g) {
    const Index q = pr.layout->groups[g].q;
    MatrixXd b = MatrixXd::Zero(q, q), ww = MatrixXd::Zero(q, q);
    for (const Index first : dense_columns(pr, static_cast<int>(g))) {
      b += traced.block(first, first, q, q);
      ww += z.w.segment(first, q) * z.w.segment(first, q).transpose();
    }
    out.block_trace.push_back(b);
    out.block_quadratic.push_back(ww / at.sigma2);
  }
  contract_blocks(directions, out);
  MatrixXd f(z.w.size(), k);
  for (Index i = 0; i < k; ++i) f.col(i) = direct(pr, directions[i], z.w);
  out.ai = f.transpose() * (z.zpz * f) / at.sigma2;
  return out;
}

Moments moments_dense(const Problem& pr, const Evaluation& at, const std::vector<Direction>& directions,
                      Checkpoint& checkpoint) {
  const DenseZ z = dense_z(pr, at, checkpoint);
  const MatrixXd& traced = at.reml ? z.zpz : z.zvz;
  const Index k = static_cast<Index>(directions.size());
  Moments out = moments_from(pr, at, z, directions);
  out.t.resize(k, k);
  std::vector<MatrixXd> rows(k);
  for (Index i = 0; i < k; ++i) {
    rows[i] = direct(pr, directions[i], traced);
    for (Index j = 0; j <= i; ++j) out.t(i, j) = out.t(j, i) = rows[i].cwiseProduct(rows[j].transpose()).sum();
  }
  return out;
}

}  // namespace henderson
