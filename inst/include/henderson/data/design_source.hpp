// Where rows come from: chunks of the design, which may be read several times.
#ifndef HENDERSON_DATA_DESIGN_SOURCE_HPP
#define HENDERSON_DATA_DESIGN_SOURCE_HPP

#include <Eigen/Core>
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
  Index rows() const { return y.rows(); }
};

struct DesignSource {
  virtual ~DesignSource() = default;
  virtual Index chunks() const = 0;
  virtual DesignChunk chunk(Index k) = 0;  // valid until the next call
};

}  // namespace henderson

#endif
