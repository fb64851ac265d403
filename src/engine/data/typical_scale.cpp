#include "henderson/data/typical_scale.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

MatrixXd typical_scale(const LevelRoots& levels, double per_level) {
  const Index q = static_cast<Index>(levels.mixed.size());
  const double count = static_cast<double>(levels.r.size());
  MatrixXd scale = MatrixXd::Identity(q, q) / std::sqrt(per_level);
  for (int step = 0; step < 40; ++step) {
    MatrixXd sum = MatrixXd::Zero(q, q);
    double rank = 0;
    for (const MatrixXd& r : levels.r) {
      MatrixXd half = r * scale;
      rank += static_cast<double>((r.rowwise().squaredNorm().array() > 0).count());
      const Eigen::LLT<MatrixXd> h(MatrixXd::Identity(q, q) + half * half.transpose());
      h.matrixL().solveInPlace(half);
      sum.noalias() += half.transpose() * half;
    }
    if (!(rank > 0)) return MatrixXd();
    sum *= 2 / count * std::max(1.0, count * static_cast<double>(q) / rank);
    for (Index a = 0; a < q; ++a)
      for (Index b = 0; b < q; ++b)
        if (a != b && levels.mixed[a] != levels.mixed[b]) sum(a, b) = 0;
    const Eigen::LLT<MatrixXd> root(sum);
    if (root.info() != Eigen::Success || !sum.allFinite()) return MatrixXd();
    const VectorXd change = root.matrixLLT().diagonal();
    root.matrixU().solveInPlace<Eigen::OnTheRight>(scale);
    if (!scale.allFinite()) return MatrixXd();
    if (change.minCoeff() > 0.7 && change.maxCoeff() < 1.4) return scale * std::sqrt(per_level);
  }
  return MatrixXd();
}

std::vector<int> mixed_columns(const Layout& layout, const Group& group, bool apart) {
  std::vector<int> out;
  int next = 0;
  for (const int t : group.terms) {
    const bool together = !apart && layout.terms[t].structure->closed_under() == Closure::any;
    for (Index j = 0; j < layout.terms[t].q; ++j) out.push_back(together ? next : next++);
    ++next;
  }
  return out;
}

void TypicalScaling::run() {
  std::vector<MatrixXd> scale(layout_.groups.size());
  if (layout_.lead_q() > 0) scale[layout_.lead] = scale_of(layout_.lead, lead_roots());
  for (std::size_t g = 0; g < layout_.rest.size(); ++g)
    scale[layout_.rest[g]] = scale_of(layout_.rest[g], rest_roots(g));
  for (std::size_t g = 0; g < scale.size(); ++g)
    if (scale[g].size() > 0) apply(static_cast<int>(g), scale[g]);
}

LevelRoots TypicalScaling::lead_roots() const {
  LevelRoots out;
  const Index q = layout_.lead_q(), levels = layout_.lead_levels();
  out.mixed = mixed_columns(layout_, layout_.groups[layout_.lead], false);
  for (Index l = 0; l < levels; l += stride(levels))
    out.r.push_back(Eigen::Map<const MatrixXd>(data_.r.data() + l * q * q, q, q));
  return out;
}

LevelRoots TypicalScaling::rest_roots(std::size_t g) const {
  LevelRoots out;
  const Group& group = layout_.groups[layout_.rest[g]];
  const Index q = group.q;
  out.mixed = mixed_columns(layout_, group, true);
  for (Index l = 0; l < group.levels; l += stride(group.levels)) {
    const Eigen::Map<const MatrixXd> own(data_.rest[g][0].value.data() + l * q * q, q, q);
    out.r.push_back(own.diagonal().cwiseMax(0).cwiseSqrt().asDiagonal());
  }
  return out;
}

// Columns whose structure has one scale share the geometric mean of theirs; those that have none keep what they have.
static MatrixXd allowed_scale(const Layout& layout, const Group& group, MatrixXd scale) {
  for (const int t : group.terms) {
    const Term& term = layout.terms[t];
    const Closure closure = term.structure->closed_under();
    if (scale.size() == 0 || closure == Closure::any || closure == Closure::column_scales) continue;
    auto own = scale.block(term.column, term.column, term.q, term.q);
    const double mean = std::exp(own.diagonal().array().log().mean());
    own = (closure == Closure::none ? 1 : mean) * MatrixXd::Identity(term.q, term.q);
  }
  return scale;
}

MatrixXd TypicalScaling::scale_of(int g, const LevelRoots& roots) const {
  const double per_level = static_cast<double>(data_.n) / static_cast<double>(layout_.groups[g].levels);
  const MatrixXd out = allowed_scale(layout_, layout_.groups[g], typical_scale(roots, per_level));
  return out.size() > 0 && out.diagonal().maxCoeff() > kWorthwhile ? out : MatrixXd();
}

void TypicalScaling::apply(int group, const MatrixXd& scale) {
  for (const int t : layout_.groups[group].terms) {
    const Term& term = layout_.terms[t];
    data_.z_basis[t] = (data_.z_basis[t] * scale.block(term.column, term.column, term.q, term.q)).eval();
  }
  if (data_.rows.z.size() > 0) {
    Index first = 0;
    for (int g = 0; g < group; ++g) first += layout_.groups[g].q;
    auto own = data_.rows.z.middleCols(first, scale.rows());
    own = (own * scale).eval();
  }
  if (group == layout_.lead) {
    const Index q = layout_.lead_q();
    for (Index l = 0; l < layout_.lead_levels(); ++l) {
      Eigen::Map<MatrixXd> r(data_.r.data() + l * q * q, q, q);
      r = (r * scale).eval();
    }
    for (PairBlocks& pairs : data_.lead_rest) scale_blocks(pairs, &scale, nullptr);
    return;
  }
  const std::size_t g = std::find(layout_.rest.begin(), layout_.rest.end(), group) - layout_.rest.begin();
  scale_blocks(data_.lead_rest[g], nullptr, &scale);
  for (std::size_t h = 0; h < g; ++h) scale_blocks(data_.rest[h][g - h], nullptr, &scale);
  for (std::size_t h = g; h < layout_.rest.size(); ++h)
    scale_blocks(data_.rest[g][h - g], &scale, h == g ? &scale : nullptr);
  Index first = 0;
  for (std::size_t h = 0; h < g; ++h)
    first += layout_.groups[layout_.rest[h]].levels * layout_.groups[layout_.rest[h]].q;
  const Index q = scale.rows();
  for (Index l = 0; l < layout_.groups[group].levels; ++l) {
    data_.rest_x.middleRows(first + l * q, q) = (scale.transpose() * data_.rest_x.middleRows(first + l * q, q)).eval();
    data_.rest_y.middleRows(first + l * q, q) = (scale.transpose() * data_.rest_y.middleRows(first + l * q, q)).eval();
  }
}

void TypicalScaling::scale_blocks(PairBlocks& pairs, const MatrixXd* left, const MatrixXd* right) {
  const Index size = pairs.rows * pairs.cols;
  for (std::size_t k = 0; k < pairs.row.size(); ++k) {
    Eigen::Map<MatrixXd> block(pairs.value.data() + k * size, pairs.rows, pairs.cols);
    if (left != nullptr) block = (left->transpose() * block).eval();
    if (right != nullptr) block = (block * *right).eval();
  }
}

}  // namespace henderson
