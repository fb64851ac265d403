// Independent draws from a density that is known at the nodes of a lattice, with other functions of the same place.
#ifndef HENDERSON_POSTERIOR_LATTICE_HPP
#define HENDERSON_POSTERIOR_LATTICE_HPP

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/limits.hpp"
#include "henderson/linalg/random_stream.hpp"

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

// The law of sigma and the coefficients given the coordinates, by the other functions there.
struct ConditionalLaw {
  std::optional<double> shape;      // sigma^2 is inverse gamma, with this shape and exp(second function) as its rate
  std::optional<Index> coordinate;  // or log(sigma) is this coordinate
  double sigma = 0;                 // or sigma is known
  // The next functions are the means of the coefficients, then these entries (row, column) of a square root of their
  // covariance matrix over sigma^2, by columns.
  Index coefficients = 0;
  std::vector<std::pair<Index, Index>> root;

  Index functions() const { return (shape ? 2 : 1) + coefficients + static_cast<Index>(root.size()); }

  // sigma, then the coefficients; `functions`: all after the first.
  void draw(const double* functions, const double* x, RandomStream& for_sigma, RandomStream& for_coefficients,
            Eigen::Ref<VectorXd> out) const;
};

// Which draws are wanted, and where they are written.
struct LatticeDraws {
  Index first = 0, count = 0;   // the first is that of a stream
  std::vector<double*> x;       // for each direction: coordinates, without a map places in units of the nodes, from 0
  std::vector<double*> values;  // for each of LatticeSampler::answers()
};

class LatticeSampler {
 public:
  LatticeSampler(Lattice lattice, std::optional<LatticeMap> map, std::optional<ConditionalLaw> law);
  ~LatticeSampler();

  Index directions() const { return static_cast<Index>(lattice_.size.size()); }
  // The log density, then the other functions or what is drawn from them.
  Index answers() const;

  // A seed gives the same draws for any number of threads and in whatever parts they are asked for.
  void draw(const LatticeDraws& out, std::uint64_t seed, int threads, Checkpoint& checkpoint) const;

 private:
  class Cells;
  class Stencil;
  struct Streams;

  void draw_stream(Index first, Index last, Stencil& stencil, Streams random, const LatticeDraws& out) const;

  Lattice lattice_;
  std::optional<LatticeMap> map_;
  std::optional<ConditionalLaw> law_;
  std::unique_ptr<Cells> cells_;
  VectorXd log_density_;
  MatrixXd padded_;             // all functions after the first, with a row of zeros if they are odd in number
};

}  // namespace henderson

#endif
