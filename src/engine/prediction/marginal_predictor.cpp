#include "henderson/prediction/marginal_predictor.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace henderson {

MarginalPredictor::MarginalPredictor(const Problem& problem, const CrossProducts& data, const Evaluation& at,
                                       Checkpoint& checkpoint)
    : pr_(problem), data_(data), at_(at), layout_(*problem.layout) {
  for (std::size_t g = 0; g < layout_.groups.size(); ++g) {
    first_.push_back(dense_columns(pr_, static_cast<int>(g)));
    sigma_.push_back(at_.sigma(static_cast<int>(g)));
  }
  std::visit([&](const auto& regime) { read(regime, checkpoint); }, pr_.regime);
}

VectorXd MarginalPredictor::variances(const Combinations& c, Checkpoint& checkpoint) const {
  VectorXd out(c.x.rows());
  for (Index i = 0; i < out.size(); ++i) {
    const Parts parts = parts_of(c, i);
    out[i] = at_.sigma2 * (between(parts, parts) + parts.x.squaredNorm());
    if (at_.bounded()) out[i] = std::max(out[i], 0.0);
    if (i % 1024 == 0) checkpoint.check();
  }
  return out;
}

MatrixXd MarginalPredictor::covariance(const Combinations& c) const {
  std::vector<Parts> parts;
  for (Index i = 0; i < c.x.rows(); ++i) parts.push_back(parts_of(c, i));
  MatrixXd out(parts.size(), parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      out(i, j) = out(j, i) = at_.sigma2 * (between(parts[i], parts[j]) + parts[i].x.dot(parts[j].x));
  return out;
}

std::vector<MatrixXd> MarginalPredictor::conditional(int group, Checkpoint& checkpoint) const {
  const MatrixXd basis = group_basis(layout_, data_, group);
  std::vector<MatrixXd> out;
  for (Index l = 0; l < layout_.groups[group].levels; ++l) {
    const MatrixXd& s = sigma_[group];
    out.push_back(at_.sigma2 * basis * (s - s * zvz(group, l, group, l) * s) * basis.transpose());
    if (l % 1024 == 0) checkpoint.check();
  }
  return out;
}

// The conditional variance, and what the estimation of beta adds.
MatrixXd MarginalPredictor::errors(int group, Checkpoint& checkpoint) const {
  const MatrixXd basis = group_basis(layout_, data_, group);
  const std::vector<MatrixXd> given = conditional(group, checkpoint);
  MatrixXd out(layout_.groups[group].q, layout_.groups[group].levels);
  for (Index l = 0; l < out.cols(); ++l) {
    MatrixXd half = zvx(group, l).transpose() * sigma_[group] * basis.transpose();
    at_.x_root.triangularView<Eigen::Lower>().solveInPlace(half);
    out.col(l) = given[l].diagonal() + at_.sigma2 * half.colwise().squaredNorm().transpose();
  }
  return out;
}

MarginalPredictor::Parts MarginalPredictor::parts_of(const Combinations& c, Index row) const {
  Parts out;
  out.x = data_.x.basis.transpose() * c.x.row(row).transpose();
  for (std::size_t g = 0; c.random && g < layout_.groups.size(); ++g) {
    const int code = c.code[g][row];
    out.level.push_back(code > 0 ? std::optional<Index>(code - 1) : std::nullopt);
    out.z.push_back(group_row(layout_, data_, c, static_cast<int>(g), row));
    out.u.push_back(sigma_[g] * out.z[g]);
    if (out.level[g]) out.x.noalias() -= zvx(static_cast<int>(g), *out.level[g]).transpose() * out.u[g];
  }
  at_.x_root.triangularView<Eigen::Lower>().solveInPlace(out.x);
  return out;
}

double MarginalPredictor::between(const Parts& a, const Parts& b) const {
  double sum = 0;
  for (std::size_t g = 0; g < a.level.size(); ++g) {
    if (!a.level[g]) continue;
    if (a.level[g] == b.level[g]) sum += a.z[g].dot(b.u[g]);
    for (std::size_t h = 0; h < b.level.size(); ++h)
      if (b.level[h])
        sum -= a.u[g].dot(zvz(static_cast<int>(g), *a.level[g], static_cast<int>(h), *b.level[h]) * b.u[h]);
  }
  return sum;
}

MatrixXd MarginalPredictor::zvz(int g, Index l, int h, Index m) const {
  const Index qg = layout_.groups[g].q, qh = layout_.groups[h].q;
  if (!by_levels_) return dense_.zvz.block(first_[g][l], first_[h][m], qg, qh);
  return l == m ? level_zvz_[l] : MatrixXd::Zero(qg, qh);
}

MatrixXd MarginalPredictor::zvx(int g, Index l) const {
  const Index q = layout_.groups[g].q;
  return by_levels_ ? level_zvx_[l] : MatrixXd(dense_.zvx.middleRows(first_[g][l], q));
}

void MarginalPredictor::read(const Rooted&, Checkpoint& checkpoint) { dense_ = dense_z(pr_, at_, checkpoint); }

void MarginalPredictor::read(const Crossed&, Checkpoint& checkpoint) { dense_ = dense_z(pr_, at_, checkpoint); }

void MarginalPredictor::read(const OneFactor&, Checkpoint&) {
  by_levels_ = true;
  const Index q = pr_.lead.q;
  const LevelCovariance covariance = at_.level_covariance(layout_);
  for (Index l = 0; l < layout_.lead_levels(); ++l) {
    const Eigen::Map<const MatrixXd> root(pr_.lead.r + l * q * q, q, q);
    MatrixXd h(q, q), g = root;
    covariance.factor(root, h);
    h.triangularView<Eigen::Lower>().solveInPlace(g);
    level_zvz_.push_back(g.transpose() * g);
    level_zvx_.push_back(g.transpose() * at_.y.block(l * q, 0, q, pr_.p));
  }
}

}  // namespace henderson
