// The sums over levels of the diagonal blocks of Z'PZ, estimated with random signs (Hutchinson 1990).
//
//   other factors:  {levels I - tr C^{-1}} between Lambda^{-T} and Lambda^{-1}; in directions in which Lambda is small,
//                   tr S - tr S Lambda C^{-1} Lambda'S, and tr C^{-1} Lambda'S between such a direction and another
//   leading factor: sum_l F_l'A_l - F_l'N_l Lambda C^{-1} Lambda'N_l'F_l
// What is known exactly is not left to the signs: a few vectors V, one constant for each large factor and every level
// of small ones, enter through W (V'W)^{-1} W', W = C^{-1}V; the rest is regressed on what M^{-1} gives in the place of
// C^{-1}, whose mean is known.
#ifndef HENDERSON_ITERATIVE_TRACES_HPP
#define HENDERSON_ITERATIVE_TRACES_HPP

#include <cstdint>
#include <vector>

#include "henderson/iterative/deflation.hpp"
#include "henderson/iterative/point.hpp"

namespace henderson {
namespace iterative {

struct TraceEstimate {
  std::vector<MatrixXd> block;   // of each group
  MatrixXd noise;                // entries of all blocks x probes: deviations after the regression
  // Covariance matrix of the traces along the directions.
  MatrixXd covariance(const Layout& layout, const std::vector<Direction>& directions) const;
};

class Traces {
 public:
  Traces(Model& model, std::uint64_t seed);

  void set_probes(int probes);
  void use(const Panel& probes);   // given ones in the place of signs
  bool fix_more_levels();          // those of factors with some hundred; false where there are none, or too many
  int probes() const { return static_cast<int>(xi_.cols()); }
  const Deflation& fixed() const { return fixed_; }
  const Panel& signs() const { return xi_; }   // off the span of the fixed vectors

  // Leaves the operator at the point's factors.
  TraceEstimate estimate(const Point& at, Solver& solver);

  // C^{-1} of the fixed vectors at the last point, and V'C^{-1}V.
  const Panel& solved_fixed() const { return w_; }

 private:
  struct Sums {                     // entries x probes
    MatrixXd target, control;
    VectorXd mean;
  };
  struct Parts {                    // of the space of one factor's columns, by the left singular vectors of Lambda
    MatrixXd divide;                // V D^{-1} U' of the directions by which is divided
    MatrixXd kept;                  // the projection on the others
    bool small = false;             // is there a direction in which Lambda is small?
  };

  void classify(const Point& at);
  void solve_fixed(Solver& solver);
  void add_batch(Index first, Index width, Solver& solver);
  void control_means();
  void small_part(Solver& solver);
  void small_batch(const Panel& d, Panel& z, Solver& solver, Panel& out);
  template <class Body>
  void for_small_levels(const Body& body) const {
    for (std::size_t g = 0; g < parts_.size(); ++g) {
      const OtherFactor& f = model_.incidence.factors()[g];
      for (Index l = 0; parts_[g].small && l < f.levels; ++l) body(parts_[g], f.first + l * f.q, f.q);
    }
  }
  Panel in_small_directions(const Panel& x) const;
  MatrixXd rest_block(std::size_t g, const GroupRows& rows, MatrixXd& deviation) const;
  MatrixXd lead_block(const GroupRows& rows, MatrixXd& deviation) const;
  void assemble(const Point& at, TraceEstimate& out) const;
  Panel lead_of(const Panel& v) const;   // F'N Lambda v
  void lead_of(const Panel& v, Panel& out) const;
  MatrixXd probe_blocks(const Panel& x, const Panel& y, const GroupRows& rows) const;

  Model& model_;
  std::uint64_t seed_;
  Deflation fixed_;
  Panel xi_, z_, w_, wt_, small_z_, small_fixed_z_, lead_left_, lead_right_;
  std::vector<Parts> parts_;           // of each other factor
  std::vector<Sums> rest_, small_;     // of each other factor
  Sums lead_;
  std::vector<MatrixXd> small_exact_;
};

}  // namespace iterative
}  // namespace henderson

#endif
