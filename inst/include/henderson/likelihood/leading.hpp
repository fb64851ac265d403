// The leading grouping factor, eliminated level by level.
//
// With Z_l = Q R the level's random effects leave H = I + R Sigma R' in the place of V: log|H| goes into the
// criterion and H^{-1/2} T takes the place of the rows. Levels with the same R form a class: an orthogonal mixture
// of them is as good as they are, so a class of many levels is replaced by as many as its T has independent columns.
#ifndef HENDERSON_LIKELIHOOD_LEADING_HPP
#define HENDERSON_LIKELIHOOD_LEADING_HPP

#include <Eigen/Dense>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {

struct LeadingClass {
  Index level = 0;         // a level that has this R
  double multiplicity = 1; // levels in the class
  Index first = 0, count = 0;  // its (pseudo-)levels in T
};

struct Leading {
  Index q = 0;
  const double* r = nullptr;        // q x q per level
  std::vector<LeadingClass> classes;
  MatrixXd t;                       // (q * pseudo-levels) x (p + 1): X, then y
};

inline Leading one_class_per_level(const Layout& layout, const CrossProducts& data, Index response) {
  Leading out;
  out.q = layout.lead_q();
  out.r = data.r.data();
  const Index levels = layout.lead_levels(), p = data.p();
  out.classes.resize(levels);
  for (Index l = 0; l < levels; ++l) {
    out.classes[l].level = out.classes[l].first = l;
    out.classes[l].count = 1;
  }
  out.t.resize(levels * out.q, p + 1);
  out.t.leftCols(p) = data.t_x;
  out.t.col(p) = data.t_y.col(response);
  return out;
}

// Levels that share R bit for bit.
inline std::vector<std::vector<Index>> levels_by_root(const Layout& layout, const CrossProducts& data) {
  const Index q2 = layout.lead_q() * layout.lead_q(), levels = layout.lead_levels();
  std::vector<std::vector<Index>> out;
  std::unordered_map<std::string, std::size_t> seen;
  for (Index l = 0; l < levels; ++l) {
    const std::string key(reinterpret_cast<const char*>(data.r.data() + l * q2), q2 * sizeof(double));
    const auto found = seen.emplace(key, out.size());
    if (found.second) out.emplace_back();
    out[found.first->second].push_back(l);
  }
  return out;
}

inline Leading mixed_levels(const Layout& layout, const CrossProducts& data, Index response,
                            const std::vector<std::vector<Index>>& classes) {
  Leading out;
  out.q = layout.lead_q();
  out.r = data.r.data();
  const Index q = out.q, p = data.p(), width = q * (p + 1);
  Index rows = 0;
  for (const auto& members : classes) rows += std::min<Index>(members.size(), width);
  out.t.resize(rows * q, p + 1);
  Index at = 0;
  for (const auto& members : classes) {
    const Index m = static_cast<Index>(members.size());
    LeadingClass c;
    c.level = members.front();
    c.multiplicity = static_cast<double>(m);
    c.first = at;
    MatrixXd flat(m, width);  // one level per row
    for (Index i = 0; i < m; ++i) {
      const Index row = members[i] * q;
      for (Index j = 0; j < p; ++j)
        for (Index a = 0; a < q; ++a) flat(i, a + j * q) = data.t_x(row + a, j);
      for (Index a = 0; a < q; ++a) flat(i, a + p * q) = data.t_y(row + a, response);
    }
    if (m > width) {
      const Eigen::HouseholderQR<MatrixXd> qr(flat);
      flat = MatrixXd(qr.matrixQR().topRows(width).triangularView<Eigen::Upper>());
    }
    c.count = flat.rows();
    for (Index i = 0; i < c.count; ++i)
      for (Index j = 0; j <= p; ++j)
        for (Index a = 0; a < q; ++a) out.t((at + i) * q + a, j) = flat(i, a + j * q);
    at += c.count;
    out.classes.push_back(c);
  }
  return out;
}

