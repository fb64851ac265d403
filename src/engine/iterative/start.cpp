#include "henderson/iterative/start.hpp"

#include <algorithm>
#include <cstdint>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/search/starts.hpp"

namespace henderson {
namespace iterative {

namespace {

// Adds tr(E_i B E_j B') of one block B of Z_g'Z_h to the traces of pairs of directions, `times` over.
class BlockProducts {
 public:
  BlockProducts(const std::vector<Direction>& directions, MatrixXd& out) : directions_(directions), out_(out) {}

  void choose(int g, int h) {
    chosen_.clear();
    for (std::size_t i = 0; i < directions_.size(); ++i)
      for (std::size_t j = 0; j < directions_.size(); ++j)
        if (directions_[i].group == g && directions_[j].group == h && (g != h || j <= i)) chosen_.push_back({i, j});
  }
  void add(const double* value, Index rows, Index cols) {
    const Eigen::Map<const MatrixXd> b(value, rows, cols);
    for (const auto& pair : chosen_) {
      const MatrixXd &left = directions_[pair.first].e, &right = directions_[pair.second].e;
      double sum = 0;
      if (rows == 1 && cols == 1) sum = left(0, 0) * right(0, 0) * value[0] * value[0];
      else sum = (left * b * right).cwiseProduct(b).sum();
      out_(std::max(pair.first, pair.second), std::min(pair.first, pair.second)) += sum;
    }
  }

 private:
  const std::vector<Direction>& directions_;
  MatrixXd& out_;
  std::vector<std::pair<std::size_t, std::size_t>> chosen_;
};

// tr(V_i V_j) in the lower triangle, and tr V_i.
void add_traces(const Model& model, const std::vector<Direction>& directions, MatrixXd& products, VectorXd& first) {
  const Incidence& in = model.incidence;
  BlockProducts sums(directions, products);
  const auto own = [&](int group, const double* blocks, Index q, Index levels) {
    sums.choose(group, group);
    for (Index l = 0; l < levels; ++l) {
      sums.add(blocks + l * q * q, q, q);
      const Eigen::Map<const MatrixXd> block(blocks + l * q * q, q, q);
      for (std::size_t i = 0; i < directions.size(); ++i)
        if (directions[i].group == group) first[i] += directions[i].e.cwiseProduct(block).sum();
    }
    model.c.checkpoint().check();
  };
  own(model.layout.lead, in.lead_squares().data(), in.lead_q(), in.lead_levels());
  const double one = 1;
  for (const OtherFactor& f : in.factors()) {
    own(f.group, f.own, f.q, f.levels);
    sums.choose(model.layout.lead, f.group);
    for (std::size_t e = 0; e < f.level.size(); ++e)
      sums.add(f.value == nullptr ? &one : f.value + e * in.lead_q() * f.q, in.lead_q(), f.q);
    model.c.checkpoint().check();
  }
  for (const OtherPair& pair : in.couplings()) {
    const PairBlocks& b = *pair.blocks;
    sums.choose(in.factors()[pair.g].group, in.factors()[pair.h].group);
    for (std::size_t k = 0; k < b.row.size(); ++k) sums.add(b.value.data() + k * b.rows * b.cols, b.rows, b.cols);
    model.c.checkpoint().check();
  }
}

MomentEquations equations(Model& model, const std::vector<Direction>& directions) {
  const Index k = static_cast<Index>(directions.size()), p = model.problem.p;
  std::vector<MatrixXd> zero;
  for (const Group& g : model.layout.groups) zero.push_back(MatrixXd::Zero(g.q, g.q));
  model.c.set(model.layout, zero);
  Panel pu, ru, rest, lead, py, ry;
  directed(model, directions, model.lead_d.leftCols(p), model.rest_d.leftCols(p), pu, ru);
  directed(model, directions, model.lead_d.col(p), model.rest_d.col(p), py, ry);
  MomentEquations out;
  out.evidence.information = MatrixXd::Zero(k + 1, k + 1);
  MatrixXd products = MatrixXd::Zero(k, k);
  VectorXd first = VectorXd::Zero(k);
  add_traces(model, directions, products, first);
  out.right.resize(k + 1);
  out.right.head(k) = (model.lead_d.col(p).transpose() * py + model.rest_d.col(p).transpose() * ry).transpose();
  out.right[k] = model.problem.total;
  MatrixXd inner(p, k * p), crossed(k * p, k * p);
  if (p > 0) {
    model.c.sweep(&ru, &pu, &rest, &lead);   // at Sigma = 0: Z'Z times the directed Z'X
    inner = model.lead_d.leftCols(p).transpose() * pu + model.rest_d.leftCols(p).transpose() * ru;
    crossed = pu.transpose() * lead + ru.transpose() * rest;
  }
  MatrixXd& information = out.evidence.information;
  out.evidence.whole.resize(k + 1);
  for (Index i = 0; i < k; ++i) {
    out.evidence.whole[i] = products(i, i);
    const MatrixXd own = inner.middleCols(i * p, p);
    information(i, k) = information(k, i) = first[i] - own.trace();
    for (Index j = 0; j <= i; ++j) {
      const double taken = own.cwiseProduct(inner.middleCols(j * p, p).transpose()).sum() -
                           2 * crossed.block(i * p, j * p, p, p).trace();
      information(i, j) = information(j, i) = products(i, j) + taken;
    }
  }
  information(k, k) = static_cast<double>(model.problem.n - p);
  out.evidence.whole[k] = static_cast<double>(model.problem.n);
  return out;
}

}  // namespace

Start find_start(Model& model) {
  Start out;
  out.theta = out.identity = identity_theta(model.layout);
  const std::vector<Direction> directions = natural_directions(model.layout, out.theta);
  const MomentEquations e = equations(model, directions);
  out.terms = confounded(model.layout, e.evidence);
  out.identified = out.terms.empty();
  if (!out.identified) return out;
  const double share = 0.05 * model.problem.total / static_cast<double>(model.problem.n);
  const VectorXd natural = e.evidence.information.ldlt().solve(e.right);
  out.theta = positive_definite_theta(model.layout, model.problem.n, natural, share);
  return out;
}

}  // namespace iterative
}  // namespace henderson
