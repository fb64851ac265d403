#include "henderson/structured/random_sums.hpp"

#include <map>
#include <utility>

namespace henderson {

MatrixXd RandomSums::directed(const RandomDirection& e, const MatrixXd& rows) const {
  MatrixXd out = MatrixXd::Zero(rows.rows(), rows.cols());
  for (const UnitLevel& l : unit_.levels)
    if (l.group == e.group) out.middleRows(l.first, e.e.rows()).noalias() = e.e * rows.middleRows(l.first, e.e.rows());
  return out;
}

void RandomSums::add(const MatrixXd& g, const MatrixXd& gx) {
  for (const UnitLevel& l : unit_.levels) {
    const Index q = pr_.layout.groups[l.group].q;
    out_.level_t[l.group] += unit_.multiplicity * g.block(l.first, l.first, q, q);
  }
  add_vectors([&](const MatrixXd& rows) { return MatrixXd(g * rows); }, gx);
  if (unit_.sparse)
    add_many_traces(g);
  else
    add_traces(g);
}

void RandomSums::add_average(const std::vector<MatrixXd>& blocks, const Times& times, const MatrixXd& gx) {
  for (std::size_t k = 0; k < blocks.size(); ++k) out_.level_t[k] += unit_.multiplicity * blocks[k];
  for (std::size_t i = 0; i < random_.size(); ++i)
    out_.t[static_cast<Index>(i)] +=
        unit_.multiplicity * random_[i].e.cwiseProduct(blocks[random_[i].group].transpose()).sum();
  add_vectors(times, gx);
}

void RandomSums::add_vectors(const Times& times, const MatrixXd& gx) {
  const Index u = static_cast<Index>(random_.size()), p = pr_.p;
  for (const UnitLevel& l : unit_.levels) {
    const Index q = pr_.layout.groups[l.group].q;
    const auto x = gx.block(l.first, 0, q, p);
    const auto e = gx.block(l.first, p, q, 1);
    out_.level_x[l.group] += x * x.transpose();
    out_.level_e[l.group] += e * e.transpose();
  }
  ex_.resize(random_.size());
  for (Index i = 0; i < u; ++i) {
    ex_[i] = directed(random_[i], gx);
    const MatrixXd a = gx.transpose() * ex_[i];
    out_.a_xx[i] += a.topLeftCorner(p, p);
    out_.a_xe.col(i) += a.col(p).head(p);
    out_.a_ee[i] += a(p, p);
  }
  for (Index i = 0; i < u; ++i) {
    const MatrixXd gex = times(ex_[i]);
    for (Index j = 0; j <= i; ++j) {
      const MatrixXd pair = gex.transpose() * ex_[j];
      out_.x_two(i, j) += pair.topLeftCorner(p, p).trace();
      out_.e_two(i, j) += pair(p, p);
      if (full_) out_.add_full(i, j, pair.topLeftCorner(p, p));
    }
  }
}

void RandomSums::add_residual(Index r, const MatrixXd& z_xe, const std::vector<MatrixXd>& blocks) {
  const Index u = static_cast<Index>(random_.size()), p = pr_.p;
  for (Index i = 0; i < u; ++i) {
    out_.x_two(u + r, i) += z_xe.leftCols(p).cwiseProduct(ex_[i].leftCols(p)).sum();
    out_.e_two(u + r, i) += z_xe.col(p).dot(ex_[i].col(p));
    if (!blocks.empty())
      out_.t_two(u + r, i) +=
          unit_.multiplicity * random_[i].e.cwiseProduct(blocks[random_[i].group].transpose()).sum();
    if (full_) out_.add_full(u + r, i, z_xe.leftCols(p).transpose() * ex_[i].leftCols(p));
  }
}

void RandomSums::add_traces(const MatrixXd& g) {
  const Index u = static_cast<Index>(random_.size());
  std::vector<MatrixXd> eg(random_.size());
  for (Index i = 0; i < u; ++i) {
    eg[i] = directed(random_[i], g);
    out_.t[i] += unit_.multiplicity * eg[i].trace();
    for (Index j = 0; j <= i; ++j)
      out_.t_two(i, j) += unit_.multiplicity * eg[i].cwiseProduct(eg[j].transpose()).sum();
  }
}

// tr((I x E_i) G (I x E_j) G) from the products of the blocks of G, which are summed once for all directions.
void RandomSums::add_many_traces(const MatrixXd& g) {
  std::vector<MatrixXd> diagonal(pr_.layout.groups.size());
  for (std::size_t k = 0; k < diagonal.size(); ++k)
    diagonal[k] = MatrixXd::Zero(pr_.layout.groups[k].q, pr_.layout.groups[k].q);
  for (const UnitLevel& l : unit_.levels)
    diagonal[l.group] += g.block(l.first, l.first, diagonal[l.group].rows(), diagonal[l.group].rows());
  std::map<std::pair<int, int>, MatrixXd> products;
  for (std::size_t i = 0; i < random_.size(); ++i) {
    const RandomDirection& a = random_[i];
    out_.t[static_cast<Index>(i)] += unit_.multiplicity * a.e.cwiseProduct(diagonal[a.group].transpose()).sum();
    for (std::size_t j = 0; j <= i; ++j) {
      const RandomDirection& b = random_[j];
      MatrixXd& own = products[{a.group, b.group}];
      if (own.size() == 0) own = level_products(g, a.group, b.group);
      double sum = 0;
      for (Index r = 0; r < a.e.rows(); ++r)
        for (Index s = 0; s < a.e.rows(); ++s)
          for (Index c = 0; c < b.e.rows(); ++c)
            for (Index d = 0; d < b.e.rows(); ++d)
              sum += a.e(r, s) * own(s + a.e.rows() * r, c + b.e.rows() * d) * b.e(c, d);
      out_.t_two(static_cast<Index>(i), static_cast<Index>(j)) += unit_.multiplicity * sum;
    }
  }
}

MatrixXd RandomSums::level_products(const MatrixXd& g, int first, int second) const {
  const Index q = pr_.layout.groups[first].q, r = pr_.layout.groups[second].q;
  MatrixXd out = MatrixXd::Zero(q * q, r * r);
  for (const UnitLevel& m : unit_.levels) {
    if (m.group != second) continue;
    for (const UnitLevel& l : unit_.levels) {
      if (l.group != first) continue;
      for (Index d = 0; d < r; ++d)
        for (Index c = 0; c < r; ++c)
          for (Index a = 0; a < q; ++a)
            for (Index b = 0; b < q; ++b)
              out(b + q * a, c + r * d) += g(l.first + b, m.first + c) * g(l.first + a, m.first + d);
    }
  }
  return out;
}

}  // namespace henderson
