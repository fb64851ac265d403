// The criterion of a model with a residual structure at one point (theta, psi), beta and sigma^2 profiled out.
#ifndef HENDERSON_STRUCTURED_POINT_HPP
#define HENDERSON_STRUCTURED_POINT_HPP

#include <memory>
#include <utility>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/residual/markov_operator.hpp"
#include "henderson/structured/units.hpp"

namespace henderson {

struct StructuredProblem {
  Layout layout;
  ResidualModel residual;
  Units units;
  Index n = 0, p = 0;
  double log_weight = 0, log_det_r = 0;  // constants of the criterion
  double sigma2 = 0;                     // the residual variance where it is known, else 0
  bool reml = true;
};

struct StructuredPoint {
  VectorXd theta, psi;
  std::vector<MatrixXd> factor;  // per group: L of its block
  double value = std::numeric_limits<double>::infinity();
  double log_det_v = 0, log_det_x = 0, r2 = 0, sigma2 = 0, degrees = 0;
  VectorXd beta;
  MatrixXd x_root;  // lower Cholesky factor of X'V^{-1}X
  bool ok() const { return std::isfinite(value); }
};

// One operator for each pattern of positions.
using Operators = std::vector<std::unique_ptr<SubjectOperator>>;

constexpr Index kDensePositions = 12;  // longer subjects are taken by recursion where their structure allows it

inline std::unique_ptr<SubjectOperator> make_operator(const ResidualModel& model, const VectorXd& psi,
                                                      const Pattern& pattern, int order) {
  const bool chain = model.structure().markov() && model.variance_terms() == 0 && pattern.positions.cols() == 1;
  if (chain && pattern.positions.rows() > kDensePositions) {
    const Index own = model.structure().size();
    return std::make_unique<MarkovOperator>(
        model.structure().links(psi.segment(pattern.group * own, own), pattern.positions.col(0)), pattern.group * own);
  }
  return std::make_unique<DenseOperator>(model, psi, pattern.group, pattern.positions, pattern.w, order);
}

inline Operators make_operators(const StructuredProblem& pr, const VectorXd& psi, int order, Checkpoint& checkpoint) {
  Operators out;
  for (const Pattern& pattern : pr.units.patterns) {
    out.push_back(make_operator(pr.residual, psi, pattern, order));
    if (!out.back()->ok()) return {};
    checkpoint.check();
  }
  return out;
}

// Relative factor of a unit's random effects, block diagonal over its levels, applied from the left to rows.
inline MatrixXd lambda_times(const Unit& unit, const std::vector<MatrixXd>& factor, const MatrixXd& rows,
                             bool transposed) {
  MatrixXd out(rows.rows(), rows.cols());
  for (const UnitLevel& l : unit.levels) {
    const MatrixXd& own = factor[l.group];
    if (transposed)
      out.middleRows(l.first, own.rows()).noalias() = own.transpose() * rows.middleRows(l.first, own.rows());
    else
      out.middleRows(l.first, own.rows()).noalias() = own * rows.middleRows(l.first, own.rows());
  }
  return out;
}

// [Z d]'R^{-1}[Z d] of one unit, in its own columns of Z; `whitened` is called with each subject and its whitened rows.
template <class Visit>
MatrixXd unit_gram(const Unit& unit, const Operators& operators, Index d, const Visit& whitened) {
  MatrixXd s = MatrixXd::Zero(unit.q + d, unit.q + d);
  for (const SubjectRows& subject : unit.subjects) {
    MatrixXd rows = subject.b;
    operators[subject.pattern]->whiten(rows);
    const Index k = static_cast<Index>(subject.columns.size());
    const MatrixXd own = rows.transpose() * rows;
    const auto at = [&](Index j) { return j < k ? subject.columns[j] : unit.q + j - k; };
    if (k == unit.q && k <= 1)
      s += own;
    else
      for (Index j = 0; j < own.cols(); ++j)
        for (Index i = 0; i < own.rows(); ++i)
          s(at(i), at(j)) += own(i, j);
    whitened(subject, rows);
  }
  return s;
}

class StructuredCriterion {
 public:
  StructuredCriterion(const StructuredProblem& problem, Checkpoint& checkpoint)
      : pr_(&problem), checkpoint_(&checkpoint) {}
  const StructuredProblem& problem() const { return *pr_; }
  Checkpoint& checkpoint() const { return *checkpoint_; }

