#include "henderson/likelihood/leading.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

Leading one_class_per_level(const Layout& layout, const CrossProducts& data, Index response) {
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

std::vector<std::vector<Index>> levels_by_root(const Layout& layout, const CrossProducts& data) {
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

Leading mixed_levels(const Layout& layout, const CrossProducts& data, Index response,
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

double eliminate_leading(const Leading& lead, const LevelCovariance& covariance, MatrixXd& y) {
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
    // the product of many columns can leave the range of double precision
    const bool inside = std::isnormal(product);
    log_det += 2 * c.multiplicity * (inside ? std::log(product) : h.diagonal().array().log().sum());
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
