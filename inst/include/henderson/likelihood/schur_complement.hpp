// The random effects of the other grouping factors: what is left after the leading one has been eliminated.
//
// C = Q + Lambda' S Lambda with S = Z_r' V_1^{-1} Z_r, V_1 = I + Z_1 Sigma_1 Z_1', and Q the precision between levels:
// that of a known relationship, for each of a level's columns, or the identity matrix. Everything here lives in the
// order of elimination; `position` leads from the layout's order to it.
#ifndef HENDERSON_LIKELIHOOD_SCHUR_COMPLEMENT_HPP
#define HENDERSON_LIKELIHOOD_SCHUR_COMPLEMENT_HPP

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <vector>

#include "henderson/data/cross_products.hpp"
#include "henderson/likelihood/co_occurrence.hpp"

namespace henderson {

class SchurComplement : public CoOccurrence {
 public:
  SchurComplement() = default;
  SchurComplement(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint);

  bool dense() const { return dense_; }
  std::int64_t factor_entries() const { return factor_entries_; }
  const MatrixXd& within_dense_columns() const { return s_d_; }  // Z_r'[X y] within levels
  const SparseCholesky& symbolic() const { return *symbolic_; }

  // Columns [first, first + q_j) of Lambda' S Lambda (rows >= first), into `work` (columns() x q_j).
  // `y` holds H^{-1/2} T_r in the layout of values(), already times Lambda.
  void columns_of(Index node, const std::vector<MatrixXd>& lambda, const std::vector<double>& y,
                  Eigen::Ref<MatrixXd> work) const;

  // Adds columns [first, first + q_j) of Q (rows >= first).
  void add_precision(Index node, Eigen::Ref<MatrixXd> work) const;

  // log |Q|.
  double log_det_precision() const;

  // First column of each level of a group.
  std::vector<Index> first_columns(int group) const;

  // S as one dense matrix.
  MatrixXd matrix(const std::vector<double>& y) const;

  // S B, with `y` = H^{-1/2} T_r (not times Lambda).
  MatrixXd multiply(const std::vector<double>& y, const MatrixXd& b) const;

 private:
  void choose_order(const CrossProducts& data, double limit);

  // S within leading levels: Z_r'Z_r - T_r'T_r, Z_r'[X y] - T_r'[T_x T_y]; a difference that is rounding is zero.
  void within(const CrossProducts& data);

 public:
  void set_response(const CrossProducts& data, Index response);

 private:
  Index largest_q() const;

  double* block_at(Index i, Index j);

  void add_rows(const PairBlocks& pairs, std::size_t g, std::size_t h, VectorXd& diagonal);

  // Adds Y_i' Y_j to the rows of each entry i of a level from its entry j on (they ascend), which has all of `work`.
  void add_products(Index entry, const std::vector<double>& y, Eigen::Ref<MatrixXd> work) const;

  // `work` is zero before and after; `seen` names the last node that met each node.
  void subtract_levels(Index j, const VectorXd& diagonal, MatrixXd& work, std::vector<Index>& seen);

  // The entries of Q from the diagonal of each node on, where its levels are related.
  struct Relatives {
    std::vector<std::int64_t> start;
    std::vector<Index> node;
    std::vector<double> value;
  };
  void place_precision();
  template <class Body>
  void each_relative(Index node, const Body& body) const;

 public:
  // Over the levels l, m of a group: the sum of I for l = m, less Q_lm M_ml for the q x q blocks
  // M_ml = block(first row, first column) of a symmetric matrix.
  template <class Block>
  MatrixXd less_precision_trace(int rest, Index q, const Block& block) const;

 private:
  Relatives relatives_;

  static constexpr double kRounding = 1e-13;
  bool dense_ = true;
  std::int64_t factor_entries_ = 0;
  MatrixXd s_dense_, s_d_;
  NodeBlocks s_sparse_;
  std::shared_ptr<SparseCholesky> symbolic_;
};

template <class Body>
void SchurComplement::each_relative(Index node, const Body& body) const {
  for (std::int64_t s = relatives_.start[node]; s < relatives_.start[node + 1]; ++s)
    body(nodes_[relatives_.node[s]], relatives_.value[s]);
}

template <class Block>
MatrixXd SchurComplement::less_precision_trace(int rest, Index q, const Block& block) const {
  MatrixXd out = MatrixXd::Zero(q, q);
  for (std::size_t j = 0; j < nodes_.size(); ++j) {
    const Node& own = nodes_[j];
    if (own.rest != rest) continue;
    each_relative(static_cast<Index>(j), [&](const Node& other, double value) {
      const MatrixXd m = block(other.first, own.first);
      if (other.first == own.first) out += MatrixXd::Identity(q, q) - value * m;
      else out -= value * (m + m.transpose());
    });
  }
  return out;
}

}  // namespace henderson

#endif
