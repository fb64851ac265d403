#include "henderson/iterative/operator.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cstdint>
#include <string>

#include "henderson/iterative/sweep.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

namespace {

constexpr double kLargestRatio = 1e10;

// to += n'g n, n of q rows and k columns.
void add_within(const double* n, const double* g, Index q, Index k, double sign, double* to) {
  for (Index d = 0; d < k; ++d)
    for (Index b = 0; b < q; ++b) {
      double gn = 0;
      for (Index a = 0; a < q; ++a) gn += g[a + b * q] * n[a + d * q];
      for (Index c = 0; c < k; ++c) to[c + d * k] += sign * n[b + c * q] * gn;
    }
}

// to += n d n'.
void add_across(const double* n, const double* d, Index q, Index k, double* to) {
  for (Index b = 0; b < q; ++b)
    for (Index c = 0; c < k; ++c) {
      double dn = 0;
      for (Index e = 0; e < k; ++e) dn += d[c + e * k] * n[b + e * q];
      for (Index a = 0; a < q; ++a) to[a + b * q] += n[a + c * q] * dn;
    }
}

constexpr double kOne = 1;

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

void Operator::scale(const Panel& v, bool transposed, Panel& out) const {
  const Index m = v.cols();
  out.resize(v.rows(), m);
  for (std::size_t g = 0; g < lambda_.size(); ++g) {
    const OtherFactor& f = pairs_.factors()[g];
    multiply_each(lambda_[g], transposed, v.data() + f.first * m, f.levels, m, out.data() + f.first * m);
  }
}

Panel Operator::scaled(const Panel& v, bool transposed) const {
  Panel out;
  scale(v, transposed, out);
  return out;
}

void Operator::multiply(const Panel& v, Panel& out) const {
  scale(v, false, scaled_);
  sweep(&scaled_, nullptr, &out, nullptr);
  scale(out, true, scaled_);
  out = scaled_ + v;
}

Panel Operator::multiply(const Panel& v) const {
  Panel out;
  multiply(v, out);
  return out;
}

// In panels of a width that the passes know, the last one filled up.
void Operator::sweep(const Panel* u, const Panel* p, Panel* rest, Panel* lead) const {
  const Index m = u != nullptr ? u->cols() : p->cols();
  if (m == 1 || m == 2 || m == 4 || m == 8 || m == 16) return sweep_panel(u, p, rest, lead);
  if (rest != nullptr) rest->resize(pairs_.columns(), m);
  if (lead != nullptr) lead->resize(pairs_.lead_levels() * pairs_.lead_q(), m);
  Panel own_u, own_p, own_rest, own_lead;
  for (Index at = 0; at < m; at += 16) {
    const Index used = std::min<Index>(16, m - at);
    Index width = 1;
    while (width < used) width *= 2;
    const auto part = [&](const Panel* from, Panel& to) -> const Panel* {
      if (from == nullptr) return nullptr;
      to.setZero(from->rows(), width);
      to.leftCols(used) = from->middleCols(at, used);
      return &to;
    };
    sweep_panel(part(u, own_u), part(p, own_p), rest != nullptr ? &own_rest : nullptr,
                lead != nullptr ? &own_lead : nullptr);
    if (rest != nullptr) rest->middleCols(at, used) = own_rest.leftCols(used);
    if (lead != nullptr) lead->middleCols(at, used) = own_lead.leftCols(used);
  }
}

void Operator::sweep_panel(const Panel* u, const Panel* p, Panel* rest, Panel* lead) const {
  const Index m = u != nullptr ? u->cols() : p->cols();
  const Pass pass{pairs_, g_.data(), ft_.data(), u != nullptr ? u->data() : nullptr, p != nullptr ? p->data() : nullptr,
                  m};
  const int parts = pairs_.parts();
  if (rest != nullptr) rest->setZero(pairs_.columns(), m);
  if (lead != nullptr) lead->resize(pairs_.lead_levels() * pairs_.lead_q(), m);
  if (rest != nullptr) buffer_.resize(parts - 1);
  const int threads = pairs_.pairs() * m > 500000 ? threads_ : 1;
  run_parts(parts, threads, [&](int k) {
    if (rest != nullptr && k > 0) buffer_[k - 1].setZero(pairs_.columns(), m);
    double* own = rest == nullptr ? nullptr : k == 0 ? rest->data() : buffer_[k - 1].data();
    sweep_part(pass, k, own, lead == nullptr ? nullptr : lead->data());
  });
  if (rest != nullptr)
    run_parts(parts, threads, [&](int k) {
      const Index begin = rest->size() * k / parts, size = rest->size() * (k + 1) / parts - begin;
      Eigen::Map<VectorXd> sum(rest->data() + begin, size);
      for (const Panel& other : buffer_) sum += Eigen::Map<const VectorXd>(other.data() + begin, size);
    });
  checkpoint_.check();
}

Panel Operator::times_lead(const Panel& p) const {
  Panel out(p.rows(), p.cols());
  multiply_blocks(ft_.data(), pairs_.lead_q(), pairs_.lead_levels(), p.data(), p.cols(), false, out.data());
  return out;
}

std::vector<std::vector<double>> Operator::diagonal() const {
  const Index q = pairs_.lead_q();
  std::vector<std::vector<double>> out;
  for (const OtherFactor& f : pairs_.factors()) {
    out.emplace_back(f.own, f.own + f.levels * f.q * f.q);
    for (Index l = 0; l < pairs_.lead_levels(); ++l)
      for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e)
        add_within(f.value == nullptr ? &kOne : f.value + e * q * f.q, g_.data() + l * q * q, q, f.q, -1,
                   out.back().data() + f.level[e] * f.q * f.q);
    checkpoint_.check();
  }
  return out;
}

std::vector<double> Operator::between(const std::vector<std::vector<double>>& blocks) const {
  const Index q = pairs_.lead_q();
  std::vector<double> out(pairs_.lead_levels() * q * q, 0.0);
  for (std::size_t g = 0; g < blocks.size(); ++g) {
    const OtherFactor& f = pairs_.factors()[g];
    run_parts(pairs_.parts(), threads_, [&](int part) {
      for (Index l = pairs_.part_begin(part); l < pairs_.part_begin(part + 1); ++l)
        for (std::int64_t e = f.start[l]; e < f.start[l + 1]; ++e)
          add_across(f.value == nullptr ? &kOne : f.value + e * q * f.q, blocks[g].data() + f.level[e] * f.q * f.q, q,
                     f.q, out.data() + l * q * q);
    });
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
