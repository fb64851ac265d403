#include "henderson/data/accumulate.hpp"

#include "support/catch.hpp"
#include "support/dense.hpp"
#include "support/stop.hpp"

using namespace henderson_tests;
using henderson::CrossProducts;
using henderson::PairBlocks;

namespace {

// [Z X y] in the engine's coordinates, weighted, against every block of the cross-products.
struct Rows {
  std::vector<MatrixXd> z;  // per group
  MatrixXd x, y;
};

Rows engine_rows(const Design& d, const CrossProducts& data) {
  const std::vector<Index> row = positive_rows(d);
  Rows out;
  out.x.resize(row.size(), data.p());
  out.y.resize(row.size(), d.y.cols());
  VectorXd root(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    root[i] = d.weight.size() == 0 ? 1 : std::sqrt(d.weight[row[i]]);
    VectorXd x(data.p());
    for (Index j = 0; j < data.p(); ++j) x[j] = d.x(row[i], data.x.kept[j]) - data.x.shift[data.x.kept[j]];
    out.x.row(i) = root[i] * x.transpose() * data.x.to_orthogonal;
    VectorXd user(data.p());
    for (Index j = 0; j < data.p(); ++j) user[j] = d.x(row[i], data.x.kept[j]);
    out.y.row(i) = root[i] * (d.y.row(row[i]) - user.transpose() * data.x.response);
  }
  for (std::size_t g = 0; g < d.layout.groups.size(); ++g) {
    out.z.push_back(root.asDiagonal() * group_z(d, data, static_cast<int>(g), row));
  }
  return out;
}

MatrixXd full(const PairBlocks& pairs, Index row_levels, Index col_levels) {
  MatrixXd out = MatrixXd::Zero(row_levels * pairs.rows, col_levels * pairs.cols);
  for (std::size_t k = 0; k < pairs.row.size(); ++k) {
    out.block(pairs.row[k] * pairs.rows, pairs.col[k] * pairs.cols, pairs.rows, pairs.cols) =
        Eigen::Map<const MatrixXd>(pairs.value.data() + k * pairs.rows * pairs.cols, pairs.rows, pairs.cols);
  }
  return out;
}

void check_blocks(const Design& d, const CrossProducts& data) {
  const Rows rows = engine_rows(d, data);
  const henderson::Layout& layout = d.layout;
  const Index q = layout.lead_q(), levels = layout.lead_levels(), n = rows.x.rows();
  CHECK(data.n == n);
  const double tolerance = 1e-11 * n;
  MatrixXd r = MatrixXd::Zero(levels * q, levels * q);
  for (Index l = 0; l < levels; ++l) {
    r.block(l * q, l * q, q, q) = Eigen::Map<const MatrixXd>(data.r.data() + l * q * q, q, q);
  }
  CHECK(MatrixXd(r.triangularView<Eigen::StrictlyLower>()).isZero(0));
  const MatrixXd& lead = rows.z[layout.lead];
  CHECK((r.transpose() * r - lead.transpose() * lead).cwiseAbs().maxCoeff() < tolerance);
  CHECK((r.transpose() * data.t_x - lead.transpose() * rows.x).norm() < tolerance);
  CHECK((r.transpose() * data.t_y - lead.transpose() * rows.y).norm() < tolerance);
  CHECK((data.t_x.transpose() * data.t_x + data.w_xx.transpose() * data.w_xx - rows.x.transpose() * rows.x).norm() <
        tolerance);
  CHECK((data.t_x.transpose() * data.t_y + data.w_xx.transpose() * data.w_xy - rows.x.transpose() * rows.y).norm() <
        tolerance);
  for (Index j = 0; j < d.y.cols(); ++j) {
    CHECK(std::abs(data.t_y.col(j).squaredNorm() + data.w_xy.col(j).squaredNorm() + data.w_yy[j] -
                   rows.y.col(j).squaredNorm()) < tolerance);
  }
  Index first = 0;
  for (std::size_t g = 0; g < layout.rest.size(); ++g) {
    const henderson::Group& group = layout.groups[layout.rest[g]];
    const MatrixXd& z = rows.z[layout.rest[g]];
    CHECK((full(data.lead_rest[g], levels, group.levels) - lead.transpose() * z).cwiseAbs().maxCoeff() < tolerance);
    CHECK((data.rest_x.middleRows(first, z.cols()) - z.transpose() * rows.x).norm() < tolerance);
    CHECK((data.rest_y.middleRows(first, z.cols()) - z.transpose() * rows.y).norm() < tolerance);
    for (std::size_t h = g; h < layout.rest.size(); ++h) {
      const MatrixXd& other = rows.z[layout.rest[h]];
      CHECK((full(data.rest[g][h - g], group.levels, layout.groups[layout.rest[h]].levels) - z.transpose() * other)
                .cwiseAbs().maxCoeff() < tolerance);
    }
    first += z.cols();
  }
}

}  // namespace

