#include "henderson/iterative/operator.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cstdint>
#include <string>

#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

namespace {

constexpr double kLargestRatio = 1e10;

// to[i, :] += block[i, b] * from[b, :]; block is rows x cols, column-major.
template <int M>
inline void add_block(const double* block, Index rows, Index cols, const double* from, Index m, double* to) {
  const Index width = M > 0 ? M : m;
  for (Index b = 0; b < cols; ++b)
    for (Index i = 0; i < rows; ++i) {
      const double value = block[i + b * rows];
      for (Index k = 0; k < width; ++k) to[i * width + k] += value * from[b * width + k];
    }
}

template <int M>
inline void add_transposed(const double* block, Index rows, Index cols, const double* from, Index m, double* to) {
  const Index width = M > 0 ? M : m;
  for (Index b = 0; b < cols; ++b)
    for (Index i = 0; i < rows; ++i) {
      const double value = block[i + b * rows];
      for (Index k = 0; k < width; ++k) to[b * width + k] += value * from[i * width + k];
    }
}

template <int M>
inline void gather(const OtherFactor& f, Index l, Index q, const double* u, Index m, double* a) {
  const Index width = M > 0 ? M : m;
  for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e) {
    const double* from = u + (f.first + f.level[e] * f.q) * width;
    if (f.value == nullptr) {
      for (Index k = 0; k < width; ++k) a[k] += from[k];
    } else {
      add_block<M>(f.value + e * q * f.q, q, f.q, from, m, a);
    }
  }
}

template <int M>
inline void scatter(const OtherFactor& f, Index l, Index q, const double* c, Index m, double* rest) {
  const Index width = M > 0 ? M : m;
  for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e) {
    double* to = rest + (f.first + f.level[e] * f.q) * width;
    if (f.value == nullptr) {
      for (Index k = 0; k < width; ++k) to[k] += c[k];
    } else {
      add_transposed<M>(f.value + e * q * f.q, q, f.q, c, m, to);
    }
  }
}

}  // namespace

void Operator::set(const Layout& layout, const std::vector<MatrixXd>& factor) {
  lambda_.clear();
  for (const OtherFactor& f : pairs_.factors()) lambda_.push_back(factor[f.group]);
  const Index q = pairs_.lead_q();
  const MatrixXd sigma = factor[layout.lead] * factor[layout.lead].transpose();
  g_.resize(pairs_.lead_levels() * q * q);
  ft_.resize(g_.size());
  for (Index l = 0; l < pairs_.lead_levels(); ++l) set_level(l, sigma);
}

void Operator::set_level(Index l, const MatrixXd& sigma) {
  const Index q = pairs_.lead_q();
  const double* a = pairs_.lead_squares().data() + l * q * q;
  double *g = g_.data() + l * q * q, *ft = ft_.data() + l * q * q;
  double ratio = 0;
  if (q == 1) {
    ratio = a[0] * sigma(0, 0);
    ft[0] = 1 / (1 + ratio);
    g[0] = sigma(0, 0) * ft[0];
  } else {
    const MatrixXd as = Eigen::Map<const MatrixXd>(a, q, q) * sigma;
    ratio = as.cwiseAbs().maxCoeff();
    Eigen::Map<MatrixXd> f(ft, q, q);
    f = (MatrixXd::Identity(q, q) + as).partialPivLu().inverse();
    const MatrixXd product = sigma * f;
    Eigen::Map<MatrixXd>(g, q, q) = 0.5 * (product + product.transpose());
  }
  if (!(ratio < kLargestRatio)) throw Error("iterative_ratio", std::to_string(ratio));
}

Panel Operator::scaled(const Panel& v, bool transposed) const {
  const Index m = v.cols();
  Panel out = Panel::Zero(v.rows(), m);
  for (std::size_t g = 0; g < lambda_.size(); ++g) {
    const OtherFactor& f = pairs_.factors()[g];
    for (Index l = 0; l < f.levels; ++l) {
      const Index at = (f.first + l * f.q) * m;
      if (transposed) {
        add_transposed<0>(lambda_[g].data(), f.q, f.q, v.data() + at, m, out.data() + at);
      } else {
        add_block<0>(lambda_[g].data(), f.q, f.q, v.data() + at, m, out.data() + at);
      }
    }
  }
  return out;
}

