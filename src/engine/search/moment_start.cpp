#include "henderson/search/moment_start.hpp"

#include <vector>

namespace henderson {

MomentStart::MomentStart(const Layout& layout, const CrossProducts& data, Index response)
    : layout_(layout), data_(data) {
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    first_.push_back(columns_);
    columns_ += layout.groups[g].levels * layout.groups[g].q;
  }
  const Index q = layout.lead_q();
  u_.resize(columns_, data.p());
  zy_.resize(columns_);
  lead_ = MatrixXd(layout.lead_levels() * q, q);
  for (Index l = 0; l < layout.lead_levels(); ++l) {
    const Eigen::Map<const MatrixXd> r(data.r.data() + l * q * q, q, q);
    const Index at = first_[layout.lead] + l * q;
    u_.middleRows(at, q).noalias() = r.transpose() * data.t_x.middleRows(l * q, q);
    zy_.segment(at, q).noalias() = r.transpose() * data.t_y.col(response).segment(l * q, q);
    lead_.middleRows(l * q, q).noalias() = r.transpose() * r;
  }
  Index offset = 0;
  for (const int g : layout.rest) {
    const Index size = layout.groups[g].levels * layout.groups[g].q;
    u_.middleRows(first_[g], size) = data.rest_x.middleRows(offset, size);
    zy_.segment(first_[g], size) = data.rest_y.col(response).segment(offset, size);
    offset += size;
  }
}

MomentEquations MomentStart::equations(const std::vector<Direction>& directions, Index n, double total) const {
  const Index k = static_cast<Index>(directions.size());
  MomentEquations out;
  MatrixXd& information = out.evidence.information;
  information = MatrixXd::Zero(k + 1, k + 1);
  out.right.resize(k + 1);
  std::vector<MatrixXd> eu(k), aeu(k), inner(k);
  for (Index i = 0; i < k; ++i) {
    eu[i] = directed(directions[i], u_);
    aeu[i] = multiply(eu[i]);
    inner[i] = u_.transpose() * eu[i];
    out.right[i] = zy_.dot(directed(directions[i], zy_).col(0));
    information(i, k) = information(k, i) = block_trace(directions[i]) - inner[i].trace();
  }
  add_block_products(directions, information);
  out.evidence.whole = information.diagonal();
  for (Index i = 0; i < k; ++i)
    for (Index j = 0; j <= i; ++j) {
      double& t = information(i, j);
      t += inner[i].cwiseProduct(inner[j].transpose()).sum() - 2 * eu[i].cwiseProduct(aeu[j]).sum();
      information(j, i) = t;
    }
  information(k, k) = static_cast<double>(n - data_.p());
  out.evidence.whole[k] = static_cast<double>(n);
  out.right[k] = total;
  return out;
}

template <class Body>
void MomentStart::for_each_block(const Body& body) const {
  const Index q = layout_.lead_q();
  for (Index l = 0; l < layout_.lead_levels(); ++l) {
    body(layout_.lead, layout_.lead, l, l, MatrixXd(lead_.middleRows(l * q, q)));
  }
  for (std::size_t g = 0; g < layout_.rest.size(); ++g) {
    each_pair(data_.lead_rest[g], layout_.lead, layout_.rest[g], body);
    for (std::size_t h = g; h < layout_.rest.size(); ++h) {
      each_pair(data_.rest[g][h - g], layout_.rest[g], layout_.rest[h], body);
    }
  }
}

template <class Body>
void MomentStart::each_pair(const PairBlocks& pairs, int g, int h, const Body& body) {
  const Index size = pairs.rows * pairs.cols;
  for (std::size_t k = 0; k < pairs.row.size(); ++k) {
    body(g, h, static_cast<Index>(pairs.row[k]), static_cast<Index>(pairs.col[k]),
         Eigen::Map<const MatrixXd>(pairs.value.data() + k * size, pairs.rows, pairs.cols));
  }
}

MatrixXd MomentStart::directed(const Direction& d, const MatrixXd& rows) const {
  MatrixXd out = MatrixXd::Zero(rows.rows(), rows.cols());
  const Group& g = layout_.groups[d.group];
  for (Index l = 0; l < g.levels; ++l) {
    const Index at = first_[d.group] + l * g.q;
    out.middleRows(at, g.q).noalias() = d.e * rows.middleRows(at, g.q);
  }
  return out;
}

MatrixXd MomentStart::multiply(const MatrixXd& b) const {
  MatrixXd out = MatrixXd::Zero(b.rows(), b.cols());
  for_each_block([&](int g, int h, Index l, Index m, const auto& block) {
    const Index i = first_[g] + l * block.rows(), j = first_[h] + m * block.cols();
    out.middleRows(i, block.rows()).noalias() += block * b.middleRows(j, block.cols());
    if (i != j) out.middleRows(j, block.cols()).noalias() += block.transpose() * b.middleRows(i, block.rows());
  });
  return out;
}

double MomentStart::block_trace(const Direction& d) const {
  double sum = 0;
  for_each_block([&](int g, int h, Index l, Index m, const auto& block) {
    if (g == d.group && h == d.group && l == m) sum += block.cwiseProduct(d.e).sum();
  });
  return sum;
}

void MomentStart::add_block_products(const std::vector<Direction>& directions, MatrixXd& t) const {
  for_each_block([&](int g, int h, Index l, Index m, const auto& block) {
    const bool diagonal = g == h && l == m;
    for (std::size_t i = 0; i < directions.size(); ++i) {
      if (directions[i].group != g && directions[i].group != h) continue;
      for (std::size_t j = 0; j <= i; ++j) {
        const bool here = directions[i].group == g && directions[j].group == h;
        const bool there = directions[i].group == h && directions[j].group == g;
        if (!here && !there) continue;
        const MatrixXd& left = directions[here ? i : j].e;
        const MatrixXd& right = directions[here ? j : i].e;
        // E_i A E_j A', and its mirror where the two levels differ but the factor is the same.
        const double value = (left * block * right).cwiseProduct(block).sum();
        t(i, j) += diagonal || g != h ? value : 2 * value;
      }
    }
  });
}

}  // namespace henderson