// Calls body(class, R, rows of T that belong to it) with R of compile-time size where that is small.
template <int Q, class Body>
void for_each_class_sized(const Leading& lead, const Body& body) {
  using Root = Eigen::Matrix<double, Q, Q>;
  const Index q = lead.q;
  for (const LeadingClass& c : lead.classes) {
    body(c, Eigen::Map<const Root>(lead.r + c.level * q * q, q, q), std::integral_constant<int, Q>());
  }
}

template <class Body>
void for_each_class(const Leading& lead, const Body& body) {
  switch (lead.q) {
    case 1: return for_each_class_sized<1>(lead, body);
    case 2: return for_each_class_sized<2>(lead, body);
    case 3: return for_each_class_sized<3>(lead, body);
    case 4: return for_each_class_sized<4>(lead, body);
    default: return for_each_class_sized<Eigen::Dynamic>(lead, body);
  }
}

// h <- lower Cholesky factor of I + h, whose lower triangle is read; the same arithmetic for every size.
template <class Matrix>
inline bool factor_plus_identity(Matrix& h) {
  const Index q = h.rows();
  for (Index j = 0; j < q; ++j) {
    double pivot = 1 + h(j, j);
    for (Index k = 0; k < j; ++k) pivot -= h(j, k) * h(j, k);
    if (!(pivot > 0)) return false;
    const double root = std::sqrt(pivot);
    h(j, j) = root;
    for (Index i = j + 1; i < q; ++i) {
      double sum = h(i, j);
      for (Index k = 0; k < j; ++k) sum -= h(i, k) * h(j, k);
      h(i, j) = sum / root;
    }
    for (Index i = 0; i < j; ++i) h(i, j) = 0;
  }
  return true;
}

// Lower Cholesky factor of I + M M'.
template <class Matrix>
inline void cholesky_plus_identity(const Matrix& m, Matrix& h) {
  h.noalias() = m * m.transpose();
  factor_plus_identity(h);
}

// The covariance of a leading level's effects: a factor L, or Sigma itself where that may be indefinite.
struct LevelCovariance {
  const MatrixXd& matrix;
  bool factored = true;

  // Lower Cholesky factor of I + R Sigma R'; false where that is not positive definite.
  template <class Root, class Matrix>
  bool factor(const Root& root, Matrix& h) const {
    Matrix m(root.rows(), root.cols());
    m.noalias() = root * matrix;
    if (factored) {
      h.noalias() = m * m.transpose();
    } else {
      h.noalias() = m * root.transpose();
    }
    return factor_plus_identity(h);
  }
};

// Y <- H^{-1/2} T for all rows, and log|H| summed with multiplicity; not a number where an H is not positive definite.
inline double eliminate_leading(const Leading& lead, const LevelCovariance& covariance, MatrixXd& y) {
  double log_det = 0;
  for_each_class(lead, [&](const LeadingClass& c, const auto& root, auto size) {
    constexpr int Q = decltype(size)::value;
    using Matrix = Eigen::Matrix<double, Q, Q>;
    const Index q = lead.q;
    Matrix h(q, q);
    if (!covariance.factor(root, h)) {
      log_det = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    double product = 1;
    for (Index a = 0; a < q; ++a) product *= h(a, a);
    log_det += 2 * c.multiplicity * std::log(product);
    const double* t = lead.t.data();
    double* out = y.data();
    const Index stride = lead.t.rows(), columns = lead.t.cols();
    for (Index j = 0; j < columns; ++j)
      for (Index i = c.first * q; i < (c.first + c.count) * q; i += q)
        for (Index a = 0; a < q; ++a) {
          double sum = t[i + a + j * stride];
          for (Index k = 0; k < a; ++k) sum -= h(a, k) * out[i + k + j * stride];
          out[i + a + j * stride] = sum / h(a, a);
        }
  });
  return log_det;
}

}  // namespace henderson

#endif