template <int M>
void Operator::couple_part(int part, const double* u, Index m, double* rest) const {
  const Index width = M > 0 ? M : m;
  const std::int64_t parts = pairs_.parts();
  for (const OtherFactor& f : pairs_.factors())
    for (Index l = f.levels * part / parts; l < f.levels * (part + 1) / parts; ++l) {
      const Index at = (f.first + l * f.q) * width;
      add_block<M>(f.own + l * f.q * f.q, f.q, f.q, u + at, m, rest + at);
    }
  for (const OtherPair& pair : pairs_.couplings()) {
    const OtherFactor &g = pairs_.factors()[pair.g], &h = pairs_.factors()[pair.h];
    const PairBlocks& b = *pair.blocks;
    const std::int64_t count = static_cast<std::int64_t>(b.row.size());
    for (std::int64_t k = count * part / parts; k < count * (part + 1) / parts; ++k) {
      const Index i = (g.first + b.row[k] * g.q) * width, j = (h.first + b.col[k] * h.q) * width;
      const double* block = b.value.data() + k * g.q * h.q;
      add_block<M>(block, g.q, h.q, u + j, m, rest + i);
      add_transposed<M>(block, g.q, h.q, u + i, m, rest + j);
    }
  }
}

template <int M>
void Operator::sweep_part(int part, const Panel* u, const Panel* p, double* rest, double* lead) const {
  const Index m = u != nullptr ? u->cols() : p->cols(), q = pairs_.lead_q(), width = M > 0 ? M : m, size = q * width;
  if (rest != nullptr && u != nullptr) couple_part<M>(part, u->data(), m, rest);
  std::vector<double> a(size), c(size);
  for (Index l = pairs_.part_begin(part); l < pairs_.part_begin(part + 1); ++l) {
    std::fill(a.begin(), a.end(), 0.0);
    if (u != nullptr)
      for (const OtherFactor& f : pairs_.factors()) gather<M>(f, l, q, u->data(), m, a.data());
    const double* own = p != nullptr ? p->data() + l * size : nullptr;
    if (rest != nullptr) {
      std::fill(c.begin(), c.end(), 0.0);
      const double* g = g_.data() + l * q * q;
      for (Index j = 0; j < q; ++j)
        for (Index i = 0; i < q; ++i)
          for (Index k = 0; k < width; ++k) c[i * width + k] -= g[i + j * q] * a[j * width + k];
      if (own != nullptr) add_transposed<M>(ft_.data() + l * q * q, q, q, own, m, c.data());
      for (const OtherFactor& f : pairs_.factors()) scatter<M>(f, l, q, c.data(), m, rest);
    }
    if (lead == nullptr) continue;
    if (own != nullptr) add_block<M>(pairs_.lead_squares().data() + l * q * q, q, q, own, m, a.data());
    add_block<M>(ft_.data() + l * q * q, q, q, a.data(), m, lead + l * size);
  }
}

void Operator::run_sweep(int part, const Panel* u, const Panel* p, double* rest, double* lead, Index m) const {
  switch (m) {
    case 1: return sweep_part<1>(part, u, p, rest, lead);
    case 2: return sweep_part<2>(part, u, p, rest, lead);
    case 4: return sweep_part<4>(part, u, p, rest, lead);
    case 8: return sweep_part<8>(part, u, p, rest, lead);
    case 16: return sweep_part<16>(part, u, p, rest, lead);
    default: return sweep_part<0>(part, u, p, rest, lead);
  }
}

