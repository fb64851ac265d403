// The signs of the probes, and the vectors whose share is not left to them.
#ifndef HENDERSON_ITERATIVE_DEFLATION_HPP
#define HENDERSON_ITERATIVE_DEFLATION_HPP

#include <cstdint>
#include <vector>

#include "henderson/iterative/incidence.hpp"
#include "henderson/iterative/panel.hpp"

namespace henderson {
namespace iterative {

// +1 or -1, a function of seed, probe and row alone.
double sign_of(std::uint64_t seed, std::uint64_t probe, std::uint64_t row);

// At first each level of a factor with so few levels has a vector of its own; where the probes leave too large an
// error, each level of a factor with so many.
constexpr Index kFewLevels = 64, kSomeLevels = 256;

// Vectors with disjoint places: one constant for each column of a factor with more than `few` levels, unit vectors for
// the levels of others. `factor` names the factor of each.
struct Deflation {
  Panel v;
  VectorXd square;               // v'v
  std::vector<std::size_t> factor;
  void project(Panel& x) const;  // off the span
};
Deflation deflation(const Incidence& incidence, Index few = kFewLevels);

}  // namespace iterative
}  // namespace henderson

#endif
