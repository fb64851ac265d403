// Models without random effects whose subjects share a few places (positions with variance covariates).
//
// Every direction of R is a combination of entries of a matrix over the places. What the units add is summed once for
// each entry and for each pair of entries, pattern by pattern, and directions are combined from these tables: the rows
// are read as often for many parameters as for one.
#ifndef HENDERSON_STRUCTURED_VISIT_FORM_HPP
#define HENDERSON_STRUCTURED_VISIT_FORM_HPP

#include <memory>
#include <utility>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/structured/sums.hpp"

namespace henderson {

class VisitForm {
 public:
  // Empty where the sums over directed rows are cheaper, or needed.
  static std::shared_ptr<const VisitForm> of(const StructuredProblem& pr);

  // [X y]'R^{-1}[X y], and log|R| of all units; false where R is not positive definite.
  bool gram(const ResidualModel& model, const VectorXd& psi, MatrixXd& s, double& log_det,
            Checkpoint& checkpoint) const;

  // `tests`: r_full too.
  StructuredSums sums(const ResidualModel& model, const StructuredPoint& at, bool tests, Checkpoint& checkpoint) const;

  // sum_ij W_ij X'V^{-1} V_i V^{-1} V_j V^{-1} X in the columns X x_root^{-T}. The last row of W belongs to sigma^2,
  // with V_i = R - sum_k euler_k V_k.
  MatrixXd weighted_pairs(const ResidualModel& model, const StructuredPoint& at, const MatrixXd& w,
                          const VectorXd& euler, Checkpoint& checkpoint) const;

 private:
  struct Place {
    Index group = 0;
    MatrixXd positions, w;
    Eigen::MatrixXi entry;                         // number of each pair of places that occur together, or -1
    std::vector<std::pair<Index, Index>> entries;  // a <= b
    Index size() const { return positions.rows(); }
  };
  // Rows of the units of one pattern: element (t, unit, column), so that they are a matrix with a row for each position
  // as well as one with a column for each column.
  struct Rows {
    Index places = 0, units = 0;  // which group of places
    double count = 0;             // subjects
    std::vector<Index> at;        // place of each position
    MatrixXd b;                   // positions x (units * columns)
  };
  struct Tables;
  class Collector;

  explicit VisitForm(Index p) : d_(p + 1) {}
  bool build(const StructuredProblem& pr);
  bool add_places(const StructuredProblem& pr);
  void add_rows(const StructuredProblem& pr);
  double cost() const;
  static double directed_cost(const StructuredProblem& pr);
  // R^{-1} of one pattern and R^{-1} [X e].
  void solved(const Rows& rows, const MatrixXd& r, const MatrixXd& transform, MatrixXd& inverse, MatrixXd& u) const;
  static bool factor(const Rows& rows, const MatrixXd& r, Eigen::LLT<MatrixXd>& llt);
  void contract(const Place& place, const SubjectMatrices& s, const Tables& tables, bool tests,
                StructuredSums& out) const;
  void contract_second(const Place& place, const SubjectMatrices& s, const Tables& tables, bool tests,
                       StructuredSums& out) const;
  static MatrixXd pair_weights(const std::vector<MatrixXd>& e, const MatrixXd& w);

  Index d_;
  std::vector<Place> places_;
  std::vector<Rows> rows_;
};

}  // namespace henderson

#endif
