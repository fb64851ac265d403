// A cell is chosen by a bound of its mass, a place in it uniformly, and accepted by the ratio of density and bound.
#include "henderson/posterior/lattice.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "henderson/optimize/workers.hpp"

namespace henderson {

namespace {

constexpr Index kMostDirections = 4, kDrawsOfStream = 1024;

// Sebastiano Vigna's splitmix64 (public domain); each stream starts at a place of its own.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t number) : state_(seed) {
    state_ ^= mix(number + 0x632be59bd9b4e019ULL);
    state_ = mix(state_);
  }
  // Between 0 and 1, neither of them.
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }

  std::uint64_t state_;
};

// The nodes and weights that a place's values are made of.
class Stencil {
 public:
  explicit Stencil(const Lattice& lattice) : lattice_(lattice), directions_(static_cast<Index>(lattice.size.size())) {
    for (Index a = 0, step = 1; a < directions_; ++a) {
      step_[a] = step;
      step *= lattice.size[a];
    }
  }

  void move_to(const double* place) {
    count_ = 1;
    node_[0] = 0;
    weight_[0] = 1;
    for (Index a = 0; a < directions_; ++a) {
      const Index last = lattice_.size[a] - 4;
      const Index first = std::min(last, std::max<Index>(0, static_cast<Index>(place[a]) - 1));
      const double t = place[a] - static_cast<double>(first);
      const double own[4] = {-(t - 1) * (t - 2) * (t - 3) / 6, t * (t - 2) * (t - 3) / 2, -t * (t - 1) * (t - 3) / 2,
                             t * (t - 1) * (t - 2) / 6};
      for (Index k = 3; k >= 0; --k)
        for (Index i = 0; i < count_; ++i) {
          node_[k * count_ + i] = node_[i] + (first + k) * step_[a];
          weight_[k * count_ + i] = weight_[i] * own[k];
        }
      count_ *= 4;
    }
  }

  double log_density() const {
    double out = 0;
    for (Index i = 0; i < count_; ++i) out += weight_[i] * lattice_.values(0, node_[i]);
    return out;
  }

  void all(Eigen::Ref<VectorXd> out) const {
    out.setZero();
    for (Index i = 0; i < count_; ++i) out += weight_[i] * lattice_.values.col(node_[i]);
  }

 private:
  const Lattice& lattice_;
  Index directions_, count_ = 0;
  std::array<Index, kMostDirections> step_{};
  std::array<Index, 256> node_{};
  std::array<double, 256> weight_{};
};

// Cells with the bounds of their log densities, and a table from which they are chosen in constant time (Walker 1977).
class Cells {
 public:
  explicit Cells(const Lattice& lattice) : lattice_(lattice) {
    const Index d = static_cast<Index>(lattice.size.size());
    Index cells = 1;
    for (const Index n : lattice.size) cells *= n - 1;
    bound_.resize(cells);
    for (Index c = 0; c < cells; ++c) bound_[c] = bound(corner(c), d);
    const double top = *std::max_element(bound_.begin(), bound_.end());
    std::vector<double> share(cells);
    double total = 0;
    for (Index c = 0; c < cells; ++c) total += share[c] = std::exp(bound_[c] - top);
    for (double& s : share) s *= static_cast<double>(cells) / total;
    make_table(share);
  }

  Index choose(Stream& random) const {
    const double u = random.uniform() * static_cast<double>(keep_.size());
    const Index c = static_cast<Index>(u);
    return u - static_cast<double>(c) < keep_[c] ? c : other_[c];
  }
  double bound_of(Index cell) const { return bound_[cell]; }

  std::array<Index, kMostDirections> corner(Index cell) const {
    std::array<Index, kMostDirections> out{};
    for (std::size_t a = 0; a < lattice_.size.size(); ++a) {
      out[a] = cell % (lattice_.size[a] - 1);
      cell /= lattice_.size[a] - 1;
    }
    return out;
  }

 private:
  // The largest value of the corners, and what a parabola with the second differences found there could rise above
  // them.
  double bound(const std::array<Index, kMostDirections>& at, Index d) const {
    double largest = -std::numeric_limits<double>::infinity(), rise = 0;
    for (Index k = 0; k < (Index{1} << d); ++k) {
      Index node = 0, step = 1;
      for (Index a = 0; a < d; ++a) {
        node += (at[a] + ((k >> a) & 1)) * step;
        step *= lattice_.size[a];
      }
      largest = std::max(largest, lattice_.values(0, node));
      rise = std::max(rise, curvature(node, at, k, d));
    }
    return largest + rise / 8 + 1e-3;
  }

  double curvature(Index node, const std::array<Index, kMostDirections>& at, Index k, Index d) const {
    double sum = 0;
    for (Index a = 0, step = 1; a < d; ++a) {
      const Index place = at[a] + ((k >> a) & 1);
      const Index middle = node + (place == 0 ? step : place == lattice_.size[a] - 1 ? -step : 0);
      sum += std::max(
          0.0, 2 * lattice_.values(0, middle) - lattice_.values(0, middle - step) - lattice_.values(0, middle + step));
      step *= lattice_.size[a];
    }
    return sum;
  }

  void make_table(std::vector<double>& share) {
    const Index cells = static_cast<Index>(share.size());
    keep_.assign(cells, 1);
    other_.resize(cells);
    std::vector<Index> small, large;
    for (Index c = 0; c < cells; ++c) {
      other_[c] = c;
      (share[c] < 1 ? small : large).push_back(c);
    }
    while (!small.empty() && !large.empty()) {
      const Index s = small.back(), l = large.back();
      small.pop_back();
      keep_[s] = share[s];
      other_[s] = l;
      share[l] -= 1 - share[s];
      if (share[l] < 1) {
        large.pop_back();
        small.push_back(l);
      }
    }
  }

  const Lattice& lattice_;
  std::vector<double> bound_, keep_;
  std::vector<Index> other_;
};

}  // namespace

LatticeDraws draw_from(const Lattice& lattice, Index draws, std::uint64_t seed, int threads, Checkpoint& checkpoint) {
  const Index d = static_cast<Index>(lattice.size.size()), streams = (draws + kDrawsOfStream - 1) / kDrawsOfStream;
  LatticeDraws out{MatrixXd(d, draws), MatrixXd(lattice.values.rows(), draws)};
  const Cells cells(lattice);
  work_in_blocks(streams, threads, checkpoint, [&](Index first, Index last, Checkpoint&) {
    Stencil stencil(lattice);
    for (Index s = first; s < last; ++s) {
      Stream random(seed, static_cast<std::uint64_t>(s));
      for (Index i = s * kDrawsOfStream; i < std::min(draws, (s + 1) * kDrawsOfStream);) {
        const Index cell = cells.choose(random);
        const auto corner = cells.corner(cell);
        for (Index a = 0; a < d; ++a) out.place(a, i) = static_cast<double>(corner[a]) + random.uniform();
        stencil.move_to(out.place.data() + i * d);
        if (std::log(random.uniform()) > stencil.log_density() - cells.bound_of(cell)) continue;
        stencil.all(out.values.col(i));
        ++i;
      }
    }
  });
  return out;
}

VectorXd interpolate(const Lattice& lattice, const VectorXd& place) {
  VectorXd out(lattice.values.rows());
  Stencil stencil(lattice);
  stencil.move_to(place.data());
  stencil.all(out);
  return out;
}

}  // namespace henderson
