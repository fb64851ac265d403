// A cell is chosen by a bound of its mass, a place in it uniformly, and accepted by the ratio of density and bound.
#include "henderson/posterior/lattice.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "henderson/linalg/random_stream.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {

namespace {

constexpr Index kMostDirections = 4;
constexpr double kLargestRise = 2;

// To the accuracy of numbers near 1, which is that of the sums they enter; faster than the functions of the library.
double quick_asinh(double y) { return std::copysign(std::log(std::abs(y) + std::sqrt(y * y + 1)), y); }

double quick_sinh(double y) {
  const double e = std::exp(y);
  return (e - 1 / e) / 2;
}

// Is log(u) <= limit? exp(x) >= 1 + x decides most cases without a logarithm.
bool is_log_below(double u, double limit) { return u <= 1 + limit || std::log(u) <= limit; }

}  // namespace

// The draws of one do not depend on how many numbers another took.
struct LatticeSampler::Streams {
  Streams(std::uint64_t seed, std::uint64_t number)
      : places(seed, 3 * number), sigma(seed, 3 * number + 1), coefficients(seed, 3 * number + 2) {}

  RandomStream places, sigma, coefficients;
};

// The nodes and weights that a place's values are made of: rows of four nodes along the first direction.
class LatticeSampler::Stencil {
 public:
  Stencil(const Lattice& lattice, const VectorXd& log_density, const MatrixXd& padded)
      : lattice_(lattice), log_density_(log_density), padded_(padded),
        directions_(static_cast<Index>(lattice.size.size())) {
    step_[0] = 1;
    for (Index a = 1; a < directions_; ++a) {
      step_[a] = step_[a - 1] * lattice.size[a - 1];
      for (Index k = 3; k >= 0; --k)
        for (Index i = 0; i < count_; ++i) offset_[k * count_ + i] = offset_[i] + k * step_[a];
      count_ *= 4;
    }
  }

  void move_to(const double* place) {
    first_ = cubic(place[0], 0, along_.data());
    weight_[0] = 1;
    std::array<double, 4> own;
    for (Index a = 1, n = 1; a < directions_; ++a, n *= 4) {
      first_ += cubic(place[a], a, own.data()) * step_[a];
      for (Index k = 3; k >= 0; --k)
        for (Index i = 0; i < n; ++i) weight_[k * n + i] = weight_[i] * own[k];
    }
  }

  double log_density() const {
    Eigen::Vector4d rows = Eigen::Vector4d::Zero();
    const double* at = log_density_.data() + first_;
    for (Index i = 0; i < count_; ++i) rows += weight_[i] * Eigen::Map<const Eigen::Vector4d>(at + offset_[i]);
    return rows.dot(along_);
  }

  // All functions after the first.
  const double* others() {
    switch (padded_.rows()) {
      case 2: return others_of<2>();
      case 4: return others_of<4>();
      case 6: return others_of<6>();
      case 8: return others_of<8>();
      default: return others_of<Eigen::Dynamic>();
    }
  }

 private:
  // The first of four nodes around a place; their weights.
  Index cubic(double place, Index a, double* weight) const {
    const Index first = std::min(lattice_.size[a] - 4, std::max<Index>(0, static_cast<Index>(place) - 1));
    const double t = place - static_cast<double>(first), before = t * (t - 1), after = (t - 2) * (t - 3);
    weight[0] = (1 - t) * after * (1.0 / 6);
    weight[1] = t * after * 0.5;
    weight[2] = before * (3 - t) * 0.5;
    weight[3] = before * (t - 2) * (1.0 / 6);
    return first;
  }

  template <int Rows>
  const double* others_of() {
    using Nodes = Eigen::Matrix<double, Rows, 4>;
    const Index n = padded_.rows();
    Nodes sum = Nodes::Zero(n, 4);
    for (Index i = 0; i < count_; ++i)
      sum += weight_[i] * Eigen::Map<const Nodes>(padded_.col(first_ + offset_[i]).data(), n, 4);
    sum_.noalias() = sum * along_;
    return sum_.data();
  }

  const Lattice& lattice_;
  const VectorXd& log_density_;
  const MatrixXd& padded_;
  Index directions_, count_ = 1, first_ = 0;  // four nodes along the first direction in each of `count_` rows
  Eigen::Vector4d along_;
  std::array<Index, kMostDirections> step_{};
  std::array<Index, 64> offset_{};
  std::array<double, 64> weight_{};
  VectorXd sum_;
};

// Cells with the bounds of their log densities, and a table from which they are chosen in constant time (Walker 1977).
class LatticeSampler::Cells {
 public:
  explicit Cells(const Lattice& lattice) : lattice_(lattice) {
    const Index d = static_cast<Index>(lattice.size.size());
    Index cells = 1;
    for (const Index n : lattice.size) cells *= n - 1;
    cells_.resize(cells);
    double top = -std::numeric_limits<double>::infinity();
    for (Index c = 0; c < cells; ++c) {
      cells_[c].corner = corner(c);
      cells_[c].bound = bound(cells_[c].corner, d);
      top = std::max(top, cells_[c].bound);
    }
    std::vector<double> share(cells);
    double total = 0;
    for (Index c = 0; c < cells; ++c) total += share[c] = std::exp(cells_[c].bound - top);
    for (double& s : share) s *= static_cast<double>(cells) / total;
    make_table(share);
  }

