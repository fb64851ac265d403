#include "henderson/structured/visit_sums.hpp"

#include "henderson/linalg/dense_cholesky.hpp"

namespace henderson {

namespace {

constexpr Index kBatch = 256;  // units whose products are summed together

// Entries of a direction that are not zero.
using Entries = std::vector<std::pair<Index, double>>;

double shared(Index a, Index b) { return a == b ? 0.5 : 1.0; }

}  // namespace

// Sums over the units of one group of places. D_e is the symmetric matrix with ones at entry e, U = R^{-1} [X e].
struct VisitForm::Tables {
  MatrixXd inverse, x, e;     // places x places: R^{-1} of all subjects, U_x U_x', U_e U_e'
  MatrixXd t_two, x_two, e_two;  // lower triangle over entries: tr(D_e R^{-1} D_f M), M the three of above
  MatrixXd gram;              // products of U at place a, column j (row a + places j)
};

// Adds one pattern after the other to the tables of its places.
class VisitForm::Collector {
 public:
  Collector(const Place& place, Index d, Checkpoint& checkpoint) : place_(place), d_(d), checkpoint_(checkpoint) {
    const Index n = place.size(), k = static_cast<Index>(place.entries.size());
    out_.inverse = out_.x = out_.e = MatrixXd::Zero(n, n);
    out_.t_two = out_.x_two = out_.e_two = MatrixXd::Zero(k, k);
    out_.gram = MatrixXd::Zero(n * d, n * d);
    batch_ = MatrixXd::Zero(n * d, kBatch);
  }

  void add(const Rows& rows, const MatrixXd& inverse, const MatrixXd& u) {
    const Index p = d_ - 1, t = inverse.rows();
    const auto x_rows = u.leftCols(p * rows.units);
    const auto e_rows = u.rightCols(rows.units);
    const MatrixXd x = x_rows * x_rows.transpose(), e = e_rows * e_rows.transpose();
    for (Index b = 0; b < t; ++b)
      for (Index a = 0; a < t; ++a) {
        out_.inverse(rows.at[a], rows.at[b]) += rows.count * inverse(a, b);
        out_.x(rows.at[a], rows.at[b]) += x(a, b);
        out_.e(rows.at[a], rows.at[b]) += e(a, b);
      }
    add_pairs(rows, inverse, x, e);
    add_products(rows, u);
  }

  Tables take() {
    flush();
    for (MatrixXd* m : {&out_.t_two, &out_.x_two, &out_.e_two, &out_.gram})
      m->triangularView<Eigen::StrictlyUpper>() = m->transpose();
    return std::move(out_);
  }

 private:
  void add_pairs(const Rows& rows, const MatrixXd& o, const MatrixXd& x, const MatrixXd& e) {
    const Index t = o.rows();
    for (Index b = 0; b < t; ++b)
      for (Index a = 0; a <= b; ++a) {
        const Index first = place_.entry(rows.at[a], rows.at[b]);
        const double half = shared(a, b);
        for (Index d = 0; d <= b; ++d)
          for (Index c = 0; c <= (d == b ? a : d); ++c) {
            const Index second = place_.entry(rows.at[c], rows.at[d]);
            const Index i = std::max(first, second), j = std::min(first, second);
            const double scale = half * shared(c, d), bc = o(b, c), bd = o(b, d), ac = o(a, c), ad = o(a, d);
            out_.t_two(i, j) += 2 * scale * rows.count * (bc * ad + bd * ac);
            out_.x_two(i, j) += scale * (bc * x(a, d) + bd * x(a, c) + ac * x(b, d) + ad * x(b, c));
            out_.e_two(i, j) += scale * (bc * e(a, d) + bd * e(a, c) + ac * e(b, d) + ad * e(b, c));
          }
      }
  }

  void add_products(const Rows& rows, const MatrixXd& u) {
    const Index t = u.rows(), n = place_.size();
    if (2 * t < n) {
      add_narrow(rows, u);
      return;
    }
    for (Index k = 0; k < rows.units; ++k) {
      if (used_ == kBatch) flush();
      for (Index j = 0; j < d_; ++j)
        for (Index a = 0; a < t; ++a) batch_(rows.at[a] + n * j, used_) = u(a, k + rows.units * j);
      ++used_;
    }
  }

  void add_narrow(const Rows& rows, const MatrixXd& u) {
    const Index t = u.rows(), n = place_.size();
    MatrixXd own(t * d_, rows.units);
    for (Index k = 0; k < rows.units; ++k)
      for (Index j = 0; j < d_; ++j) own.col(k).segment(t * j, t) = u.col(k + rows.units * j);
    const MatrixXd products = own * own.transpose();
    for (Index k = 0; k < d_; ++k)
      for (Index b = 0; b < t; ++b)
        for (Index j = k; j < d_; ++j)
          for (Index a = 0; a < t; ++a) {
            const Index row = rows.at[a] + n * j, col = rows.at[b] + n * k;
            if (row >= col) out_.gram(row, col) += products(a + t * j, b + t * k);
          }
  }

