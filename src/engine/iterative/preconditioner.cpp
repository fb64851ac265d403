#include "henderson/iterative/preconditioner.hpp"

#include <cmath>
#include <utility>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

namespace {

// Sets of other factors that are connected by nesting.
std::vector<std::vector<std::size_t>> nested_sets(const Incidence& incidence) {
  const std::vector<OtherFactor>& factors = incidence.factors();
  std::vector<std::size_t> root(factors.size());
  for (std::size_t g = 0; g < root.size(); ++g) root[g] = g;
  for (const OtherPair& pair : incidence.couplings()) {
    const Index met = static_cast<Index>(pair.blocks->row.size());
    if (met != factors[pair.g].levels && met != factors[pair.h].levels) continue;
    const std::size_t from = root[pair.h], to = root[pair.g];
    for (std::size_t& r : root)
      if (r == from) r = to;
  }
  std::vector<std::vector<std::size_t>> out;
  for (std::size_t g = 0; g < root.size(); ++g) {
    std::vector<std::size_t> set;
    for (std::size_t h = 0; h < root.size(); ++h)
      if (root[h] == g) set.push_back(h);
    if (set.size() > 1) out.push_back(set);
  }
  return out;
}

}  // namespace

Preconditioner::Preconditioner(const Incidence& incidence, Checkpoint& checkpoint)
    : incidence_(incidence), checkpoint_(checkpoint) {
  for (std::vector<std::size_t>& set : nested_sets(incidence)) {
    Family family(incidence, std::move(set), checkpoint);
    if (family.sparse()) families_.push_back(std::move(family));
  }
  usable_.assign(families_.size(), false);
}

void Preconditioner::set(const Operator& c) {
  s_ = c.diagonal();
  inverse_.resize(s_.size());
  root_inverse_.resize(s_.size());
  diagonal_.resize(incidence_.columns());
  log_det_ = 0;
  for (std::size_t g = 0; g < s_.size(); ++g) set_blocks(c, g);
  for (std::size_t k = 0; k < families_.size(); ++k) usable_[k] = families_[k].set(c, diagonal_, checkpoint_);
}

void Preconditioner::set_blocks(const Operator& c, std::size_t factor) {
  const OtherFactor& f = incidence_.factors()[factor];
  const MatrixXd& lambda = c.lambda(factor);
  const Index q = f.q, size = q * q;
  inverse_[factor].resize(f.levels * size);
  root_inverse_[factor].resize(f.levels * size);
  for (Index l = 0; l < f.levels; ++l) {
    const Eigen::Map<const MatrixXd> s(s_[factor].data() + l * size, q, q);
    Eigen::Map<MatrixXd> inverse(inverse_[factor].data() + l * size, q, q),
        root(root_inverse_[factor].data() + l * size, q, q);
    if (q == 1) {
      const double m = 1 + lambda(0, 0) * s(0, 0) * lambda(0, 0);
      diagonal_[f.first + l] = m;
      inverse(0, 0) = 1 / m;
      root(0, 0) = 1 / std::sqrt(m);
      log_det_ += std::log(m);
      continue;
    }
    const MatrixXd m = MatrixXd::Identity(q, q) + lambda.transpose() * s * lambda;
    diagonal_.segment(f.first + l * q, q) = m.diagonal();
    const Eigen::LLT<MatrixXd> llt(m);
    root = llt.matrixL().solve(MatrixXd::Identity(q, q));
    inverse = root.transpose() * root;
    log_det_ += 2 * llt.matrixLLT().diagonal().array().log().sum();
  }
}

void Preconditioner::apply(const std::vector<std::vector<double>>& blocks, bool transposed, const Panel& r,
                           Panel& out) const {
  out.resize(r.rows(), r.cols());
  for (std::size_t g = 0; g < blocks.size(); ++g) {
    const OtherFactor& f = incidence_.factors()[g];
    const Index begin = f.first * r.cols();
    multiply_blocks(blocks[g].data(), f.q, f.levels, r.data() + begin, r.cols(), transposed, out.data() + begin);
  }
}

void Preconditioner::solve(const Panel& r, Panel& out) const {
  apply(inverse_, false, r, out);
  for (std::size_t k = 0; k < families_.size(); ++k)
    if (usable_[k]) families_[k].solve(r, out);
}

Panel Preconditioner::solve(const Panel& r) const {
  Panel out;
  solve(r, out);
  return out;
}

Panel Preconditioner::solve_diagonal(const Panel& r) const {
  Panel out;
  apply(inverse_, false, r, out);
  return out;
}

Panel Preconditioner::solve_root(const Panel& r, bool transposed) const {
  Panel out;
  apply(root_inverse_, transposed, r, out);
  return out;
}

std::vector<std::vector<double>> Preconditioner::scaled_inverse(const Operator& c) const {
  std::vector<std::vector<double>> out = inverse_;
  for (std::size_t g = 0; g < out.size(); ++g) {
    const Index q = incidence_.factors()[g].q;
    const MatrixXd& lambda = c.lambda(g);
    for (Index l = 0; l < incidence_.factors()[g].levels; ++l) {
      Eigen::Map<MatrixXd> block(out[g].data() + l * q * q, q, q);
      block = (lambda * block * lambda.transpose()).eval();
    }
  }
  return out;
}

}  // namespace iterative
}  // namespace henderson
