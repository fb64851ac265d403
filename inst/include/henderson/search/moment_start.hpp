// MIVQUE0: estimates of the natural parameters from V_0 = I, straight from the cross-products, without a solve.
//
// With M = I - X X' (X orthogonal) the equations are sum_j tr(M V_i M V_j) psi_j = y'M V_i M y; all traces are sums
// over the blocks of Z'Z and Z'X. Rao (1971); Hartley, Rao and LaMotte (1978). Exact for balanced data, close for
// large data, and its matrix tells whether the parameters can be told apart.
#ifndef HENDERSON_SEARCH_MOMENT_START_HPP
#define HENDERSON_SEARCH_MOMENT_START_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/gradient.hpp"

namespace henderson {

// What the data say about the natural parameters, then sigma^2, at one V_0.
struct Evidence {
  MatrixXd information;   // tr(P V_i P V_j)
  VectorXd whole;         // its diagonal before the fixed effects took their part, or more: rounding is relative to it
};

struct MomentEquations {
  Evidence evidence;
  VectorXd right;
};

class MomentStart {
 public:
  MomentStart(const Layout& layout, const CrossProducts& data, Index response);

  MomentEquations equations(const std::vector<Direction>& directions, Index n, double total) const;

 private:
  // body(group, group, level, level, block of Z'Z): each unordered pair of levels once.
  template <class Body>
  void for_each_block(const Body& body) const;

  template <class Body>
  static void each_pair(const PairBlocks& pairs, int g, int h, const Body& body);

  MatrixXd directed(const Direction& d, const MatrixXd& rows) const;

  MatrixXd multiply(const MatrixXd& b) const;

  double block_trace(const Direction& d) const;

  // tr(V_i V_j), lower triangle.
  void add_block_products(const std::vector<Direction>& directions, MatrixXd& t) const;

  const Layout& layout_;
  const CrossProducts& data_;
  Index columns_ = 0;
  std::vector<Index> first_;
  MatrixXd u_, lead_;
  VectorXd zy_;
};

}  // namespace henderson

#endif
