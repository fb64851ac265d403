// Random numbers that do not depend on the machine, the library or the number of threads. R's generator is not used
// where several threads draw.
#ifndef HENDERSON_LINALG_RANDOM_STREAM_HPP
#define HENDERSON_LINALG_RANDOM_STREAM_HPP

#include <cstdint>

namespace henderson {

// The step and the mixing function of SplitMix64 (Steele, Lea and Flood 2014).
constexpr std::uint64_t kSplitMixStep = 0x9e3779b97f4a7c15ULL;

inline std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// SplitMix64; each stream of a seed starts at a place of its own.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t number)
      : state_(mixed(seed ^ mixed(number + 0x632be59bd9b4e019ULL))) {}

  // Between 0 and 1, neither of them.
  double uniform() { return (static_cast<double>(mixed(state_ += kSplitMixStep) >> 11) + 0.5) * 0x1.0p-53; }

  // Standard normal, by the polar method (Marsaglia and Bray 1964, SIAM Review 6, 260-264).
  double normal();

  // Gamma with scale 1 (Marsaglia and Tsang 2000, ACM Transactions on Mathematical Software 26, 363-372).
  double gamma(double shape);

 private:
  std::uint64_t state_;
  double kept_ = 0;        // the second of a pair of normal numbers
  bool has_kept_ = false;
};

}  // namespace henderson

#endif
