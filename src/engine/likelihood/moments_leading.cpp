#include "henderson/likelihood/moments_leading.hpp"

#include <vector>

namespace henderson {

LeadingSolution solve_leading(const Problem& pr, const Evaluation& at, bool with_x) {
  LeadingSolution out;
  const Index p = pr.p, q = pr.lead.q;
  out.w.resize(pr.lead.t.rows());
  out.zx.resize(with_x ? pr.lead.t.rows() : 0, p);
  const LevelCovariance covariance = at.level_covariance(*pr.layout);
  for_each_class(pr.lead, [&](const LeadingClass& c, const auto& root, auto size) {
    constexpr int Q = decltype(size)::value;
    using Matrix = Eigen::Matrix<double, Q, Q>;
    Matrix h(q, q), g = root;
    covariance.factor(root, h);
    h.template triangularView<Eigen::Lower>().solveInPlace(g);
    for (Index i = c.first; i < c.first + c.count; ++i) {
      using Segment = Eigen::Matrix<double, Q, 1>;
      const Eigen::Map<const Segment> e(at.e.data() + i * q, q);
      Eigen::Map<Segment>(out.w.data() + i * q, q).noalias() = g.transpose() * e;
      if (with_x) {
        for (Index j = 0; j < p; ++j) {
          const Eigen::Map<const Segment> y(at.y.data() + i * q + j * at.y.rows(), q);
          Eigen::Map<Segment>(out.zx.data() + i * q + j * out.zx.rows(), q).noalias() = g.transpose() * y;
        }
      }
    }
  });
  if (with_x && p > 0) {
    at.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(out.zx);
  }
  return out;
}

namespace {

// What the fixed effects add to t between levels: tr(U'E_a U U'E_b U) with U = Z'V^{-1}X L^{-T}.
void add_between_levels(const MatrixXd& u, const std::vector<Direction>& directions, Index q, Checkpoint* checkpoint,
                        MatrixXd& t) {
  std::vector<MatrixXd> inner(directions.size());
  for (std::size_t a = 0; a < directions.size(); ++a) {
    MatrixXd eu(u.rows(), u.cols());
    for (Index i = 0; i < u.rows(); i += q) eu.middleRows(i, q).noalias() = directions[a].e * u.middleRows(i, q);
    inner[a].noalias() = u.transpose() * eu;
    if (checkpoint != nullptr) checkpoint->check();
    for (std::size_t b = 0; b <= a; ++b) t(a, b) += inner[a].cwiseProduct(inner[b].transpose()).sum();
  }
}

}  // namespace

Moments moments_leading(const Problem& pr, const Evaluation& at, const std::vector<Direction>& directions,
                        Checkpoint* checkpoint) {
  const Index k = static_cast<Index>(directions.size()), q = pr.lead.q, p = pr.p;
  const LeadingSolution s = solve_leading(pr, at, at.reml && p > 0);
  const LevelCovariance covariance = at.level_covariance(*pr.layout);
  Moments out;
  out.t = MatrixXd::Zero(k, k);
  out.block_trace.assign(1, MatrixXd::Zero(q, q));
  out.block_quadratic.assign(1, MatrixXd::Zero(q, q));
  MatrixXd f(pr.lead.t.rows(), k);
  for_each_class(pr.lead, [&](const LeadingClass& c, const auto& root, auto size) {
    constexpr int Q = decltype(size)::value;
    using Matrix = Eigen::Matrix<double, Q, Q>;
    using Segment = Eigen::Matrix<double, Q, 1>;
    Matrix h(q, q), g = root, d(q, q), uu = Matrix::Zero(q, q), ww = Matrix::Zero(q, q);
    covariance.factor(root, h);
    h.template triangularView<Eigen::Lower>().solveInPlace(g);
    d.noalias() = g.transpose() * g;
    for (Index i = c.first; i < c.first + c.count; ++i) {
      const Eigen::Map<const Segment> w(s.w.data() + i * q, q);
      ww.noalias() += w * w.transpose();
      for (Index j = 0; j < s.zx.cols() && s.zx.rows() > 0; ++j) {
        const Eigen::Map<const Segment> u(s.zx.data() + i * q + j * s.zx.rows(), q);
        uu.noalias() += u * u.transpose();
      }
    }
    out.block_trace[0] += c.multiplicity * d - uu;
    out.block_quadratic[0] += ww;
    std::vector<Matrix, Eigen::aligned_allocator<Matrix>> ed(k, Matrix(q, q)), eu(k, Matrix(q, q));
    for (Index a = 0; a < k; ++a) {
      if (q > 4 && checkpoint != nullptr) checkpoint->check();
      const Matrix e = directions[a].e;
      ed[a].noalias() = e * d;
      eu[a].noalias() = e * uu;
      const Matrix ge = g * e;
      for (Index i = c.first; i < c.first + c.count; ++i) {
        const Eigen::Map<const Segment> w(s.w.data() + i * q, q);
        Eigen::Map<Segment>(f.data() + i * q + a * f.rows(), q).noalias() = ge * w;
      }
      for (Index b = 0; b <= a; ++b) {
        const Matrix edt = ed[b].transpose();
        double sum = c.multiplicity * ed[a].cwiseProduct(edt).sum() - eu[a].cwiseProduct(edt).sum();
        const Matrix eut = eu[b].transpose();
        sum -= ed[a].cwiseProduct(eut).sum();
        out.t(a, b) += sum;
      }
    }
  });
  out.block_quadratic[0] /= at.sigma2;
  contract_blocks(directions, out);
  if (s.zx.rows() > 0) add_between_levels(s.zx, directions, q, checkpoint, out.t);
  out.t.triangularView<Eigen::StrictlyUpper>() = out.t.transpose();
  MatrixXd xf = at.y.leftCols(p).transpose() * f;
  at.x_root.triangularView<Eigen::Lower>().solveInPlace(xf);
  out.ai = (f.transpose() * f - xf.transpose() * xf) / at.sigma2;
  return out;
}

}  // namespace henderson
