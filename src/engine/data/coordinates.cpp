#include "henderson/data/coordinates.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "henderson/optimize/workers.hpp"

namespace henderson {

Index rows_to_next_check(Index columns) {
  return std::max<Index>(1, std::min(rows_between_checks, 50000000 / std::max<Index>(1, columns * columns)));
}

double root_weight(const DesignChunk& chunk, Index i) {
  return chunk.weight == nullptr ? 1.0 : std::sqrt(chunk.weight[i]);
}

CoordinateSums::CoordinateSums(const Layout& layout, Index columns, Index responses) : x(columns, responses) {
  for (const Term& term : layout.terms) {
    z.emplace_back(term.q, 0);
    z_square.push_back(VectorXd::Zero(term.q));
  }
}

void CoordinateSums::add(CoordinateSums& other) {
  x.add(other.x);
  for (std::size_t t = 0; t < z.size(); ++t) {
    z[t].add(other.z[t]);
    z_square[t] += other.z_square[t];
  }
  n += other.n;
  log_weight += other.log_weight;
  weight += other.weight;
}

Coordinates CoordinateFinder::run(DesignSource& source) {
  CoordinateSums sums = read(source);
  if (constant_lost()) {
    constants_.x.resize(0);
    sums = read(source);
  }
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) finish_term(t, sums);
  return std::move(out_);
}

CoordinateSums CoordinateFinder::read(DesignSource& source) {
  out_ = Coordinates();
  const DesignChunk first = source.chunk(0);
  const Index p = first.x.cols(), m = first.y.cols();
  start(first);
  std::vector<CoordinateSums> lanes(lanes_for(source.chunks(), p, m), CoordinateSums(layout_, p, m));
  sum_lanes(source, lanes);
  CoordinateSums sums = std::move(lanes.front());
  sums.x.watch(checkpoint_);
  for (std::size_t l = 1; l < lanes.size(); ++l) {
    lanes[l].x.watch(checkpoint_);
    sums.add(lanes[l]);
  }
  out_.n = sums.n;
  out_.log_weight = sums.log_weight;
  weight_ = sums.weight;
  sums.x.finish();
  orthogonalize(sums.x, out_.response_shift + origin_, 1.0, mean_root_weight(), out_.x);
  return sums;
}

void CoordinateFinder::sum_lanes(DesignSource& source, std::vector<CoordinateSums>& lanes) {
  const Index n = static_cast<Index>(lanes.size()), chunks = source.chunks();
  const auto work = [&](Index l, DesignSource& rows, Checkpoint& checkpoint) {
    lanes[l].x.watch(checkpoint);
    for (Index k = l * chunks / n; k < (l + 1) * chunks / n; ++k) add(rows.chunk(k), lanes[l], checkpoint);
  };
  if (threads_ <= 1 || n == 1 || source.twin() == nullptr) {
    for (Index l = 0; l < n; ++l) work(l, source, checkpoint_);
    return;
  }
  work_in_blocks(n, threads_, checkpoint_, [&](Index from, Index to, Checkpoint& checkpoint) {
    const std::unique_ptr<DesignSource> rows = source.twin();
    for (Index l = from; l < to; ++l) work(l, *rows, checkpoint);
  });
}

void CoordinateFinder::add(const DesignChunk& chunk, CoordinateSums& sums, Checkpoint& checkpoint) const {
  count(chunk, sums);
  absorb(chunk.x, &chunk.y, chunk, sums.x, out_.x.shift, checkpoint);
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
    if (rotates(t)) absorb(chunk.z[t], nullptr, chunk, sums.z[t], out_.terms[t].shift, checkpoint);
    else add_squares(chunk, t, sums);
  }
  checkpoint.check();
}

void CoordinateFinder::start(const DesignChunk& chunk) {
  const Index m = chunk.y.cols();
  out_.x.constant = constants_.x;
  out_.x.shift = first_means(chunk.x, constants_.x, chunk);
  origin_.resize(m);
  for (Index j = 0; j < m; ++j) origin_[j] = chunk.origin_of(j);
  out_.response_shift = constants_.x.size() > 0 ? first_means(chunk.y, VectorXd::Zero(m), chunk) : VectorXd(-origin_);
  for (std::size_t t = 0; t < layout_.terms.size(); ++t) {
    const Index q = layout_.terms[t].q;
    out_.terms.emplace_back();
    out_.terms[t].shift = rotates(t) ? first_means(chunk.z[t], constants_.z[t], chunk) : VectorXd::Zero(q);
  }
}

namespace {

double chunk_mean(const ConstMatrix& x, Index j, const DesignChunk& chunk) {
  double sum = 0, size = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    if (!(root_weight(chunk, i) > 0)) continue;
    const double one = chunk.constant_at(i),
                 w = chunk.constant != nullptr && chunk.weight != nullptr ? chunk.weight[i] * one : one;
    sum += w * x(i, j);
    size += w * one;
  }
  return size > 0 ? sum / size : 0.0;
}

}  // namespace

