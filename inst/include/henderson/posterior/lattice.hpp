// Independent draws from a density that is known at the nodes of a lattice, with other functions of the same place.
#ifndef HENDERSON_POSTERIOR_LATTICE_HPP
#define HENDERSON_POSTERIOR_LATTICE_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Values between the nodes are products of cubics through four nodes in each direction.
struct Lattice {
  std::vector<Index> size;  // nodes in each direction, four or more; the first runs fastest
  MatrixXd values;          // functions x nodes; the first function is the log density
};

struct LatticeDraws {
  MatrixXd place;   // directions x draws, in units of the nodes, from 0
  MatrixXd values;  // functions x draws
};

// The same for any number of threads.
LatticeDraws draw_from(const Lattice& lattice, Index draws, std::uint64_t seed, int threads, Checkpoint& checkpoint);

// All functions at one place.
VectorXd interpolate(const Lattice& lattice, const VectorXd& place);

}  // namespace henderson

#endif
