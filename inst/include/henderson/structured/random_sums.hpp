// What the random effects of one unit add to the sums, from G = Z'V^{-1}Z and Z'V^{-1}[X e] in the coordinates of
// independent levels.
#ifndef HENDERSON_STRUCTURED_RANDOM_SUMS_HPP
#define HENDERSON_STRUCTURED_RANDOM_SUMS_HPP

#include <functional>
#include <vector>

#include "henderson/structured/sums.hpp"

namespace henderson {

class RandomSums {
 public:
  RandomSums(const StructuredProblem& pr, const Unit& unit, const std::vector<RandomDirection>& random, bool full,
             StructuredSums& out)
      : pr_(pr), unit_(unit), random_(random), full_(full), out_(out) {}

  void add(const MatrixXd& g, const MatrixXd& gx);

  // Without traces of pairs: `blocks` has by group the sum of the levels' blocks of G, `times(rows)` is G rows.
  using Times = std::function<MatrixXd(const MatrixXd&)>;
  void add_average(const std::vector<MatrixXd>& blocks, const Times& times, const MatrixXd& gx);

  // Residual direction r: Z'V^{-1} V_r V^{-1}[X e], and by group the sum of the levels' blocks of Z'V^{-1} V_r V^{-1}Z,
  // or nothing without traces of pairs.
  void add_residual(Index r, const MatrixXd& z_xe, const std::vector<MatrixXd>& blocks);

 private:
  // (I x E) rows.
  MatrixXd directed(const RandomDirection& e, const MatrixXd& rows) const;
  void add_vectors(const Times& times, const MatrixXd& gx);
  void add_traces(const MatrixXd& g);
  // Of a unit with so many effects that no copy of G is made for each direction.
  void add_many_traces(const MatrixXd& g);
  // Row (b, a), column (c, d): the sum of G_lm[b, c] G_lm[a, d] over the levels l and m of two groups.
  MatrixXd level_products(const MatrixXd& g, int first, int second) const;

  const StructuredProblem& pr_;
  const Unit& unit_;
  const std::vector<RandomDirection>& random_;
  bool full_;
  StructuredSums& out_;
  std::vector<MatrixXd> ex_;
};

}  // namespace henderson

#endif