  void flush() {
    if (used_ == 0) return;
    const auto own = batch_.leftCols(used_);
    multiply_add_symmetric(out_.gram, 1, plain(own), transposed(own), used_, checkpoint_);
    batch_.leftCols(used_).setZero();
    used_ = 0;
  }

  const Place& place_;
  Index d_, used_ = 0;
  Checkpoint& checkpoint_;
  MatrixXd batch_;
  Tables out_;
};

StructuredSums VisitForm::sums(const ResidualModel& model, const StructuredPoint& at, bool tests,
                               Checkpoint& checkpoint) const {
  StructuredSums out;
  out.start(0, model.size(), d_ - 1);
  if (tests) out.r_full.assign(model.size() * (model.size() + 1) / 2, MatrixXd());
  const MatrixXd transform = standard_columns(at);
  MatrixXd inverse, u;
  for (const Place& place : places_) {
    SubjectMatrices s;
    model.fill(at.psi, place.group, place.positions, place.w, 2, s);
    Collector collector(place, d_, checkpoint);
    for (const Rows& rows : rows_) {
      if (rows.places != place.group) continue;
      checkpoint.check();
      solved(rows, s.m.r, transform, inverse, u);
      collector.add(rows, inverse, u);
    }
    contract(place, s, collector.take(), tests, out);
  }
  for (MatrixXd* m : {&out.t_two, &out.x_two, &out.e_two, &out.second_t, &out.second_x, &out.second_e})
    m->triangularView<Eigen::StrictlyUpper>() = m->transpose();
  return out;
}

namespace {

template <class Place>
Entries entries_of(const Place& place, const MatrixXd& m) {
  Entries out;
  for (std::size_t k = 0; k < place.entries.size(); ++k) {
    const double x = m(place.entries[k].first, place.entries[k].second);
    if (x != 0) out.emplace_back(static_cast<Index>(k), x);
  }
  return out;
}

double dot(const Entries& e, const VectorXd& x) {
  double out = 0;
  for (const auto& own : e) out += own.second * x[own.first];
  return out;
}

VectorXd combined(const Entries& e, const MatrixXd& table) {
  VectorXd out = VectorXd::Zero(table.rows());
  for (const auto& own : e) out += own.second * table.col(own.first);
  return out;
}

// U'D U for a direction D: columns x columns.
template <class Place>
MatrixXd form_of(const Place& place, const Entries& e, const MatrixXd& gram, Index d) {
  using Strided = Eigen::Map<const MatrixXd, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  const Index n = place.size();
  const Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic> stride(n * gram.rows(), n);
  MatrixXd out = MatrixXd::Zero(d, d);
  for (const auto& own : e) {
    const Index a = place.entries[own.first].first, b = place.entries[own.first].second;
    const Strided ab(gram.data() + a + b * gram.rows(), d, d, stride);
    out += own.second * ab;
    if (a != b) out += own.second * ab.transpose();
  }
  return out;
}

// A matrix over the places at their entries, both triangles counted.
template <class Place>
VectorXd at_entries(const Place& place, const MatrixXd& m) {
  VectorXd out(place.entries.size());
  for (Index k = 0; k < out.size(); ++k) {
    const auto& own = place.entries[static_cast<std::size_t>(k)];
    out[k] = (own.first == own.second ? 1 : 2) * m(own.first, own.second);
  }
  return out;
}

}  // namespace

void VisitForm::contract(const Place& place, const SubjectMatrices& s, const Tables& tables, bool tests,
                         StructuredSums& out) const {
  const Index p = d_ - 1;
  const VectorXd inverse = at_entries(place, tables.inverse);
  std::vector<Entries> e;
  for (const MatrixXd& d : s.m.d) e.push_back(entries_of(place, d));
  for (std::size_t i = 0; i < e.size(); ++i) {
    const Index a = s.active[i];
    const MatrixXd form = form_of(place, e[i], tables.gram, d_);
    out.t[a] += dot(e[i], inverse);
    out.a_xx[a] += form.topLeftCorner(p, p);
    out.a_xe.col(a) += form.col(p).head(p);
    out.a_ee[a] += form(p, p);
    const VectorXd t = combined(e[i], tables.t_two), own_x = combined(e[i], tables.x_two),
                   own_e = combined(e[i], tables.e_two);
    for (std::size_t j = 0; j <= i; ++j) {
      const Index row = std::max(a, s.active[j]), col = std::min(a, s.active[j]);
      out.t_two(row, col) += dot(e[j], t);
      out.x_two(row, col) += dot(e[j], own_x);
      out.e_two(row, col) += dot(e[j], own_e);
    }
  }
  contract_second(place, s, tables, tests, out);
}

void VisitForm::contract_second(const Place& place, const SubjectMatrices& s, const Tables& tables, bool tests,
                                StructuredSums& out) const {
  const Index count = static_cast<Index>(s.active.size()), p = d_ - 1;
  const VectorXd inverse = at_entries(place, tables.inverse), x = at_entries(place, tables.x),
                 e = at_entries(place, tables.e);
  for (Index i = 0; i < count; ++i)
    for (Index j = 0; j <= i; ++j) {
      const MatrixXd& m = s.m.second(i, j);
      if (m.size() == 0) continue;
      const Entries own = entries_of(place, m);
      const Index row = std::max(s.active[i], s.active[j]), col = std::min(s.active[i], s.active[j]);
      out.second_t(row, col) += dot(own, inverse);
      out.second_x(row, col) += dot(own, x);
      out.second_e(row, col) += dot(own, e);
      if (tests) out.add_second(row, col, form_of(place, own, tables.gram, d_).topLeftCorner(p, p));
    }
}

// Rows (a, d), columns (b, c): sum_ij W_ij E_i[a, b] E_j[c, d].
MatrixXd VisitForm::pair_weights(const std::vector<MatrixXd>& e, const MatrixXd& w) {
  const Index n = e[0].rows(), k = static_cast<Index>(e.size());
  MatrixXd out = MatrixXd::Zero(n * n, n * n);
  for (Index i = 0; i < k; ++i) {
    MatrixXd other = MatrixXd::Zero(n, n);
    for (Index j = 0; j < k; ++j)
      if (w(i, j) != 0) other += w(i, j) * e[static_cast<std::size_t>(j)];
    const MatrixXd& own = e[static_cast<std::size_t>(i)];
    for (Index b = 0; b < n; ++b)
      for (Index a = 0; a < n; ++a) {
        if (own(a, b) == 0) continue;
        for (Index c = 0; c < n; ++c)
          for (Index d = 0; d < n; ++d) out(a + n * d, b + n * c) += own(a, b) * other(c, d);
      }
  }
  return out;
}

MatrixXd VisitForm::weighted_pairs(const ResidualModel& model, const StructuredPoint& at, const MatrixXd& w,
                                   const VectorXd& euler, Checkpoint& checkpoint) const {
  const Index p = d_ - 1;
  const MatrixXd transform = standard_columns(at);
  MatrixXd out = MatrixXd::Zero(p, p), inverse, u;
  for (const Place& place : places_) {
    if (place.size() == 0) continue;
    SubjectMatrices s;
    model.fill(at.psi, place.group, place.positions, place.w, 1, s);
    std::vector<Index> number = s.active;
    std::vector<MatrixXd> e = s.m.d;
    number.push_back(model.size());
    e.push_back(s.m.r);
    for (std::size_t i = 0; i + 1 < e.size(); ++i) e.back() -= euler[number[i]] * e[i];
    for (MatrixXd& own : e) own = (place.entry.array() >= 0).select(own, 0.0);
    MatrixXd own_w(e.size(), e.size());
    for (Index i = 0; i < own_w.rows(); ++i)
      for (Index j = 0; j < own_w.cols(); ++j) own_w(i, j) = w(number[i], number[j]);
    const MatrixXd weights = pair_weights(e, own_w);
    const Index n = place.size();
    for (const Rows& rows : rows_) {
      if (rows.places != place.group) continue;
      checkpoint.check();
      solved(rows, s.m.r, transform, inverse, u);
      const Index t = u.rows();
      VectorXd o = VectorXd::Zero(n * n);
      for (Index c = 0; c < t; ++c)
        for (Index b = 0; b < t; ++b) o[rows.at[b] + n * rows.at[c]] = inverse(b, c);
      const VectorXd middle = weights * o;
      MatrixXd own(t, t);
      for (Index d = 0; d < t; ++d)
        for (Index a = 0; a < t; ++a) own(a, d) = middle[rows.at[a] + n * rows.at[d]];
      const MatrixXd turned = own * u.leftCols(rows.units * p);
      const Eigen::Map<const MatrixXd> left(u.data(), t * rows.units, p), right(turned.data(), t * rows.units, p);
      out.noalias() += left.transpose() * right;
    }
  }
  return out;
}

}  // namespace henderson
