// One point of the criterion without a factorization: all of it but log|C| and the traces, to the precision of the
// solves.
#ifndef HENDERSON_ITERATIVE_POINT_HPP
#define HENDERSON_ITERATIVE_POINT_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/iterative/conjugate_gradients.hpp"
#include "henderson/likelihood/gradient.hpp"

namespace henderson {
namespace iterative {

// One response and its design, ready to be evaluated.
struct Model {
  Model(const Layout& layout, const CrossProducts& data, Index response, int threads, Checkpoint& checkpoint);
  Model(const Model&) = delete;

  const Layout& layout;
  const CrossProducts& data;
  Index response;
  Incidence incidence;
  Operator c;
  Preconditioner m;
  Problem problem;           // the part of the leading factor; its Schur complement is left empty
  Panel lead_d, rest_d;      // Z_1'[X y], Z_r'[X y]
};

struct Point {
  bool reml = true;
  double degrees = 0;
  VectorXd theta;
  std::vector<MatrixXd> factor;    // Lambda of each group
  double log_det_lead = 0;         // log|V_1|
  double log_det_x = 0;            // log|X'V^{-1}X|
  double r2 = 0, sigma2 = 0;
  VectorXd beta;
  MatrixXd x_root;                 // lower Cholesky factor of X'V^{-1}X
  Panel solved;                    // C^{-1} Lambda_r'Z_r'V_1^{-1}[X y]
  Panel lead_v, rest_v;            // Z_1'V^{-1}[X y], Z_r'V^{-1}[X y]
  Panel lead_w, rest_w;            // Z_1'Py, Z_r'Py
  Panel b_rest;                    // effects of the other factors

  Panel u_lead() const { return root_solved(lead_v); }   // Z_1'V^{-1}X K^{-T}, K = x_root
  Panel u_rest() const { return root_solved(rest_v); }
  // The same point for what takes an Evaluation: parameters, factors and fixed effects.
  Evaluation evaluation() const;

 private:
  Panel root_solved(const Panel& v) const;
};

constexpr double kTight = 1e-8, kLoose = 1e-6;

// Sets the operator and the preconditioner of `model` to theta. `last` is where the solves start, or null. Where
// X'V^{-1}X is singular in double precision sigma2 is 0.
Point evaluate(Model& model, const VectorXd& theta, bool reml, double tolerance, const Point* last, Solver& solver);

// For columns f_i = Z_1 p_i + Z_r r_i: f_i'V^{-1}f_j. `warm` holds solutions of the last call.
MatrixXd gram(const Model& model, const Panel& p, const Panel& r, double tolerance, Solver& solver, Panel& warm);

// f = V_i times the columns v with Z_1'v = lead and Z_r'v = rest: the parts p and r for one direction after another.
void directed(const Model& model, const std::vector<Direction>& directions, const Panel& lead, const Panel& rest,
              Panel& p, Panel& r);

// y'P V_i P V_j P y / sigma^2.
MatrixXd average_information(const Model& model, const Point& at, const std::vector<Direction>& directions,
                             double tolerance, Solver& solver, Panel& warm);

// Sums over levels of the diagonal blocks of Z'Py (Z'Py)' / sigma^2, for each group.
std::vector<MatrixXd> block_quadratics(const Model& model, const Point& at);

// Sums over levels of the blocks x_l y_l' of one group's rows.
MatrixXd block_products(const Panel& x, const Panel& y, Index first, Index q, Index levels);

// The largest entry on the diagonals of q x q blocks.
double largest_entry(const std::vector<double>& blocks, Index q);

// The rows of one group in a pair of panels over the leading and the other levels.
struct GroupRows {
  bool lead;
  Index first, q, levels;
};
GroupRows group_rows(const Model& model, int group);

}  // namespace iterative
}  // namespace henderson

#endif
