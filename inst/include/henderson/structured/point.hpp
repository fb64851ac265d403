// The criterion of a model with a residual structure at one point (theta, psi), beta and sigma^2 profiled out.
#ifndef HENDERSON_STRUCTURED_POINT_HPP
#define HENDERSON_STRUCTURED_POINT_HPP

#include <memory>
#include <optional>
#include <utility>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/decompositions.hpp"
#include "henderson/residual/markov_operator.hpp"
#include "henderson/structured/units.hpp"

namespace henderson {

class VisitForm;

struct StructuredProblem {
  Layout layout;
  ResidualModel residual;
  Units units;                                     // classes of equal units by their pseudo-units
  std::shared_ptr<const std::vector<Unit>> whole;  // all units, where `units` does not hold them
  std::shared_ptr<const VisitForm> visits;         // the same rows by visits, where that is cheaper
  Index n = 0, p = 0;
  double log_weight = 0, log_det_r = 0;  // constants of the criterion
  std::optional<double> known_sigma2;    // the residual variance where it is known
  bool reml = true;
  const std::vector<Unit>& all_units() const { return whole ? *whole : units.units; }
};

// The most random effects of a unit whose equations are sparse, or dense.
Index connected_effects(const StructuredProblem& pr, bool sparse);

// Squares of the columns' entries in the factors of all sparse units, summed.
double sparse_operations(const StructuredProblem& pr);

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

std::unique_ptr<SubjectOperator> make_operator(const ResidualModel& model, const VectorXd& psi,
                                                      const Pattern& pattern, int order);

Operators make_operators(const StructuredProblem& pr, const VectorXd& psi, int order, Checkpoint& checkpoint);

// Relative factor of a unit's random effects, block diagonal over its levels, applied from the left to rows; with a
// known relationship K = T T' that of independent effects, T x L.
MatrixXd lambda_times(const Unit& unit, const std::vector<MatrixXd>& factor, const MatrixXd& rows,
                             bool transposed);

// The coordinates of independent levels in those of the levels: the transpose of independent_rows().
MatrixXd related_rows(const Unit& unit, MatrixXd rows);

// The Cholesky factor of I + Lambda'S Lambda, S = Z'R^{-1}Z of one unit.
Eigen::LLT<MatrixXd> dense_equations(const Unit& unit, const std::vector<MatrixXd>& factor, const MatrixXd& s);

// Rows of the unit's columns of Z where related levels are those of independent effects: T' rows.
MatrixXd independent_rows(const Unit& unit, MatrixXd rows);
void make_independent(const Unit& unit, MatrixXd& rows);

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
  StructuredCriterion(const StructuredProblem& problem, Checkpoint& checkpoint);
  const StructuredProblem& problem() const { return *pr_; }
  Checkpoint& checkpoint() const { return *checkpoint_; }

  StructuredPoint evaluate(const VectorXd& theta, const VectorXd& psi) const;

 private:
  bool add_unit(const Unit& unit, const Operators& operators, MatrixXd& s, StructuredPoint& out) const;

  void solve(const MatrixXd& s, StructuredPoint& out) const;

  const StructuredProblem* pr_;
  Checkpoint* checkpoint_;
};

}  // namespace henderson

#endif