VectorXd CoordinateFinder::first_means(const ConstMatrix& x, const VectorXd& constant, const DesignChunk& chunk) {
  VectorXd shift = VectorXd::Zero(x.cols());
  if (constant.size() == 0) return shift;
  for (Index j = 0; j < x.cols(); ++j)
    if (constant[j] == 0) shift[j] = chunk_mean(x, j, chunk);
  return shift;
}

bool CoordinateFinder::constant_lost() const {
  Index last = constants_.x.size() - 1;
  while (last >= 0 && constants_.x[last] == 0) --last;
  std::vector<bool> kept(out_.x.shift.size(), false);
  for (const Index j : out_.x.kept) kept[j] = true;
  bool left_out = false, shifted = false, broken = false;
  for (Index j = 0; j <= last; ++j) {
    left_out |= !kept[j];
    shifted |= out_.x.shift[j] != 0;
    broken |= constants_.x[j] != 0 && !kept[j];
  }
  return broken || (left_out && shifted);
}

void CoordinateFinder::count(const DesignChunk& chunk, CoordinateSums& sums) {
  if (chunk.constant != nullptr) {
    sums.n += chunk.count;
    sums.log_weight += chunk.log_weight;
    for (Index i = 0; i < chunk.rows(); ++i)
      sums.weight += (chunk.weight == nullptr ? 1.0 : chunk.weight[i]) * chunk.constant[i] * chunk.constant[i];
    return;
  }
  for (Index i = 0; i < chunk.rows(); ++i) {
    const double w = chunk.weight == nullptr ? 1.0 : chunk.weight[i];
    if (!(w > 0)) continue;
    ++sums.n;
    if (chunk.weight != nullptr) sums.log_weight += std::log(w);
    sums.weight += w;
  }
}

void CoordinateFinder::absorb(const ConstMatrix& x, const ConstMatrix* y, const DesignChunk& chunk, StreamingQr& qr,
                              const VectorXd& shift, Checkpoint& checkpoint) const {
  const Index p = x.cols(), m = y == nullptr ? 0 : y->cols();
  if (p + m == 0) return;
  for (Index i = 0; i < x.rows(); ++i) {
    if (i % rows_between_checks == 0) checkpoint.check();
    const double w = root_weight(chunk, i);
    if (!(w > 0)) continue;
    const double one = chunk.constant_at(i);
    auto row = qr.next_row();
    for (Index j = 0; j < p; ++j) row[j] = w * (x(i, j) - shift[j] * one);
    for (Index j = 0; j < m; ++j) row[p + j] = w * ((*y)(i, j) - out_.response_shift[j] * one);
  }
}

void CoordinateFinder::add_squares(const DesignChunk& chunk, std::size_t t, CoordinateSums& sums) {
  VectorXd& square = sums.z_square[t];
  for (Index j = 0; j < square.size(); ++j)
    for (Index i = 0; i < chunk.rows(); ++i) {
      const double w = chunk.weight == nullptr ? 1.0 : chunk.weight[i];
      square[j] += w * chunk.z[t](i, j) * chunk.z[t](i, j);
    }
}

void CoordinateFinder::finish_term(std::size_t t, CoordinateSums& sums) {
  TermCoordinates& out = out_.terms[t];
  const Index q = layout_.terms[t].q;
  const double length = std::sqrt(static_cast<double>(out_.n));
  if (rotates(t)) {
    Projection z;
    z.shift = out.shift;
    z.constant = constants_.z[t];
    sums.z[t].finish();
    orthogonalize(sums.z[t], VectorXd(), length, mean_root_weight(), z);
    if (static_cast<Index>(z.kept.size()) < q) dependent(t, z.novelty);
    out.basis = z.basis;
    out.map = z.to_orthogonal;
    return;
  }
  out.map = column_scales(t, sums.z_square[t]).asDiagonal();
  out.basis = out.map;
}

VectorXd CoordinateFinder::column_scales(std::size_t t, const VectorXd& square) const {
  const Index q = square.size();
  const Closure closure = layout_.terms[t].structure->closed_under();
  const double length = std::sqrt(static_cast<double>(out_.n)), mean = square.sum() / static_cast<double>(q);
  const bool apart = closure == Closure::any || closure == Closure::column_scales;
  VectorXd scale = VectorXd::Ones(q);
  for (Index j = 0; j < q; ++j) {
    if (!((apart ? square[j] : mean) > 0)) dependent(t, std::vector<double>(1, 0.0));
    if (closure != Closure::none) scale[j] = length / std::sqrt(apart ? square[j] : mean);
  }
  return scale;
}

void CoordinateFinder::dependent(std::size_t t, const std::vector<double>& novelty) {
  Index column = 0;
  while (column + 1 < static_cast<Index>(novelty.size()) && novelty[column] > 0) ++column;
  throw Error("random_rank", std::to_string(t + 1) + ":" + std::to_string(column + 1));
}

}  // namespace henderson
