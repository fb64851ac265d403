// Independent draws from a density that is known at the nodes of a lattice, with other functions of the same place.
#ifndef HENDERSON_POSTERIOR_LATTICE_HPP
#define HENDERSON_POSTERIOR_LATTICE_HPP

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/limits.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Values between the nodes are products of cubics through four nodes in each direction.
struct Lattice {
  std::vector<Index> size;  // nodes in each direction, four or more; the first runs fastest
  MatrixXd values;          // functions x nodes; the first function is the log density
};

// From places in units of the nodes to coordinates: y = root'(origin + step place) + center, and in each direction
// x = location + scale sinh((asinh(y) + skew) / tail) (Jones and Pewsey 2009, Biometrika 96, 761-780).
struct LatticeMap {
  VectorXd origin, step, center;
  MatrixXd root;
  VectorXd location, scale, skew, tail;

  void map(const double* place, Eigen::Ref<VectorXd> x) const;
};

// Which draws are wanted, and where they are written.
struct LatticeDraws {
  Index first = 0, count = 0;   // the first is that of a stream
  std::vector<double*> x;       // for each direction: coordinates, without a map places in units of the nodes, from 0
  std::vector<double*> values;  // for each function
};

class LatticeSampler {
 public:
  LatticeSampler(Lattice lattice, std::optional<LatticeMap> map);
  ~LatticeSampler();

  Index directions() const { return static_cast<Index>(lattice_.size.size()); }
  Index functions() const { return lattice_.values.rows(); }

  // A seed gives the same draws for any number of threads and in whatever parts they are asked for.
  void draw(const LatticeDraws& out, std::uint64_t seed, int threads, Checkpoint& checkpoint) const;

 private:
  class Cells;
  class Stencil;

  Lattice lattice_;
  std::optional<LatticeMap> map_;
  std::unique_ptr<Cells> cells_;
  VectorXd log_density_;
  MatrixXd padded_;             // the values, with rows of zeros up to a multiple of four
};

}  // namespace henderson

#endif
