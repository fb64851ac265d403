// Sums over the units from which gradient, Hessian, information and tests follow, along directions of V.
//
// A direction V_i is Z (I x E) Z' for the random effects or dR / dpsi_k for the residuals. With B^ = V^{-1} [X y - X
// beta] (whitened) a unit adds
//   t_i = tr(V^{-1} V_i)     A_i = B^' V_i B^     t_ij = tr(V^{-1} V_i V^{-1} V_j)     A_ij = B^' V_i V^{-1} V_j B^
// and the same for the second derivatives V_ij of V. Columns of X are those of X x_root^{-T}, so that X'V^{-1}X = I.
#ifndef HENDERSON_STRUCTURED_DERIVATIVES_HPP
#define HENDERSON_STRUCTURED_DERIVATIVES_HPP

#include "henderson/structured/random_sums.hpp"

namespace henderson {

// What the sums are for: the search, the search with the Hessian in any case, tests, or tests that need A_ij,xx of
// every pair of directions by itself. That matrix may also be there where it was not asked for.
enum class Wanted { search, exact, tests, pairs };

StructuredSums structured_sums(const StructuredCriterion& criterion, const StructuredPoint& at,
                               const std::vector<RandomDirection>& random, Wanted wanted);

// Bytes that the sums take at once for the largest unit.
double bytes_of_sums(const StructuredProblem& pr, bool average);

// Does the average information stand for the other ones? In the search of units with many effects, and in tests where
// the traces of pairs would take too much memory and time.
bool is_average(const StructuredProblem& pr, Wanted wanted);

class StructuredSummer {
 public:
  // `average`: see StructuredSums.
  StructuredSummer(const StructuredCriterion& criterion, const StructuredPoint& at,
                   const std::vector<RandomDirection>& random, bool full, bool average);

  StructuredSums run();

 private:
  static void symmetric(MatrixXd& m) { m.triangularView<Eigen::StrictlyUpper>() = m.transpose(); }

  void start();

  // Rows b and K_i b of several subjects, whose product is taken at once.
  struct Stack {
    MatrixXd b, h;
    Index used = 0;
  };

  // What a residual direction adds up in a unit with random effects, Z in the coordinates of independent effects:
  // (Z root)'K_i [X^ e^, Z root], Z^'K_i [X^ e^], and by group the sum of the levels' blocks of Z^'K_i Z^.
  struct ResidualProducts {
    MatrixXd root, z_xe;
    std::vector<MatrixXd> blocks;
    Stack stack;
  };

  // One unit at work: its Gram matrix S in [Z X e], and what takes Z out of rows.
  struct State {
    const Unit* unit = nullptr;
    std::vector<MatrixXd> rows;       // whitened [Z X e] per subject
    MatrixXd s, root, out_xe, out_z;  // S, N = root root', N S_z,xe, N S_zz
    std::vector<Index> active;        // residual directions that this unit has
    std::vector<ResidualProducts> c;  // per active one
  };

  void add_unit(const Unit& unit, const Operators& operators);

  void gram(const Unit& unit, const Operators& operators, State& st) const;

  void project(State& st) const;

  // V^{-1}[X e], Z root, V^{-1}Z, in the rows of one subject (whitened).
  MatrixXd projected(const State& st, const SubjectRows& subject, const MatrixXd& rows) const;

  void add_subject(State& st, const SubjectRows& subject, const MatrixXd& rows, const Operators& operators);

  void add_products(const Unit& unit, ResidualProducts& c, const MatrixXd& b, const MatrixXd& h) const;

  static void empty_stack(ResidualProducts& c);

  void add_subject_pairs(const State& st, const SubjectOperator& op, const MatrixXd& b,
                         const std::vector<MatrixXd>& h);

  void add_second(const SubjectOperator& op, Index i, Index j, const MatrixXd& b, double m, Index q);

  // What Z takes out of the products of two residual directions.
  void add_residual_pairs(const State& st);

  void add_random(const State& st);

  const StructuredProblem& pr_;
  Checkpoint& checkpoint_;
  const StructuredPoint& at_;
  const std::vector<RandomDirection>& random_;
  bool full_;
  Index p_;
  MatrixXd transform_;
  StructuredSums out_;
};

}  // namespace henderson

#endif