TEST_CASE("every block is the cross-product of the rows, in one chunk or many") {
  Rng rng(15);
  for (const Shape& s : shapes()) {
    Design d = shaped(rng, s);
    for (const bool weighted : {false, true}) {
      if (weighted) random_weights(rng, d);
      for (const Index chunks : {Index{1}, Index{3}, s.n}) {
        INFO(s.name << (weighted ? ", weighted" : "") << ", chunks " << chunks);
        check_blocks(d, cross_products(d, chunks));
      }
    }
  }
}

TEST_CASE("the order of the rows does not matter") {
  Rng rng(16);
  const Shape s = shapes()[11];
  Design d = shaped(rng, s);
  random_weights(rng, d);
  Design turned = d;
  for (Index i = 0; i < s.n; ++i) {
    const Index k = s.n - 1 - i;
    turned.x.row(i) = d.x.row(k);
    turned.y.row(i) = d.y.row(k);
    turned.weight[i] = d.weight[k];
    for (std::size_t t = 0; t < d.z.size(); ++t) turned.z[t].row(i) = d.z[t].row(k);
    for (std::size_t g = 0; g < d.code.size(); ++g) turned.code[g][i] = d.code[g][k];
  }
  const CrossProducts a = cross_products(d), b = cross_products(turned);
  CHECK(relative(a.x.total, b.x.total) < 1e-12);
  CHECK(relative(a.x.log_det_r, b.x.log_det_r) < 1e-12);
  CHECK(relative(a.x.response, b.x.response) < 1e-11);
  check_blocks(turned, b);
}

TEST_CASE("a weight of two is a row twice, a weight of zero is no row") {
  Rng rng(17);
  Design d = random_design(rng, 40, 2, {6, 4}, {{0, 2, "unstructured"}, {1, 1, "unstructured"}});
  d.weight = VectorXd::Ones(40);
  for (Index i = 20; i < 30; ++i) d.weight[i] = 0;
  d.y(25, 0) = std::numeric_limits<double>::quiet_NaN();
  const CrossProducts data = cross_products(d);
  CHECK(data.n == 30);
  CHECK(data.log_weight == 0);
  check_blocks(d, data);
  for (Index i = 0; i < 20; ++i) d.weight[i] = 2;
  const CrossProducts twice = cross_products(d);
  CHECK(relative(twice.log_weight, 20 * std::log(2.0)) < 1e-14);
  check_blocks(d, twice);
}

TEST_CASE("several responses share one pass") {
  Rng rng(18);
  Design d = random_design(rng, 40, 2, {6, 4}, {{0, 2, "unstructured"}, {1, 1, "unstructured"}});
  d.y = normals(rng, 40, 3);
  const CrossProducts all = cross_products(d, 2);
  CHECK(all.responses() == 3);
  check_blocks(d, all);
}

TEST_CASE("large offsets of y and x cost no digits") {
  Rng rng(19);
  Design d = random_design(rng, 60, 2, {6}, {{0, 2, "unstructured"}});
  Design moved = d;
  // Powers of two: the shifts themselves are exact to 2^-23.
  moved.x.col(1) = (d.x.col(1) * 1048576).array().round() / 1048576;
  moved.z[0].col(1) = (d.z[0].col(1) * 1048576).array().round() / 1048576;
  moved.y.col(0) = (d.y.col(0) * 1048576).array().round() / 1048576;
  const CrossProducts near = cross_products(moved);
  moved.x.col(1).array() += 1048576;
  moved.z[0].col(1).array() += 1048576;
  moved.y.array() += 1048576;
  const CrossProducts far = cross_products(moved);
  CHECK(relative(far.x.total, near.x.total) < 1e-12);
  CHECK(relative(far.x.log_det_r, near.x.log_det_r) < 1e-12);
  CHECK(relative(far.w_yy, near.w_yy) < 1e-11);
  for (std::size_t i = 0; i < near.r.size(); ++i) CHECK(std::abs(far.r[i] - near.r[i]) < 1e-11);
  CHECK(relative(far.x.response(1, 0), near.x.response(1, 0)) < 1e-12);
}

