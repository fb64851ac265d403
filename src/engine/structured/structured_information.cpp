#include "henderson/structured/structured_information.hpp"

#include <algorithm>
#include <utility>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/error.hpp"
#include "henderson/structured/visit_form.hpp"

namespace henderson {

StructuredInformer::StructuredInformer(const StructuredCriterion& criterion, const StructuredPoint& at)
    : criterion_(criterion), pr_(criterion.problem()), at_(at) {}

void StructuredInformer::start() {
  u_ = pr_.layout.psi(at_.theta).size();
  k_ = u_ + pr_.residual.size();
  sigma_ = !pr_.known_sigma2;
  fill_natural();
}

MatrixXd StructuredInformer::weighted_pairs(const MatrixXd& w) {
  start();
  if (!pr_.visits || w.rows() != k_ + 1) throw Error("input", "weights of pairs do not fit the model");
  MatrixXd own = w;
  if (!sigma_) {
    own.row(k_).setZero();
    own.col(k_).setZero();
  }
  const MatrixXd sum = pr_.visits->weighted_pairs(pr_.residual, at_, own, weighted_, criterion_.checkpoint());
  return at_.x_root * sum * at_.x_root.transpose();
}

StructuredInformation StructuredInformer::run(bool pairs) {
  const std::vector<RandomDirection> random = directions();
  const StructuredSums s = structured_sums(criterion_, at_, random, pairs ? Wanted::pairs : Wanted::tests);
  const StructuredMoments reml = structured_moments(s, at_, true), ml = structured_moments(s, at_, false);
  start();
  out_.phi = inverse_root().transpose() * inverse_root();
  fill_tests(s);
  out_.t = bordered(reml.t, reml.trace, static_cast<double>(pr_.n - pr_.p));
  out_.t_ml = bordered(ml.t, ml.trace, static_cast<double>(pr_.n));
  out_.ai = bordered(reml.ai, reml.quadratic, at_.r2 / at_.sigma2);
  fill_curvature(pr_.reml ? reml : ml);
  add_random_bends(s);
  return std::move(out_);
}

std::vector<RandomDirection> StructuredInformer::directions() const {
  const VectorXd psi = pr_.layout.psi(at_.theta);
  std::vector<RandomDirection> out;
  for (std::size_t t = 0; t < pr_.layout.terms.size(); ++t) {
    const Term& term = pr_.layout.terms[t];
    const VectorXd own = psi.segment(term.psi, term.n_psi);
    for (Index k = 0; k < term.n_psi; ++k)
      add_direction(static_cast<int>(t), term.structure->derivative(own, term.q, k), out);
  }
  return out;
}

void StructuredInformer::add_direction(int t, const MatrixXd& e, std::vector<RandomDirection>& out) const {
  const Term& term = pr_.layout.terms[t];
  MatrixXd whole = MatrixXd::Zero(pr_.layout.groups[term.group].q, pr_.layout.groups[term.group].q);
  whole.block(term.column, term.column, term.q, term.q) = e;
  out.push_back({t, term.group, whole});
}

MatrixXd StructuredInformer::inverse_root() const {
  return at_.x_root.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(pr_.p, pr_.p));
}

void StructuredInformer::fill_natural() {
  out_.natural = VectorXd::Ones(k_ + 1);
  out_.natural.head(u_) = pr_.layout.psi(at_.theta);
  out_.natural.segment(u_, k_ - u_) = at_.psi;
  out_.weight.assign(k_ + 1, 1.0);
  const std::vector<ResidualParameter> own = pr_.residual.parameters();
  for (Index i = u_; i < k_; ++i)
    out_.weight[i] =
        own[i - u_].kind == ResidualKind::covariance || own[i - u_].kind == ResidualKind::variance ? 1.0 : 0.0;
  weighted_ = out_.natural.head(k_);
  weighted_.head(u_) = pr_.layout.scaling(out_.natural.head(u_));
  for (Index i = u_; i < k_; ++i)
    weighted_[i] *= out_.weight[i];
}

MatrixXd StructuredInformer::bordered(const MatrixXd& information, const VectorXd& first, double degrees) const {
  MatrixXd out = MatrixXd::Zero(k_ + 1, k_ + 1);
  out.topLeftCorner(k_, k_) = information;
  if (!sigma_) return out;
  const VectorXd last = first - information * weighted_;
  out.col(k_).head(k_) = last;
  out.row(k_).head(k_) = last.transpose();
  out(k_, k_) = degrees - weighted_.dot(first) - weighted_.dot(last);
  return out;
}

