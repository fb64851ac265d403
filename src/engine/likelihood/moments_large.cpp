#include "henderson/likelihood/moments_large.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace henderson {

Moments LargeMoments::compute(const std::vector<Direction>& directions) {
  Moments out;
  out.has_t = false;
  const std::size_t groups = layout_.groups.size();
  out.block_trace.resize(groups);
  out.block_quadratic.resize(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    out.block_trace[g] = MatrixXd::Zero(layout_.groups[g].q, layout_.groups[g].q);
    out.block_quadratic[g] = out.block_trace[g];
  }
  solve();
  traces(out);
  quadratics(out);
  contract_blocks(directions, out);
  average_information(directions, out);
  return out;
}

void LargeMoments::solve() {
  const Index p = pr_.p;
  w_lead_ = times_root_transposed(at_.e);
  w_rest_ = at_.s_d.col(p) - at_.s_d.leftCols(p) * at_.beta - pr_.rest.multiply(at_.y_rest, at_.b_rest);
  if (!at_.reml || p == 0) return;
  solve_fixed();
  const auto root = at_.x_root.triangularView<Eigen::Lower>().transpose();
  root.solveInPlace<Eigen::OnTheRight>(u_lead_);
  root.solveInPlace<Eigen::OnTheRight>(u_rest_);
}

void LargeMoments::solve_fixed() {
  const MatrixXd x = at_.s_d.leftCols(pr_.p);
  const MatrixXd b = at_.rest.covariance_times(pr_.rest, x);
  const MatrixXd e = at_.y.leftCols(pr_.p) - pr_.rest.gather(at_.y_rest, b);
  u_lead_ = times_root_transposed(e);
  u_rest_ = x - pr_.rest.multiply(at_.y_rest, b);
}

MatrixXd LargeMoments::fixed_forms(const std::vector<Direction>& directions) {
  const Index p = pr_.p, q = pr_.lead.q;
  solve_fixed();
  take_relationships(u_rest_);
  MatrixXd out = MatrixXd::Zero(p, p * static_cast<Index>(directions.size()));
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const Direction& d = directions[i];
    auto own = out.middleCols(static_cast<Index>(i) * p, p);
    if (d.group == layout_.lead) {
      for (Index l = 0; l < layout_.lead_levels(); ++l) {
        const auto u = u_lead_.middleRows(l * q, q);
        own.noalias() += u.transpose() * (d.e * u);
      }
      continue;
    }
    for (const Node& node : pr_.rest.nodes()) {
      if (layout_.rest[node.rest] != d.group) continue;
      const auto u = u_rest_.middleRows(node.first, node.q);
      own.noalias() += u.transpose() * (d.e * u);
    }
  }
  return out;
}

template <class Body>
void LargeMoments::for_each_level(const Body& body) const {
  const MatrixXd& lambda = at_.factor[layout_.lead];
  for_each_class(pr_.lead, [&](const LeadingClass& c, const auto& root, auto size) {
    constexpr int Q = decltype(size)::value;
    using Matrix = Eigen::Matrix<double, Q, Q>;
    const Index q = pr_.lead.q;
    Matrix m(q, q), h(q, q), g(q, q);
    m.noalias() = root * lambda;
    cholesky_plus_identity(m, h);
    g = root;
    h.template triangularView<Eigen::Lower>().solveInPlace(g);
    body(c.level, g);
  });
}

MatrixXd LargeMoments::times_root_transposed(const MatrixXd& rows) const {
  MatrixXd out(rows.rows(), rows.cols());
  const Index q = pr_.lead.q;
  for_each_level([&](Index l, const auto& g) {
    out.middleRows(l * q, q).noalias() = g.transpose() * rows.middleRows(l * q, q);
  });
  return out;
}

