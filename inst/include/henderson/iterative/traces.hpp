// The sums over levels of the diagonal blocks of Z'PZ, estimated with random signs (Hutchinson 1990).
//
//   other factors:  {levels I - tr C^{-1}} between Lambda^{-T} and Lambda^{-1}; where Lambda is small, tr S - tr S
//   Lambda C^{-1} Lambda'S leading factor: sum_l F_l'A_l - F_l'N_l Lambda C^{-1} Lambda'N_l'F_l
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
  enum class Size { ordinary, small, lifted };

  double classify(const Point& at, std::vector<MatrixXd>& factor);
  void solve_fixed(double tolerance, Solver& solver);
  void add_batch(Index first, Index width, double tolerance, Solver& solver);
  void control_means();
  void exact_part(TraceEstimate& out) const;
  void small_part(double tolerance, Solver& solver);
  void add_small_batch(const Panel& d, Panel& warm, double tolerance, Solver& solver, Panel& k);
  void assemble(const Point& at, const std::vector<MatrixXd>& factor, TraceEstimate& out) const;
  Panel lead_of(const Panel& v) const;   // F'N Lambda v
  void lead_of(const Panel& v, Panel& out) const;
  MatrixXd probe_blocks(const Panel& x, const Panel& y, const GroupRows& rows) const;

  Model& model_;
  std::uint64_t seed_;
  Deflation fixed_;
  Panel xi_, z_, w_, wt_, small_z_, small_fixed_z_, lead_left_, lead_right_;
  std::vector<Size> size_;             // of each other factor
  std::vector<Sums> rest_;             // of each other factor
  Sums lead_;
  std::vector<MatrixXd> small_exact_;
};

}  // namespace iterative
}  // namespace henderson

#endif
