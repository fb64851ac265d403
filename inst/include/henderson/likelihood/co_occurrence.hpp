// Which levels of the leading factor meet which levels of the others, and T_r where they do.
#ifndef HENDERSON_LIKELIHOOD_CO_OCCURRENCE_HPP
#define HENDERSON_LIKELIHOOD_CO_OCCURRENCE_HPP

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "henderson/likelihood/elimination_order.hpp"
#include "henderson/likelihood/leading.hpp"

namespace henderson {

class CoOccurrence {
 public:
  CoOccurrence() = default;
  CoOccurrence(const Layout& layout, const CrossProducts& data, Checkpoint& checkpoint);

  Index columns() const { return columns_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Index>& position() const { return position_; }  // layout column -> column here

  // The part of one leading level in the other factors: nodes and T_r.
  Index level_begin(Index level) const { return level_start_[level]; }
  Index level_end(Index level) const { return level_start_[level + 1]; }
  const Node& entry_node(Index entry) const { return nodes_[entry_node_[entry]]; }
  Index entry_node_index(Index entry) const { return entry_node_[entry]; }
  const double* entry_value(Index entry) const { return t_.data() + entry_offset_[entry]; }
  std::int64_t entry_offset(Index entry) const { return entry_offset_[entry]; }
  Index entries() const { return static_cast<Index>(entry_node_.size()); }
  Index lead_q() const { return layout_->lead_q(); }
  const std::vector<double>& values() const { return t_; }

  // Per leading level: Y_r times the rows of b that the level meets; (levels * lead_q) x columns of b.
  MatrixXd gather(const std::vector<double>& y, const MatrixXd& b) const;

  // The transpose: sum over levels of Y_r' rows.
  MatrixXd gather_transposed(const std::vector<double>& y, const MatrixXd& rows) const;

 protected:
  // Row nodes that meet node j, j first: rows of data where both occur, or a leading level that both meet.
  SparsePattern node_pattern(const CrossProducts& data, double limit) const;

  // Levels that a known relationship joins; each pair is listed with the first of them.
  void add_relatives(std::vector<std::vector<Index>>& partner) const;

  void reorder(const std::vector<Index>& order);

  // Sort each level's entries, and list for each node the levels that meet it.
  void place_levels();

  Index node_of(std::size_t rest, std::int64_t level) const;

  const Layout* layout_ = nullptr;
  Checkpoint* checkpoint_ = nullptr;
  Index columns_ = 0;
  std::vector<Node> nodes_;
  std::vector<Index> position_;
  std::vector<Index> level_start_, entry_node_, entry_level_, node_start_, node_entry_;
  std::vector<std::int64_t> entry_offset_;
  std::vector<double> t_;

 private:
  void make_nodes();

  // Co-occurrence of leading levels with the other factors, in layout order.
  void read_levels(const CrossProducts& data);

  // T_r = Q'Z_r from Z_1'Z_r = R'T_r.
  void to_root_form(const CrossProducts& data);

  std::vector<Index> group_first_node_, node_rank_;
};

}  // namespace henderson

#endif
