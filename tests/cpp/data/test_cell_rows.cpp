// Rows that stand for cells: `constant`, `count` and `log_weight` of a chunk.
#include "henderson/data/accumulate.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/design.hpp"

using namespace henderson_tests;
using henderson::CrossProducts;

namespace {

// Three rows of each level, or what is left of them, are a cell. Each has a row for its mean and rows about the mean.
struct Cells {
  MatrixXd x, y, z;
  std::vector<int> code;
  VectorXd weight, constant;
  Index count = 0;
  double log_weight = 0;
};

Cells cells_of(const Design& d, Index levels) {
  std::vector<std::vector<Index>> members(levels * 20);
  std::vector<Index> seen(levels, 0);
  for (Index i = 0; i < d.rows(); ++i) {
    if (d.weight.size() > 0 && !(d.weight[i] > 0)) continue;
    const Index l = d.code[0][i] - 1;
    members[l * 20 + seen[l]++ / 3].push_back(i);
  }
  const Index p = d.x.cols(), q = d.z[0].cols(), m = d.y.cols(), k = p + q + m;
  std::vector<VectorXd> row;
  std::vector<double> weight, constant;
  Cells out;
  for (std::size_t c = 0; c < members.size(); ++c) {
    if (members[c].empty()) continue;
    MatrixXd v(members[c].size(), k);
    VectorXd w(members[c].size());
    for (std::size_t a = 0; a < members[c].size(); ++a) {
      const Index i = members[c][a];
      v.row(a) << d.x.row(i), d.z[0].row(i), d.y.row(i);
      w[a] = d.weight.size() > 0 ? d.weight[i] : 1.0;
      out.log_weight += std::log(w[a]);
      ++out.count;
    }
    const VectorXd mean = v.transpose() * w / w.sum();
    row.push_back(mean);
    weight.push_back(w.sum());
    constant.push_back(1);
    for (Index a = 0; a < v.rows(); ++a) {       // any root will do
      row.push_back(v.row(a).transpose() - mean);
      weight.push_back(w[a]);
      constant.push_back(0);
    }
    out.code.insert(out.code.end(), v.rows() + 1, static_cast<int>(c / 20) + 1);
  }
  const Index n = static_cast<Index>(row.size());
  out.x.resize(n, p);
  out.z.resize(n, q);
  out.y.resize(n, m);
  for (Index i = 0; i < n; ++i) {
    out.x.row(i) = row[i].head(p);
    out.z.row(i) = row[i].segment(p, q);
    out.y.row(i) = row[i].tail(m);
  }
  out.weight = Eigen::Map<VectorXd>(weight.data(), n);
  out.constant = Eigen::Map<VectorXd>(constant.data(), n);
  return out;
}

struct CellSource : henderson::DesignSource {
  const Cells& cells;
  explicit CellSource(const Cells& given) : cells(given) {}
  Index chunks() const override { return 1; }
  henderson::DesignChunk chunk(Index) override {
    henderson::DesignChunk out;
    new (&out.x) henderson::ConstMatrix(cells.x.data(), cells.x.rows(), cells.x.cols());
    new (&out.y) henderson::ConstMatrix(cells.y.data(), cells.y.rows(), cells.y.cols());
    out.z.emplace_back(cells.z.data(), cells.z.rows(), cells.z.cols());
    out.code = {cells.code.data()};
    out.weight = cells.weight.data();
    out.constant = cells.constant.data();
    out.count = cells.count;
    out.log_weight = cells.log_weight;
    return out;
  }
};

// Coordinates differ in their signs and shifts: what is compared does not depend on them.
void check_cells(const Design& d) {
  const Cells cells = cells_of(d, d.layout.groups[0].levels);
  CellSource source(cells);
  henderson::Checkpoint checkpoint;
  const CrossProducts a = cross_products(d),
                      b = henderson::Accumulator(d.layout, d.constants, checkpoint).run(source);
  CHECK(a.n == b.n);
  CHECK(std::abs(a.log_weight - b.log_weight) < 1e-12 * (1 + std::abs(a.log_weight)));
  CHECK(relative(a.x.log_det_r, b.x.log_det_r) < 1e-12);
  CHECK((a.x.total - b.x.total).norm() < 1e-12 * a.x.total.norm());
  CHECK((a.x.response - b.x.response).norm() < 1e-11 * a.x.response.norm());
  const auto gram = [](const CrossProducts& data) {
    const MatrixXd xx = data.w_xx.transpose() * data.w_xx;
    return MatrixXd(xx.cwiseAbs());
  };
  const auto square = [](const CrossProducts& data) {
    return data.w_yy[0] + data.w_xy.squaredNorm();
  };
  CHECK((gram(a) - gram(b)).norm() < 1e-11 * static_cast<double>(a.n));
  CHECK(std::abs(square(a) - square(b)) < 1e-11 * square(a));
  const auto per_level = [&](const CrossProducts& data) {
    const Index q = d.layout.lead_q();
    VectorXd out(d.layout.lead_levels());
    for (Index l = 0; l < out.size(); ++l) out[l] = data.t_y.middleRows(l * q, q).squaredNorm();
    return out;
  };
  CHECK((per_level(a) - per_level(b)).norm() < 1e-10 * per_level(a).norm());
}

}  // namespace

TEST_CASE("a row stands for a cell: the mean and a root of the products about it give the numbers of the rows") {
  Rng rng(26);
  for (const bool weighted : {false, true}) {
    Design rows = random_design(rng, 60, 3, {7}, {{0, 2, "unstructured"}});
    if (weighted) random_weights(rng, rows);
    check_cells(rows);
  }
}
