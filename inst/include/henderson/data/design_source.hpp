// Where rows come from: chunks of the design, which may be read several times.
//
// A chunk has rows of data, or rows that stand for them: any rows with the same cross-products. Of n rows that agree in
// all grouping variables these are their mean, with the sum of their weights as its weight, and a root of the
// cross-products about the mean, in whose rows the constant is 0.
#ifndef HENDERSON_DATA_DESIGN_SOURCE_HPP
#define HENDERSON_DATA_DESIGN_SOURCE_HPP

#include <Eigen/Core>
#include <algorithm>
#include <memory>
#include <vector>

namespace henderson {

using Eigen::Index;
using ConstMatrix = Eigen::Map<const Eigen::MatrixXd>;
using ConstVector = Eigen::Map<const Eigen::VectorXd>;

struct DesignChunk {
  ConstMatrix x{nullptr, 0, 0};
  std::vector<ConstMatrix> z;        // one per term
  std::vector<const int*> code;      // one per group: level 1..levels
  ConstMatrix y{nullptr, 0, 0};      // one column per response
  const double* weight = nullptr;    // or null: all one
  const double* constant = nullptr;  // value of the constant in each row, or null: all one
  Index count = 0;                   // with `constant`: rows of data that the chunk stands for
  double log_weight = 0;             // and the sum of their log weights
  const double* origin = nullptr;    // what the responses are given less of, one number for each, or null: 0
  Index rows() const { return y.rows(); }
  double origin_of(Index response) const { return origin == nullptr ? 0.0 : origin[response]; }
  double constant_at(Index i) const { return constant == nullptr ? 1.0 : constant[i]; }
};

struct DesignSource {
  virtual ~DesignSource() = default;
  virtual Index chunks() const = 0;
  virtual DesignChunk chunk(Index k) = 0;  // valid until the next call
  // The same rows for another thread, which may read them at the same time; null where only one thread may read.
  virtual std::unique_ptr<DesignSource> twin() const { return nullptr; }
};

// Rows are summed in lanes: a fixed partition of the rows, each part summed by itself, the sums added in the order of
// the lanes. So the result does not depend on the number of threads. A lane keeps a block of rows for its QR
// decomposition: the wider the rows, the fewer lanes.
constexpr Index kLanes = 8, kLaneNumbers = 8000000;

inline Index lanes_for(Index chunks, Index columns, Index responses) {
  const Index numbers = (512 + 5 * columns) * std::max<Index>(1, columns + responses);
  return std::max<Index>(1, std::min({chunks, kLanes, kLaneNumbers / numbers}));
}

}  // namespace henderson

#endif