void LargeMoments::traces(Moments& out) {
  const SchurFactor::Inverse inverse = at_.rest.inverse(checkpoint_);
  lead_trace(inverse, out.block_trace[layout_.lead]);
  std::vector<bool> inside;
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) inside.push_back(well_inside(static_cast<int>(g)));
  rest_trace(at_.rest, inverse, inside, true, out);
  if (std::find(inside.begin(), inside.end(), false) != inside.end()) {
    const SchurFactor lifted = lifted_factor(inside);
    rest_trace(lifted, lifted.inverse(checkpoint_), inside, false, out);
  }
  if (u_rest_.size() == 0) return;
  take_relationships(u_rest_);
  for (const Node& node : pr_.rest.nodes()) {
    const auto u = u_rest_.middleRows(node.first, node.q);
    out.block_trace[layout_.rest[node.rest]].noalias() -= u * u.transpose();
  }
}

void LargeMoments::take_relationships(Eigen::Ref<MatrixXd> rows) const {
  for (const int g : layout_.rest) {
    const Group& group = layout_.groups[g];
    if (group.precision != nullptr) group.precision->half(pr_.rest.first_columns(g), group.q, rows);
  }
}

void LargeMoments::rest_trace(const SchurFactor& factor, const SchurFactor::Inverse& inverse,
                              const std::vector<bool>& inside, bool wanted, Moments& out) const {
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
    if (inside[g] != wanted) continue;
    const Index q = layout_.groups[layout_.rest[g]].q;
    MatrixXd c = pr_.rest.less_precision_trace(static_cast<int>(g), q, [&](Index row, Index col) {
      MatrixXd block(q, q);
      for (Index b = 0; b < q; ++b)
        for (Index a = 0; a < q; ++a) block(a, b) = inverse(row + a, col + b);
      return block;
    });
    const auto l = factor.lambda()[g].triangularView<Eigen::Lower>();
    l.transpose().solveInPlace(c);
    l.transpose().solveInPlace(c.transpose());
    out.block_trace[layout_.rest[g]] += c;
  }
}

double LargeMoments::least_entry(int rest) const {
  const Group& g = layout_.groups[layout_.rest[rest]];
  return 1e-3 *
         std::sqrt(static_cast<double>(g.levels) / static_cast<double>(pr_.n));  // Z'Z is n / levels by its scaling
}

bool LargeMoments::well_inside(int rest) const {
  return at_.rest.lambda()[rest].diagonal().cwiseAbs().minCoeff() > least_entry(rest);
}

SchurFactor LargeMoments::lifted_factor(const std::vector<bool>& inside) const {
  SchurFactor out = at_.rest;
  std::vector<MatrixXd> factor = at_.factor;
  for (std::size_t g = 0; g < inside.size(); ++g) {
    if (inside[g]) continue;
    MatrixXd& l = factor[layout_.rest[g]];
    const double least = least_entry(static_cast<int>(g));
    for (Index a = 0; a < l.rows(); ++a)
      if (std::abs(l(a, a)) < least) l(a, a) = least;
  }
  out.set_lambda(layout_, factor);
  out.factorize(pr_.rest, at_.y_rest, checkpoint_);
  return out;
}

void LargeMoments::lead_trace(const SchurFactor::Inverse& inverse, MatrixXd& trace) {
  const Index q = pr_.lead.q;
  const std::vector<double> scaled = at_.rest.times_lambda(pr_.rest, at_.y_rest);
  std::vector<Index> column;
  for_each_level([&](Index l, const auto& g) {
    column.clear();
    Index width = 0;
    for (Index e = pr_.rest.level_begin(l); e < pr_.rest.level_end(l); ++e) {
      const Node& node = pr_.rest.entry_node(e);
      for (Index a = 0; a < node.q; ++a) column.push_back(node.first + a);
      width += node.q;
    }
    MatrixXd inner = MatrixXd::Identity(q, q);
    // Values of a level need not be neighbours in memory: gather them.
    y_.resize(q, width);
    Index at = 0;
    for (Index e = pr_.rest.level_begin(l); e < pr_.rest.level_end(l); ++e) {
      const Index w = pr_.rest.entry_node(e).q;
      y_.middleCols(at, w) = Eigen::Map<const MatrixXd>(scaled.data() + pr_.rest.entry_offset(e), q, w);
      at += w;
    }
    c_.resize(width, width);
    gather(inverse, column, c_);
    inner.noalias() -= y_ * c_.selfadjointView<Eigen::Lower>() * y_.transpose();
    trace.noalias() += g.transpose() * inner * g;
    if (l % 1024 == 0) checkpoint_.check();
  });
  if (u_lead_.size() == 0) return;
  for (Index l = 0; l < layout_.lead_levels(); ++l) {
    const auto u = u_lead_.middleRows(l * q, q);
    trace.noalias() -= u * u.transpose();
  }
}

