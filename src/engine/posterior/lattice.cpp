// A cell is chosen by a bound of its mass, a place in it uniformly, and accepted by the ratio of density and bound.
#include "henderson/posterior/lattice.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "henderson/optimize/workers.hpp"

namespace henderson {

namespace {

constexpr Index kMostDirections = 4;

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

}  // namespace

// The nodes and weights that a place's values are made of: rows of four nodes along the first direction.
class LatticeSampler::Stencil {
 public:
  Stencil(const Lattice& lattice, const VectorXd& log_density, const MatrixXd& padded)
      : lattice_(lattice), log_density_(log_density), padded_(padded),
        directions_(static_cast<Index>(lattice.size.size())) {
    for (Index a = 0, step = 1; a < directions_; ++a) {
      step_[a] = step;
      step *= lattice.size[a];
    }
  }

  void move_to(const double* place) {
    const auto [first, along] = cubic(place[0], 0);
    along_ = along;
    count_ = 1;
    node_[0] = first;
    weight_[0] = 1;
    for (Index a = 1; a < directions_; ++a) {
      const auto [begin, own] = cubic(place[a], a);
      for (Index k = 3; k >= 0; --k)
        for (Index i = 0; i < count_; ++i) {
          node_[k * count_ + i] = node_[i] + (begin + k) * step_[a];
          weight_[k * count_ + i] = weight_[i] * own[k];
        }
      count_ *= 4;
    }
  }

  double log_density() const {
    double out = 0;
    for (Index i = 0; i < count_; ++i) {
      const double* row = log_density_.data() + node_[i];
      out += weight_[i] * (along_[0] * row[0] + along_[1] * row[1] + along_[2] * row[2] + along_[3] * row[3]);
    }
    return out;
  }

  // All functions, each to its own vector.
  void all(const std::vector<double*>& out, Index at) const {
    switch (padded_.rows()) {
      case 4: return all_of<4>(out, at);
      case 8: return all_of<8>(out, at);
      case 12: return all_of<12>(out, at);
      default: return all_of<Eigen::Dynamic>(out, at);
    }
  }

 private:
  using Weights = std::array<double, 4>;

  // The first of four nodes around a place, and their weights.
  std::pair<Index, Weights> cubic(double place, Index a) const {
    const Index first = std::min(lattice_.size[a] - 4, std::max<Index>(0, static_cast<Index>(place) - 1));
    const double t = place - static_cast<double>(first);
    return {first, {-(t - 1) * (t - 2) * (t - 3) / 6, t * (t - 2) * (t - 3) / 2, -t * (t - 1) * (t - 3) / 2,
                    t * (t - 1) * (t - 2) / 6}};
  }

  template <int Rows>
  void all_of(const std::vector<double*>& out, Index at) const {
    using Column = Eigen::Matrix<double, Rows, 1>;
    Column sum = Column::Zero(padded_.rows());
    for (Index i = 0; i < count_; ++i)
      for (Index k = 0; k < 4; ++k)
        sum += weight_[i] * along_[k] * Eigen::Map<const Column>(padded_.col(node_[i] + k).data(), padded_.rows());
    for (std::size_t f = 0; f < out.size(); ++f) out[f][at] = sum[static_cast<Index>(f)];
  }

  const Lattice& lattice_;
  const VectorXd& log_density_;
  const MatrixXd& padded_;
  Index directions_, count_ = 0;
  Weights along_{};
  std::array<Index, kMostDirections> step_{};
  std::array<Index, 64> node_{};
  std::array<double, 64> weight_{};
};

// Cells with the bounds of their log densities, and a table from which they are chosen in constant time (Walker 1977).
class LatticeSampler::Cells {
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

void LatticeMap::map(const double* place, Eigen::Ref<VectorXd> x) const {
  const Index d = origin.size();
  for (Index a = 0; a < d; ++a) {
    double y = center[a];
    for (Index b = 0; b < d; ++b) y += root(b, a) * (origin[b] + step[b] * place[b]);
    x[a] = location[a] + scale[a] * std::sinh((std::asinh(y) + skew[a]) / tail[a]);
  }
}

LatticeSampler::LatticeSampler(Lattice lattice, std::optional<LatticeMap> map)
    : lattice_(std::move(lattice)),
      map_(std::move(map)),
      cells_(std::make_unique<Cells>(lattice_)),
      log_density_(lattice_.values.row(0)),
      padded_(MatrixXd::Zero((functions() + 3) / 4 * 4, lattice_.values.cols())) {
  padded_.topRows(functions()) = lattice_.values;
}

LatticeSampler::~LatticeSampler() = default;

void LatticeSampler::draw(const LatticeDraws& out, std::uint64_t seed, int threads, Checkpoint& checkpoint) const {
  const Index d = directions(), before = out.first / kDrawsOfStream;
  work_in_blocks((out.count + kDrawsOfStream - 1) / kDrawsOfStream, threads, checkpoint,
                 [&](Index first, Index last, Checkpoint&) {
    Stencil stencil(lattice_, log_density_, padded_);
    VectorXd place(d), x(d);
    for (Index s = first; s < last; ++s) {
      Stream random(seed, static_cast<std::uint64_t>(before + s));
      for (Index i = s * kDrawsOfStream; i < std::min(out.count, (s + 1) * kDrawsOfStream);) {
        const Index cell = cells_->choose(random);
        const auto corner = cells_->corner(cell);
        for (Index a = 0; a < d; ++a) place[a] = static_cast<double>(corner[a]) + random.uniform();
        stencil.move_to(place.data());
        if (std::log(random.uniform()) > stencil.log_density() - cells_->bound_of(cell)) continue;
        stencil.all(out.values, i);
        if (map_) map_->map(place.data(), x);
        for (Index a = 0; a < d; ++a) out.x[a][i] = map_ ? x[a] : place[a];
        ++i;
      }
    }
  });
}

}  // namespace henderson
