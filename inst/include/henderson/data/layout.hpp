// Which random terms there are, which grouping factor each belongs to, and who owns which entry of theta.
#ifndef HENDERSON_DATA_LAYOUT_HPP
#define HENDERSON_DATA_LAYOUT_HPP

#include <Eigen/Core>
#include <memory>
#include <vector>

#include "henderson/covariance/covariance.hpp"
#include "henderson/data/level_precision.hpp"

namespace henderson {

struct Term {
  int group = 0;                          // index into Layout::groups
  Index q = 1;                            // columns
  const Covariance* structure = nullptr;
  std::shared_ptr<const Covariance> made;  // holds the structure where it was made for this term
  Index column = 0;                       // first column inside the group's block
  Index theta = 0, n_theta = 0;           // its part of theta
  Index psi = 0, n_psi = 0;               // its part of the natural parameters

  VectorXd own(const VectorXd& all) const { return all.segment(theta, n_theta); }   // of the model's theta
};

// Stands for the residuals where the number of a term is asked for.
constexpr int kResidual = -1;

// Entry (row, col) of a term's covariance matrix in the user's columns, as a standard deviation (row == col) or a
// correlation; kResidual: the residual standard deviation. A standard deviation of 0 can be held where it is a
// parameter of its own: in a term of one column or of diagonal structure.
struct Held {
  int term = kResidual;
  Index row = 0, col = 0;
  double value = 0;
};

// All terms on one grouping factor form one block per level: q columns, covariance block diagonal over terms.
struct Group {
  Index levels = 0;
  Index q = 0;
  std::vector<int> terms;
  std::shared_ptr<const LevelPrecision> precision;   // of a known relationship; none: the levels are independent
};

struct Layout {
  std::vector<Term> terms;
  std::vector<Group> groups;
  Index n_theta = 0, n_psi = 0;
  // The group that is eliminated level by level: the one with most levels that are independent. Where there is none, a
  // last group without columns takes the place, and every row is left over.
  int lead = -1;
  std::vector<int> rest;    // the other groups, by decreasing number of levels

  void add_group(Index levels);
  void add_term(int group, Index q, const Covariance& structure);
  void add_term(int group, Index q, std::shared_ptr<const Covariance> structure);
  void finish();

  // Groups of the model, without one that only takes a place.
  std::size_t own_groups() const { return groups.size() - (groups.empty() || groups.back().q > 0 ? 0 : 1); }
  bool related() const;     // is there a known relationship?

  Index lead_q() const { return groups[lead].q; }
  Index lead_levels() const { return groups[lead].levels; }
  Index rest_columns() const;
  Index random_columns() const;

  // theta of c^2 Sigma for every term.
  VectorXd scaled(const VectorXd& theta, double c) const;

  // Natural parameters of all terms at theta, Euler's weights (see Covariance::scaling) and d psi / d theta.
  VectorXd psi(const VectorXd& theta) const;
  VectorXd scaling(const VectorXd& psi) const;
  MatrixXd jacobian(const VectorXd& theta) const;

  // May every term's covariance matrix be written as L L'?
  bool bounded() const;

  // One group's block, block diagonal over its terms: a lower triangular factor of the relative covariance matrix where
  // there are bounds, and that matrix.
  MatrixXd factor(int group, const VectorXd& theta) const;
  MatrixXd sigma(int group, const VectorXd& theta) const;
};

}  // namespace henderson

#endif
