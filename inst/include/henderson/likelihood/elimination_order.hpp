// In which order the levels of the other factors are eliminated, and whether their factor is kept sparse or dense.
#ifndef HENDERSON_LIKELIHOOD_ELIMINATION_ORDER_HPP
#define HENDERSON_LIKELIHOOD_ELIMINATION_ORDER_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/linalg/dense_cholesky.hpp"
#include "henderson/linalg/error.hpp"
#include "henderson/linalg/sparse_cholesky.hpp"

namespace henderson {

// One level of one of the other factors: `q` neighbouring columns.
struct Node {
  int rest = 0;       // position in Layout::rest
  Index level = 0;
  Index first = 0, q = 1;
};

// Blocks of one symmetric matrix over nodes: column node j holds the row nodes >= j.
struct NodeBlocks {
  std::vector<std::int64_t> start, row, offset;
  std::vector<double> value;   // q_i x q_j each, column-major
};

// Factor, inverse and the matrix itself are held at the same time: 8 bytes each, 8 more for a sparse row index.
constexpr double kDenseBytes = 24, kSparseBytes = 24;
// A column-by-column sparse factorization runs some forty times slower for each operation than a dense one.
constexpr double kSparsePenalty = 40;
// Operations of one sparse factorization beyond which a fit would take days.
constexpr double kMostSparseWork = 2e12;

[[noreturn]] void refuse_memory(double bytes, double limit);

struct EliminationOrder {
  bool dense = true;
  std::vector<Index> order;     // new position -> old node
  SparsePattern nodes, scalar;  // the matrix in the new order, by nodes and by columns
  std::int64_t entries = 0;     // of the factor
};

SparsePattern permuted(const SparsePattern& lower, const std::vector<Index>& rank);

// From nodes to columns.
SparsePattern expand(const std::vector<Node>& nodes, const SparsePattern& ordered, const std::vector<Index>& order);

// `pattern` is the lower triangle by nodes. Throws where neither form fits into `limit` bytes.
EliminationOrder elimination_order(const std::vector<Node>& nodes, Index columns, const SparsePattern& pattern,
                                   double limit, Checkpoint& checkpoint);

}  // namespace henderson

#endif
