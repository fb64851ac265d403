#include "henderson/iterative/choice.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "henderson/likelihood/schur_complement.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {
namespace iterative {

namespace {

// Lists of whole numbers, one after another.
struct Lists {
  std::vector<std::int64_t> start;
  std::vector<int> value;
};

// Levels of the other factors in each leading level, or the reverse.
Lists meetings(const Layout& layout, const CrossProducts& data, const std::vector<std::int64_t>& first,
               std::int64_t nodes, bool by_node) {
  const std::int64_t lists = by_node ? nodes : layout.lead_levels();
  Lists out;
  out.start.assign(lists + 1, 0);
  const auto each = [&](const auto& body) {
    for (std::size_t g = 0; g < data.lead_rest.size(); ++g)
      for (std::size_t k = 0; k < data.lead_rest[g].row.size(); ++k) {
        const std::int64_t level = data.lead_rest[g].row[k], node = first[g] + data.lead_rest[g].col[k];
        body(by_node ? node : level, by_node ? level : node);
      }
  };
  each([&](std::int64_t list, std::int64_t) { ++out.start[list + 1]; });
  for (std::int64_t k = 0; k < lists; ++k) out.start[k + 1] += out.start[k];
  out.value.resize(out.start[lists]);
  std::vector<std::int64_t> next(out.start.begin(), out.start.end() - 1);
  each([&](std::int64_t list, std::int64_t value) { out.value[next[list]++] = static_cast<int>(value); });
  return out;
}

}  // namespace

bool pattern_is_dense(const Layout& layout, const CrossProducts& data, Checkpoint& checkpoint) {
  std::vector<std::int64_t> first;
  std::int64_t nodes = 0;
  for (const int g : layout.rest) {
    first.push_back(nodes);
    nodes += layout.groups[g].levels;
  }
  // A factor with so many entries in all takes at least their square over its columns.
  const double most = std::sqrt(kSparseWork * static_cast<double>(layout.rest_columns()));
  const Lists of_level = meetings(layout, data, first, nodes, false),
              of_node = meetings(layout, data, first, nodes, true);
  std::vector<std::int64_t> mark(nodes, -1);
  double entries = 0;
  for (std::int64_t j = 0; j < nodes; ++j) {
    for (std::int64_t s = of_node.start[j]; s < of_node.start[j + 1]; ++s) {
      const int level = of_node.value[s];
      for (std::int64_t e = of_level.start[level]; e < of_level.start[level + 1]; ++e) {
        const int i = of_level.value[e];
        if (i < j || mark[i] == j) continue;
        mark[i] = j;
        entries += 1;
      }
    }
    if (entries > most) return true;
    if (j % 256 == 0) checkpoint.check();
  }
  return false;
}

bool needs_iterations(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint) {
  const double q = static_cast<double>(layout.rest_columns());
  if (kDenseBytes * q * q <= memory_limit && kFactorizations * kDenseSecond * q * q * q <= kPatience) return false;
  if (pattern_is_dense(layout, data, checkpoint)) return true;
  try {
    const SchurComplement rest(layout, data, memory_limit, checkpoint);
    const double entries = static_cast<double>(rest.factor_entries());
    return rest.dense() || entries * entries / q > kSparseWork;
  } catch (const Error& error) {
    if (error.kind() == "memory") return true;
    throw;
  }
}

}  // namespace iterative
}  // namespace henderson