void LargeMoments::gather(const SchurFactor::Inverse& inverse, const std::vector<Index>& column, MatrixXd& out) {
  const Index k = static_cast<Index>(column.size());
  for (Index b = 0; b < k; ++b) {
    if (inverse.dense) {
      const double* source = inverse.matrix.data() + column[b] * inverse.matrix.rows();
      for (Index a = b; a < k; ++a) out(a, b) = source[column[a]];
      continue;
    }
    std::int64_t s = inverse.pattern->start[column[b]];
    for (Index a = b; a < k; ++a) {
      while (inverse.pattern->row[s] != column[a]) ++s;
      out(a, b) = inverse.value[s];
    }
  }
}

void LargeMoments::quadratics(Moments& out) {
  const Index q = pr_.lead.q;
  for (Index l = 0; l < layout_.lead_levels(); ++l) {
    const auto w = w_lead_.middleRows(l * q, q);
    out.block_quadratic[layout_.lead].noalias() += w * w.transpose() / at_.sigma2;
  }
  MatrixXd rows = w_rest_;
  take_relationships(rows);
  for (const Node& node : pr_.rest.nodes()) {
    const auto w = rows.middleRows(node.first, node.q);
    out.block_quadratic[layout_.rest[node.rest]].noalias() += w * w.transpose() / at_.sigma2;
  }
}

void LargeMoments::average_information(const std::vector<Direction>& directions, Moments& out) {
  const Index k = static_cast<Index>(directions.size()), q = pr_.lead.q, p = pr_.p;
  MatrixXd lead = MatrixXd::Zero(pr_.lead.t.rows(), k), rest = MatrixXd::Zero(pr_.rest.columns(), k);
  for (Index i = 0; i < k; ++i) {
    const Direction& d = directions[i];
    if (d.group == layout_.lead) {
      for_each_level([&](Index l, const auto& g) {
        lead.col(i).segment(l * q, q).noalias() = g * (d.e * w_lead_.middleRows(l * q, q));
      });
    } else {
      for (const Node& node : pr_.rest.nodes())
        if (layout_.rest[node.rest] == d.group) {
          rest.col(i).segment(node.first, node.q).noalias() = d.e * w_rest_.segment(node.first, node.q);
        }
      const Group& group = layout_.groups[d.group];
      if (group.precision != nullptr) group.precision->multiply(pr_.rest.first_columns(d.group), group.q, rest.col(i));
    }
  }
  const MatrixXd s_rest = pr_.rest.multiply(at_.y_rest, rest);
  const MatrixXd y_f = lead + pr_.rest.gather(at_.y_rest, rest);
  const MatrixXd s_rf = s_rest + pr_.rest.gather_transposed(at_.y_rest, lead);
  MatrixXd s_xf = at_.y.leftCols(p).transpose() * lead + at_.s_d.leftCols(p).transpose() * rest;
  // Leading parts meet through Y, the others' through S, which holds Y_r'Y_r already.
  MatrixXd s_ff = rest.transpose() * s_rest + lead.transpose() * y_f + (y_f - lead).transpose() * lead;
  MatrixXd half = at_.rest.lambda_transposed(pr_.rest, s_rf);
  at_.rest.solve_lower(half);
  MatrixXd half_x = at_.rest.lambda_transposed(pr_.rest, at_.s_d.leftCols(p));
  at_.rest.solve_lower(half_x);
  s_ff.noalias() -= half.transpose() * half;
  s_xf.noalias() -= half_x.transpose() * half;
  at_.x_root.triangularView<Eigen::Lower>().solveInPlace(s_xf);
  out.ai = (s_ff - s_xf.transpose() * s_xf) / at_.sigma2;
}

}  // namespace henderson
