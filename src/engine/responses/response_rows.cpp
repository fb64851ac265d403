#include "henderson/responses/response_rows.hpp"

#include <cmath>
#include <limits>
#include <new>
#include <string>
#include <unordered_map>

namespace henderson {

const double* ManyResponses::weights_of(Index j) const {
  if (weights.cols() == 0) return nullptr;
  return weights.data() + (weights.cols() > 1 ? j * weights.rows() : 0);
}

// Bounds on magnitudes are those of check_magnitude() in R: squares must stay in the range of double precision.
Outcome first_look(const ManyResponses& all, Index j) {
  const double* y = all.design.y.data() + j * all.rows();
  const double* w = all.weights_of(j);
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  Index n = 0;
  bool infinite = false;
  for (Index i = 0; i < all.rows(); ++i) {
    if (std::isnan(y[i]) || (w != nullptr && !(w[i] > 0))) continue;
    ++n;
    infinite = infinite || std::isinf(y[i]);
    lowest = std::min(lowest, y[i]);
    highest = std::max(highest, y[i]);
  }
  if (n == 0) return Outcome::all_missing;
  if (infinite) return Outcome::infinite;
  if (!(lowest < highest)) return Outcome::constant;
  const double largest = std::max(std::abs(lowest), std::abs(highest));
  const double over = std::sqrt(std::numeric_limits<double>::max() / static_cast<double>(all.rows()));
  const double under = std::sqrt(std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon());
  return largest < over && largest > under ? Outcome::own : Outcome::magnitude;
}

std::vector<MissingPattern> find_patterns(const ManyResponses& all, const std::vector<int>& outcome) {
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<MissingPattern> out;
  for (Index j = 0; j < all.responses(); ++j) {
    if (outcome[j] != static_cast<int>(Outcome::own)) continue;
    const double* y = all.design.y.data() + j * all.rows();
    std::string key(all.rows(), '1');
    bool whole = true;
    for (Index i = 0; i < all.rows(); ++i)
      if (std::isnan(y[i])) {
        key[i] = '0';
        whole = false;
      }
    if (whole) key.clear();
    if (all.weights.cols() > 1) {
      key += 'w';
      key.append(reinterpret_cast<const char*>(all.weights_of(j)), all.rows() * sizeof(double));
    }
    const auto found = seen.emplace(key, out.size());
    if (found.second) {
      out.emplace_back();
      out.back().first = j;
      out.back().whole = whole;
    }
    out[found.first->second].members.push_back(j);
  }
  return out;
}

ResponseRows::ResponseRows(const Layout& layout, const ManyResponses& all, const MissingPattern& pattern,
                           const std::vector<Index>& members, Index width)
    : layout_(layout) {
  const double* y = all.design.y.data() + pattern.first * all.rows();
  const double* w = all.weights_of(pattern.first);
  std::vector<Index> rows;
  for (Index i = 0; i < all.rows(); ++i)
    if (!std::isnan(y[i])) rows.push_back(i);
  const Index n = static_cast<Index>(rows.size());
  y_ = MatrixXd::Zero(n, width);
  for (std::size_t k = 0; k < members.size(); ++k)
    for (Index i = 0; i < n; ++i) y_(i, k) = all.design.y(rows[i], members[k]);
  if (pattern.whole) {
    new (&chunk_.x) ConstMatrix(all.design.x.data(), n, all.design.x.cols());
    for (const ConstMatrix& z : all.design.z) chunk_.z.emplace_back(z.data(), n, z.cols());
    chunk_.code = all.design.code;
    chunk_.weight = w;
  } else {
    take_columns(layout, all, rows);
    if (w != nullptr) {
      weight_.resize(n);
      for (Index i = 0; i < n; ++i) weight_[i] = w[rows[i]];
      chunk_.weight = weight_.data();
    }
  }
  new (&chunk_.y) ConstMatrix(y_.data(), n, y_.cols());
}

void ResponseRows::take_columns(const Layout& layout, const ManyResponses& all, const std::vector<Index>& rows) {
  const Index n = static_cast<Index>(rows.size());
  const auto take = [&](const ConstMatrix& from) {
    MatrixXd out(n, from.cols());
    for (Index j = 0; j < from.cols(); ++j)
      for (Index i = 0; i < n; ++i) out(i, j) = from(rows[i], j);
    return out;
  };
  x_ = take(all.design.x);
  new (&chunk_.x) ConstMatrix(x_.data(), n, x_.cols());
  for (const ConstMatrix& z : all.design.z) z_.push_back(take(z));
  for (const MatrixXd& z : z_) chunk_.z.emplace_back(z.data(), n, z.cols());
  layout_ = Layout();
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    std::vector<int> number(layout.groups[g].levels, 0), code(n);
    for (Index i = 0; i < n; ++i) number[all.design.code[g][rows[i]] - 1] = 1;
    int levels = 0;
    for (int& k : number)
      if (k > 0) k = ++levels;
    for (Index i = 0; i < n; ++i) code[i] = number[all.design.code[g][rows[i]] - 1];
    layout_.add_group(levels);
    code_.push_back(std::move(code));
  }
  for (const auto& code : code_) chunk_.code.push_back(code.data());
  for (const Term& term : layout.terms) layout_.add_term(term.group, term.q, *term.structure);
  layout_.finish();
}

DesignChunk ResponseRows::chunk(Index) { return chunk_; }

}  // namespace henderson
