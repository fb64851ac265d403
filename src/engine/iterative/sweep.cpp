#include "henderson/iterative/sweep.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "henderson/iterative/wide.hpp"

namespace henderson {
namespace iterative {

namespace {

// to[i, :] += block[i, b] * from[b, :]; block is rows x cols, column-major.
template <int M>
inline void add_block(const double* block, Index rows, Index cols, const double* from, Index m, double* to) {
  for (Index b = 0; b < cols; ++b)
    for (Index i = 0; i < rows; ++i) wide<M>(to + i * m, m) += block[i + b * rows] * wide<M>(from + b * m, m);
}

template <int M>
inline void add_transposed(const double* block, Index rows, Index cols, const double* from, Index m, double* to) {
  for (Index b = 0; b < cols; ++b)
    for (Index i = 0; i < rows; ++i) wide<M>(to + b * m, m) += block[i + b * rows] * wide<M>(from + i * m, m);
}

// What does not concern the leading factor: the part of Z_r'Z_r u.
template <int M>
void couple(const Pass& s, std::int64_t part, double* rest) {
  const Index m = M == Eigen::Dynamic ? s.m : M;
  const std::int64_t parts = s.pairs.parts();
  for (const OtherFactor& f : s.pairs.factors())
    for (Index l = f.levels * part / parts; l < f.levels * (part + 1) / parts; ++l) {
      const Index at = (f.first + l * f.q) * m;
      add_block<M>(f.own + l * f.q * f.q, f.q, f.q, s.u + at, m, rest + at);
    }
  for (const OtherPair& pair : s.pairs.couplings()) {
    const OtherFactor &g = s.pairs.factors()[pair.g], &h = s.pairs.factors()[pair.h];
    const PairBlocks& b = *pair.blocks;
    const std::int64_t count = static_cast<std::int64_t>(b.row.size());
    for (std::int64_t k = count * part / parts; k < count * (part + 1) / parts; ++k) {
      const Index i = (g.first + b.row[k] * g.q) * m, j = (h.first + b.col[k] * h.q) * m;
      const double* block = b.value.data() + k * g.q * h.q;
      add_block<M>(block, g.q, h.q, s.u + j, m, rest + i);
      add_transposed<M>(block, g.q, h.q, s.u + i, m, rest + j);
    }
  }
}

// One column in each factor: sums of a level stay in registers.
template <int M>
void sweep_single(const Pass& s, int part, double* rest, double* lead) {
  const Index m = M == Eigen::Dynamic ? s.m : M;
  Wide<M> a(m), c(m);
  for (Index l = s.pairs.part_begin(part); l < s.pairs.part_begin(part + 1); ++l) {
    a.setZero();
    const double* own = s.p != nullptr ? s.p + l * m : nullptr;
    if (s.u != nullptr)
      for (const OtherFactor& f : s.pairs.factors()) {
        const double* u = s.u + f.first * m;
        const std::int64_t end = f.start[l + 1];
        if (f.value == nullptr)
          for (std::int64_t e = f.start[l]; e < end; ++e) a += wide<M>(u + f.level[e] * m, m);
        else
          for (std::int64_t e = f.start[l]; e < end; ++e) a += f.value[e] * wide<M>(u + f.level[e] * m, m);
      }
    if (rest != nullptr) {
      c = -s.g[l] * a;
      if (own != nullptr) c += s.ft[l] * wide<M>(own, m);
      for (const OtherFactor& f : s.pairs.factors()) {
        double* to = rest + f.first * m;
        const std::int64_t end = f.start[l + 1];
        if (f.value == nullptr)
          for (std::int64_t e = f.start[l]; e < end; ++e) wide<M>(to + f.level[e] * m, m) += c;
        else
          for (std::int64_t e = f.start[l]; e < end; ++e) wide<M>(to + f.level[e] * m, m) += f.value[e] * c;
      }
    }
    if (lead == nullptr) continue;
    if (own != nullptr) a += s.pairs.lead_squares()[l] * wide<M>(own, m);
    wide<M>(lead + l * m, m) = s.ft[l] * a;
  }
}

template <int M>
void sweep_blocks(const Pass& s, int part, double* rest, double* lead) {
  const Index m = M == Eigen::Dynamic ? s.m : M, q = s.pairs.lead_q(), size = q * m;
  std::vector<double> a(size), c(size);
  const double one = 1;
  for (Index l = s.pairs.part_begin(part); l < s.pairs.part_begin(part + 1); ++l) {
    std::fill(a.begin(), a.end(), 0.0);
    const double* own = s.p != nullptr ? s.p + l * size : nullptr;
    if (s.u != nullptr)
      for (const OtherFactor& f : s.pairs.factors())
        for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e)
          add_block<M>(f.value == nullptr ? &one : f.value + e * q * f.q, q, f.q,
                       s.u + (f.first + f.level[e] * f.q) * m, m, a.data());
    if (rest != nullptr) {
      std::fill(c.begin(), c.end(), 0.0);
      for (Index j = 0; j < q; ++j)
        for (Index i = 0; i < q; ++i)
          wide<M>(c.data() + i * m, m) -= s.g[l * q * q + i + j * q] * wide<M>(a.data() + j * m, m);
      if (own != nullptr) add_transposed<M>(s.ft + l * q * q, q, q, own, m, c.data());
      for (const OtherFactor& f : s.pairs.factors())
        for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e)
          add_transposed<M>(f.value == nullptr ? &one : f.value + e * q * f.q, q, f.q, c.data(), m,
                            rest + (f.first + f.level[e] * f.q) * m);
    }
    if (lead == nullptr) continue;
    if (own != nullptr) add_block<M>(s.pairs.lead_squares().data() + l * q * q, q, q, own, m, a.data());
    std::fill(lead + l * size, lead + (l + 1) * size, 0.0);
    add_block<M>(s.ft + l * q * q, q, q, a.data(), m, lead + l * size);
  }
}

}  // namespace

void sweep_part(const Pass& s, int part, double* rest, double* lead) {
  with_width(s.m, [&](auto width) {
    constexpr int M = decltype(width)::value;
    if (rest != nullptr && s.u != nullptr) couple<M>(s, part, rest);
    if (s.pairs.single()) sweep_single<M>(s, part, rest, lead);
    else sweep_blocks<M>(s, part, rest, lead);
  });
}

}  // namespace iterative
}  // namespace henderson