void StructuredInformer::fill_tests(const StructuredSums& s) {
  const Index p = pr_.p;
  const MatrixXd& l = at_.x_root;
  const auto back = [&](const MatrixXd& a) { return MatrixXd(l * a * l.transpose()); };
  for (Index i = 0; i < k_; ++i)
    out_.p.push_back(-back(s.a_xx[i]));
  const bool pairs = s.q_full.size() > 0 || k_ == 0;   // sigma^2 alone needs no pairs of directions
  if (pairs) out_.q = MatrixXd::Zero((k_ + 1) * p, (k_ + 1) * p);
  for (Index i = 0; pairs && i < k_; ++i)
    for (Index j = 0; j < k_; ++j)
      out_.q.block(i * p, j * p, p, p) = back(s.q_full.block(i * p, j * p, p, p));
  if (sigma_)
    add_sigma_tests(l * l.transpose());
  else
    out_.p.push_back(MatrixXd::Zero(p, p));
  const Index size = k_ + 1;
  out_.r.assign(size * (size + 1) / 2, MatrixXd());
  for (Index i = u_; i < k_; ++i)
    for (Index j = u_; j <= i; ++j) {
      const MatrixXd& own = s.r_full[(i - u_) * (i - u_ + 1) / 2 + j - u_];
      if (own.size() > 0 && own.cwiseAbs().maxCoeff() > 0) out_.r[i * (i + 1) / 2 + j] = back(own);
    }
  if (sigma_) add_sigma_bends();
}

void StructuredInformer::add_sigma_bends() {
  for (Index i = u_; i < k_; ++i) {
    MatrixXd own = (out_.weight[i] - 1) * out_.p[i];
    for (Index j = u_; j < k_; ++j) {
      const MatrixXd& both = out_.r[std::max(i, j) * (std::max(i, j) + 1) / 2 + std::min(i, j)];
      if (both.size() > 0) own -= weighted_[j] * both;
    }
    if (own.size() > 0 && own.cwiseAbs().maxCoeff() > 0) out_.r[k_ * (k_ + 1) / 2 + i] = own;
  }
}

void StructuredInformer::add_sigma_tests(const MatrixXd& information) {
  const Index p = pr_.p;
  MatrixXd last = -information;
  for (Index i = 0; i < k_; ++i)
    last -= weighted_[i] * out_.p[i];
  out_.p.push_back(last);
  for (Index i = 0; out_.q.size() > 0 && i <= k_; ++i) {
    MatrixXd own = -out_.p[i];
    for (Index j = 0; j < k_; ++j)
      own -= weighted_[j] * out_.q.block(i * p, j * p, p, p);
    out_.q.block(i * p, k_ * p, p, p) = own;
    out_.q.block(k_ * p, i * p, p, p) = own.transpose();
  }
}

void StructuredInformer::fill_curvature(const StructuredMoments& m) {
  out_.trace = m.trace;
  out_.quadratic = m.quadratic;
  out_.curvature = MatrixXd::Zero(k_ + 1, k_ + 1);
  out_.curvature.block(u_, u_, k_ - u_, k_ - u_) = m.residual_curvature;
  for (Index i = u_; sigma_ && i < k_; ++i)
    out_.curvature(i, k_) = out_.curvature(k_, i) = (1 - out_.weight[i]) * (m.trace[i] - m.quadratic[i]) -
                                                    weighted_.tail(k_ - u_).dot(m.residual_curvature.col(i - u_));
}

void StructuredInformer::add_random_bends(const StructuredSums& s) {
  const Layout& layout = pr_.layout;
  out_.jacobian = layout.jacobian(at_.theta);
  out_.theta_curvature = MatrixXd::Zero(layout.n_theta, layout.n_theta);
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Term& term = layout.terms[t];
    const MatrixXd whole =
        s.level_t[term.group] - (pr_.reml ? 1.0 : 0.0) * s.level_x[term.group] - s.level_e[term.group] / at_.sigma2;
    const MatrixXd score = whole.block(term.column, term.column, term.q, term.q);
    for (Index k = 0; k < term.n_theta; ++k)
      for (Index j = 0; j <= k; ++j) {
        const MatrixXd half = term.structure->half_curvature(term.own(at_.theta), term.q, k, j);
        out_.theta_curvature(term.theta + k, term.theta + j) = out_.theta_curvature(term.theta + j, term.theta + k) =
            2 * score.cwiseProduct(half).sum();
      }
    if (!term.structure->linear()) add_natural_bends(static_cast<int>(t), score);
  }
  out_.theta_curvature -= out_.jacobian.transpose() * out_.curvature.topLeftCorner(u_, u_) * out_.jacobian;
}

void StructuredInformer::add_natural_bends(int t, const MatrixXd& score) {
  const Term& term = pr_.layout.terms[t];
  const VectorXd own = out_.natural.segment(term.psi, term.n_psi);
  std::vector<RandomDirection> bends;
  std::vector<std::pair<Index, Index>> place;
  for (Index k = 0; k < term.n_psi; ++k)
    for (Index l = 0; l <= k; ++l) {
      const MatrixXd e = term.structure->second_derivative(own, term.q, k, l);
      if (e.isZero(0)) continue;
      add_direction(t, e, bends);
      place.emplace_back(term.psi + k, term.psi + l);
      out_.curvature(term.psi + k, term.psi + l) = out_.curvature(term.psi + l, term.psi + k) =
          score.cwiseProduct(e).sum();
    }
  const StructuredSums s = StructuredSummer(criterion_, at_, bends, false, is_average(pr_, Wanted::tests)).run();
  for (std::size_t i = 0; i < place.size(); ++i)
    out_.r[place[i].first * (place[i].first + 1) / 2 + place[i].second] =
        at_.x_root * s.a_xx[i] * at_.x_root.transpose();
}

}  // namespace henderson