  using Corner = std::array<std::int32_t, kMostDirections>;
  struct Cell {
    double bound = 0, keep = 1;  // kept with this probability, or exchanged for the other
    Index other = 0;
    Corner corner{};
  };

  const Cell& choose(RandomStream& random) const {
    const double u = random.uniform() * static_cast<double>(cells_.size());
    const Index c = static_cast<Index>(u);
    const Cell& cell = cells_[c];
    return u - static_cast<double>(c) < cell.keep ? cell : cells_[cell.other];
  }

 private:
  // The largest value of the corners, and what a parabola with the second differences found there could rise above
  // them. Beside a cliff that is far more than the cell is worth: the density is cut at the bound there.
  double bound(const Corner& at, Index d) const {
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
    return largest + std::min(rise / 8, kLargestRise) + 1e-3;
  }

  Corner corner(Index cell) const {
    Corner out{};
    for (std::size_t a = 0; a < lattice_.size.size(); ++a) {
      out[a] = static_cast<std::int32_t>(cell % (lattice_.size[a] - 1));
      cell /= lattice_.size[a] - 1;
    }
    return out;
  }

  double curvature(Index node, const Corner& at, Index k, Index d) const {
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
    std::vector<Index> small, large;
    for (Index c = 0; c < cells; ++c) {
      cells_[c].other = c;
      (share[c] < 1 ? small : large).push_back(c);
    }
    while (!small.empty() && !large.empty()) {
      const Index s = small.back(), l = large.back();
      small.pop_back();
      cells_[s].keep = share[s];
      cells_[s].other = l;
      share[l] -= 1 - share[s];
      if (share[l] < 1) {
        large.pop_back();
        small.push_back(l);
      }
    }
  }

  const Lattice& lattice_;
  std::vector<Cell> cells_;
};

void LatticeMap::map(const double* place, Eigen::Ref<VectorXd> x) const {
  const Index d = origin.size();
  for (Index a = 0; a < d; ++a) {
    double y = center[a];
    for (Index b = 0; b < d; ++b) y += root(b, a) * (origin[b] + step[b] * place[b]);
    x[a] = location[a] + scale[a] * quick_sinh((quick_asinh(y) + skew[a]) / tail[a]);
  }
}

void ConditionalLaw::draw(const double* functions, const double* x, RandomStream& for_sigma,
                          RandomStream& for_coefficients, Eigen::Ref<VectorXd> out) const {
  double s = sigma;
  if (shape) s = std::sqrt(std::exp(*functions++) / for_sigma.gamma(*shape));
  else if (coordinate) s = std::exp(x[*coordinate]);
  out[0] = s;
  for (Index j = 0; j < coefficients; ++j) out[1 + j] = functions[j];
  Index column = -1;
  double e = 0;
  for (std::size_t k = 0; k < root.size(); ++k) {
    if (root[k].second != column) {
      column = root[k].second;
      e = for_coefficients.normal();
    }
    out[1 + root[k].first] += s * functions[coefficients + static_cast<Index>(k)] * e;
  }
}

LatticeSampler::LatticeSampler(Lattice lattice, std::optional<LatticeMap> map, std::optional<ConditionalLaw> law)
    : lattice_(std::move(lattice)),
      map_(std::move(map)),
      law_(std::move(law)),
      cells_(std::make_unique<Cells>(lattice_)),
      log_density_(lattice_.values.row(0)),
      padded_(MatrixXd::Zero(lattice_.values.rows() / 2 * 2, lattice_.values.cols())) {
  padded_.topRows(lattice_.values.rows() - 1) = lattice_.values.bottomRows(lattice_.values.rows() - 1);
}

LatticeSampler::~LatticeSampler() = default;

Index LatticeSampler::answers() const { return law_ ? 2 + law_->coefficients : lattice_.values.rows(); }

void LatticeSampler::draw(const LatticeDraws& out, std::uint64_t seed, int threads, Checkpoint& checkpoint) const {
  const Index before = out.first / kDrawsOfStream;
  work_in_blocks((out.count + kDrawsOfStream - 1) / kDrawsOfStream, threads, checkpoint,
                 [&](Index first, Index last, Checkpoint&) {
    Stencil stencil(lattice_, log_density_, padded_);
    for (Index s = first; s < last; ++s) {
      draw_stream(s * kDrawsOfStream, std::min(out.count, (s + 1) * kDrawsOfStream), stencil,
                  Streams(seed, static_cast<std::uint64_t>(before + s)), out);
    }
  });
}

void LatticeSampler::draw_stream(Index first, Index last, Stencil& stencil, Streams random,
                                 const LatticeDraws& out) const {
  const Index d = directions(), answers = this->answers();
  VectorXd place(d), x(d), own(answers - 1);
  for (Index i = first; i < last;) {
    const Cells::Cell& cell = cells_->choose(random.places);
    for (Index a = 0; a < d; ++a) place[a] = cell.corner[a] + random.places.uniform();
    stencil.move_to(place.data());
    const double log = stencil.log_density();
    if (!is_log_below(random.places.uniform(), log - cell.bound)) continue;
    if (map_) map_->map(place.data(), x);
    else x = place;
    const double* functions = stencil.others();
    if (law_) law_->draw(functions, x.data(), random.sigma, random.coefficients, own);
    out.values[0][i] = log;
    for (Index f = 1; f < answers; ++f) out.values[f][i] = law_ ? own[f - 1] : functions[f - 1];
    for (Index a = 0; a < d; ++a) out.x[a][i] = x[a];
    ++i;
  }
}

}  // namespace henderson
