// Rows of panels as arrays whose width the compiler knows, so that it makes vector instructions of them without
// options.
#ifndef HENDERSON_ITERATIVE_WIDE_HPP
#define HENDERSON_ITERATIVE_WIDE_HPP

#include <Eigen/Core>
#include <type_traits>

namespace henderson {
namespace iterative {

using Eigen::Index;

// M columns, or Eigen::Dynamic.
template <int M>
using Wide = Eigen::Array<double, M, 1>;

template <int M>
inline Eigen::Map<const Wide<M>> wide(const double* x, Index m) {
  return Eigen::Map<const Wide<M>>(x, M == Eigen::Dynamic ? m : M);
}
template <int M>
inline Eigen::Map<Wide<M>> wide(double* x, Index m) {
  return Eigen::Map<Wide<M>>(x, M == Eigen::Dynamic ? m : M);
}

// body(width), whose type holds the number of columns m.
template <class Body>
void with_width(Index m, const Body& body) {
  switch (m) {
    case 1: return body(std::integral_constant<int, 1>());
    case 2: return body(std::integral_constant<int, 2>());
    case 4: return body(std::integral_constant<int, 4>());
    case 8: return body(std::integral_constant<int, 8>());
    case 16: return body(std::integral_constant<int, 16>());
    default: return body(std::integral_constant<int, Eigen::Dynamic>());
  }
}

}  // namespace iterative
}  // namespace henderson

#endif