TEST_CASE("a constant that loses one of its columns takes the shifts with it") {
  Rng rng(20);
  Design d = random_design(rng, 30, 4, {5}, {{0, 1, "unstructured"}});
  // The constant is the sum of two indicators, one of which repeats the first column.
  for (Index i = 0; i < 30; ++i) {
    d.x(i, 0) = d.x(i, 1) = i % 3 == 0;
    d.x(i, 2) = 1 - d.x(i, 1);
  }
  d.constants.x = VectorXd::Unit(4, 1) + VectorXd::Unit(4, 2);
  const CrossProducts data = cross_products(d, 2);
  CHECK(data.x.kept == (std::vector<Index>{0, 2, 3}));
  CHECK(data.x.constant.size() == 0);
  check_blocks(d, data);
}

TEST_CASE("shifts do not choose the column that is left out") {
  Rng rng(22);
  Design d = random_design(rng, 30, 5, {5}, {{0, 1, "unstructured"}});
  // A constant column before the indicators that add up to one: the last indicator repeats the others, not the first.
  for (Index i = 0; i < 30; ++i)
    for (Index j = 0; j < 3; ++j) d.x(i, j + 1) = i % 3 == j;
  d.x.col(0).setConstant(2);
  d.constants.x = VectorXd::Zero(5);
  d.constants.x.segment(1, 3).setOnes();
  CHECK(cross_products(d, 2).x.kept == (std::vector<Index>{0, 1, 2, 4}));
  // The same where the first two columns differ by a constant; a column of zeros changes nothing.
  d.x.col(0) = d.x.col(4).array() + 3;
  d.x.col(4).swap(d.x.col(1));
  d.constants.x << 0, 0, 1, 1, 1;
  CHECK(cross_products(d, 2).x.kept == (std::vector<Index>{0, 1, 2, 3}));
  d.x.col(0).setZero();
  const CrossProducts zero = cross_products(d, 2);
  CHECK(zero.x.kept == (std::vector<Index>{1, 2, 3, 4}));
  check_blocks(d, zero);
}

TEST_CASE("a random column without variation of its own is refused by number") {
  Rng rng(21);
  Design d = random_design(rng, 30, 1, {5, 4}, {{0, 1, "unstructured"}, {1, 3, "unstructured"}});
  d.z[1].col(2) = 2 * d.z[1].col(1) + d.z[1].col(0);
  try {
    cross_products(d);
    FAIL("no error");
  } catch (const henderson::Error& e) {
    CHECK(e.kind() == "random_rank");
    CHECK(std::string(e.what()) == "2:3");
  }
  Design zero = random_design(rng, 30, 1, {5}, {{0, 2, "diagonal"}});
  zero.z[0].col(1).setZero();
  CHECK_THROWS_AS(cross_products(zero), henderson::Error);
}

TEST_CASE("a single chunk of many rows is stopped between rows, in both passes") {
  struct StopAfter : henderson::Checkpoint {
    int left;
    explicit StopAfter(int calls) : left(calls) {}
    void check() override {
      if (left-- == 0) throw Stopped();
    }
  };
  struct Count : henderson::Checkpoint {
    int calls = 0;
    void check() override { ++calls; }
  } count;
  Rng rng(1);
  const Design d = random_design(rng, 2000, 2, {40}, {{0, 1, "unstructured"}});
  Source source(d, 1);
  const auto run = [&](henderson::Checkpoint& checkpoint) {
    henderson::Accumulator(d.layout, d.constants, checkpoint).run(source);
  };
  run(count);
  CHECK(count.calls >= 2 * 2000 / 256);
  for (const int calls : {1, 5, count.calls - 4}) {
    StopAfter stop(calls);
    CHECK_THROWS_AS(run(stop), Stopped);
  }
}