  StructuredPoint evaluate(const VectorXd& theta, const VectorXd& psi) const {
    StructuredPoint out;
    out.theta = theta;
    out.psi = psi;
    out.degrees = static_cast<double>(pr_->reml ? pr_->n - pr_->p : pr_->n);
    for (std::size_t g = 0; g < pr_->layout.groups.size(); ++g) {
      out.factor.push_back(pr_->layout.factor(static_cast<int>(g), theta));
      if (!out.factor.back().allFinite()) return out;
    }
    if (!psi.allFinite()) return out;
    const Operators operators = make_operators(*pr_, psi, 0, *checkpoint_);
    if (operators.empty()) return out;
    for (const Pattern& pattern : pr_->units.patterns)
      out.log_det_v += static_cast<double>(pattern.count) * operators[&pattern - pr_->units.patterns.data()]->log_det();
    MatrixXd s = MatrixXd::Zero(pr_->p + 1, pr_->p + 1);
    Index done = 0;
    for (const Unit& unit : pr_->units.units) {
      if (++done % 64 == 0) checkpoint_->check();
      if (!add_unit(unit, operators, s, out)) return out;
    }
    solve(s, out);
    return out;
  }

 private:
  bool add_unit(const Unit& unit, const Operators& operators, MatrixXd& s, StructuredPoint& out) const {
    const Index d = pr_->p + 1, q = unit.q;
    const MatrixXd own = unit_gram(unit, operators, d, [](const SubjectRows&, const MatrixXd&) {});
    s += own.bottomRightCorner(d, d);
    if (q == 0) return true;
    MatrixXd h = lambda_times(unit, out.factor, own.topLeftCorner(q, q), true);
    h = lambda_times(unit, out.factor, h.transpose(), true);
    h.diagonal().array() += 1;
    const Eigen::LLT<MatrixXd> llt(h);
    if (llt.info() != Eigen::Success) return false;
    out.log_det_v += unit.multiplicity * 2 * llt.matrixLLT().diagonal().array().log().sum();
    const MatrixXd w = llt.matrixL().solve(lambda_times(unit, out.factor, own.topRightCorner(q, d), true));
    s.noalias() -= w.transpose() * w;
    return true;
  }

  void solve(const MatrixXd& s, StructuredPoint& out) const {
    const Index p = pr_->p;
    const Eigen::LLT<MatrixXd> llt(s.topLeftCorner(p, p));
    if (p > 0 && llt.info() != Eigen::Success) return;
    out.x_root = p > 0 ? MatrixXd(llt.matrixL()) : MatrixXd(0, 0);
    out.log_det_x = 2 * out.x_root.diagonal().array().log().sum();
    out.beta = s.col(p).head(p);
    out.x_root.triangularView<Eigen::Lower>().solveInPlace(out.beta);
    out.r2 = s(p, p) - out.beta.squaredNorm();
    out.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace(out.beta);
    out.sigma2 = pr_->sigma2 > 0 ? pr_->sigma2 : out.r2 / out.degrees;
    if (!(out.sigma2 > 0) || !(out.r2 > 0)) return;
    out.value = out.log_det_v + out.degrees * std::log(2 * M_PI * out.sigma2) + out.r2 / out.sigma2 - pr_->log_weight;
    if (pr_->reml) out.value += out.log_det_x + 2 * pr_->log_det_r;
  }

  const StructuredProblem* pr_;
  Checkpoint* checkpoint_;
};

}  // namespace henderson

#endif