void Operator::sweep(const Panel* u, const Panel* p, Panel* rest, Panel* lead) const {
  const Index m = u != nullptr ? u->cols() : p->cols();
  const int parts = pairs_.parts();
  if (rest != nullptr) rest->setZero(pairs_.columns(), m);
  if (lead != nullptr) lead->setZero(pairs_.lead_levels() * pairs_.lead_q(), m);
  if (rest != nullptr) buffer_.resize(parts - 1);
  const int threads = pairs_.pairs() * m > 500000 ? threads_ : 1;
  run_parts(parts, threads, [&](int k) {
    if (rest != nullptr && k > 0) buffer_[k - 1].setZero(pairs_.columns(), m);
    double* own = rest == nullptr ? nullptr : k == 0 ? rest->data() : buffer_[k - 1].data();
    run_sweep(k, u, p, own, lead == nullptr ? nullptr : lead->data(), m);
  });
  if (rest != nullptr)
    run_parts(parts, threads, [&](int k) {
      const Index begin = rest->size() * k / parts, end = rest->size() * (k + 1) / parts;
      for (const Panel& other : buffer_)
        for (Index i = begin; i < end; ++i) rest->data()[i] += other.data()[i];
    });
  checkpoint_.check();
}

Panel Operator::multiply(const Panel& v) const {
  const Panel u = scaled(v);
  Panel s;
  sweep(&u, nullptr, &s, nullptr);
  return scaled(s, true) + v;
}

Panel Operator::times_lead(const Panel& p) const {
  Panel out;
  multiply_blocks(ft_.data(), pairs_.lead_q(), pairs_.lead_levels(), p, false, out);
  return out;
}

Panel Operator::through_lead(const Panel& p) const {
  Panel out;
  multiply_blocks(g_.data(), pairs_.lead_q(), pairs_.lead_levels(), p, false, out);
  return out;
}

std::vector<std::vector<double>> Operator::diagonal() const {
  const Index q = pairs_.lead_q();
  std::vector<std::vector<double>> out;
  for (const OtherFactor& f : pairs_.factors()) {
    out.emplace_back(f.own, f.own + f.levels * f.q * f.q);
    MatrixXd product(q, f.q);
    for (Index l = 0; l < pairs_.lead_levels(); ++l) {
      const double* g = g_.data() + l * q * q;
      for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e) {
        double* to = out.back().data() + f.level[e] * f.q * f.q;
        if (q == 1 && f.q == 1) {
          const double n = f.value == nullptr ? 1 : f.value[e];
          to[0] -= n * g[0] * n;
          continue;
        }
        const Eigen::Map<const MatrixXd> n(f.value + e * q * f.q, q, f.q);
        product.noalias() = Eigen::Map<const MatrixXd>(g, q, q) * n;
        Eigen::Map<MatrixXd>(to, f.q, f.q).noalias() -= n.transpose() * product;
      }
    }
    checkpoint_.check();
  }
  return out;
}

std::vector<double> Operator::between(const std::vector<std::vector<double>>& blocks) const {
  const Index q = pairs_.lead_q();
  std::vector<double> out(pairs_.lead_levels() * q * q, 0.0);
  for (std::size_t g = 0; g < blocks.size(); ++g) {
    const OtherFactor& f = pairs_.factors()[g];
    for (Index l = 0; l < pairs_.lead_levels(); ++l) {
      Eigen::Map<MatrixXd> to(out.data() + l * q * q, q, q);
      for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e) {
        const double* d = blocks[g].data() + f.level[e] * f.q * f.q;
        if (q == 1 && f.q == 1) {
          const double n = f.value == nullptr ? 1 : f.value[e];
          to(0, 0) += n * n * d[0];
          continue;
        }
        const Eigen::Map<const MatrixXd> n(f.value + e * q * f.q, q, f.q);
        to += n * Eigen::Map<const MatrixXd>(d, f.q, f.q) * n.transpose();
      }
    }
    checkpoint_.check();
  }
  return out;
}

MatrixXd Operator::lead_sum(const std::vector<double>* blocks) const {
  const Index q = pairs_.lead_q();
  MatrixXd out = MatrixXd::Zero(q, q);
  const double* b = blocks == nullptr ? pairs_.lead_squares().data() : blocks->data();
  for (Index l = 0; l < pairs_.lead_levels(); ++l) {
    const Eigen::Map<const MatrixXd> ft(ft_.data() + l * q * q, q, q), block(b + l * q * q, q, q);
    if (blocks == nullptr) out.noalias() += ft * block;
    else out += ft * block * ft.transpose();
  }
  return out;
}

}  // namespace iterative
}  // namespace henderson
