#include "henderson/likelihood/elimination_order.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace henderson {

void refuse_memory(double bytes, double limit) {
  throw Error("memory", std::to_string(bytes) + ":" + std::to_string(limit));
}

SparsePattern permuted(const SparsePattern& lower, const std::vector<Index>& rank) {
  const Index n = lower.size();
  std::vector<std::vector<std::int64_t>> column(n);
  for (Index j = 0; j < n; ++j)
    for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) {
      const Index a = rank[lower.row[s]], b = rank[j];
      column[std::min(a, b)].push_back(std::max(a, b));
    }
  SparsePattern out;
  out.start.push_back(0);
  for (auto& rows : column) {
    std::sort(rows.begin(), rows.end());
    out.row.insert(out.row.end(), rows.begin(), rows.end());
    out.start.push_back(static_cast<std::int64_t>(out.row.size()));
  }
  return out;
}

SparsePattern expand(const std::vector<Node>& nodes, const SparsePattern& ordered, const std::vector<Index>& order) {
  std::vector<Index> first(order.size() + 1, 0);
  for (std::size_t k = 0; k < order.size(); ++k) first[k + 1] = first[k] + nodes[order[k]].q;
  SparsePattern out;
  out.start.push_back(0);
  for (std::size_t k = 0; k < order.size(); ++k)
    for (Index c = 0; c < nodes[order[k]].q; ++c) {
      for (std::int64_t s = ordered.start[k]; s < ordered.start[k + 1]; ++s) {
        const std::int64_t i = ordered.row[s];
        for (Index a = (i == static_cast<std::int64_t>(k) ? c : 0); a < nodes[order[i]].q; ++a) {
          out.row.push_back(first[i] + a);
        }
      }
      out.start.push_back(static_cast<std::int64_t>(out.row.size()));
    }
  return out;
}

EliminationOrder elimination_order(const std::vector<Node>& nodes, Index columns, const SparsePattern& pattern,
                                   double limit, Checkpoint& checkpoint) {
  EliminationOrder out;
  const double n = static_cast<double>(columns), count = static_cast<double>(nodes.size());
  const double dense_bytes = kDenseBytes * n * n, dense_work = n * n * n / 3;
  const bool dense_fits = dense_bytes < limit;
  if (dense_fits && static_cast<double>(pattern.row.size()) > 0.1 * count * count) return out;
  out.order = minimum_degree_order(pattern);
  std::vector<Index> rank(out.order.size());
  for (std::size_t k = 0; k < out.order.size(); ++k) rank[out.order[k]] = static_cast<Index>(k);
  out.nodes = permuted(pattern, rank);
  out.scalar = expand(nodes, out.nodes, out.order);
  const double most_work = dense_fits ? std::min(kMostSparseWork, dense_work / kSparsePenalty) : kMostSparseWork;
  const FactorSize size = EliminationTree(out.scalar).size(limit / kSparseBytes, most_work, checkpoint);
  out.dense = size.exceeded;
  out.entries = size.entries;
  if (size.exceeded && !dense_fits) refuse_memory(dense_bytes, limit);
  return out;
}

}  // namespace henderson
