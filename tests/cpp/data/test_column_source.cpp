#include "henderson/data/column_source.hpp"

#include "support/catch.hpp"
#include "support/design.hpp"

using namespace henderson_tests;
using henderson::CrossProducts;

namespace {

// Columns as they are, each a piece of its own.
henderson::ColumnPlan plain_plan(const MatrixXd& x) {
  henderson::ColumnPlan out;
  for (Index j = 0; j < x.cols(); ++j) {
    henderson::Piece piece;
    piece.real = x.data() + j * x.rows();
    out.pieces.push_back(piece);
    out.blocks.push_back({static_cast<int>(j)});
  }
  return out;
}

henderson::DesignColumns plain_columns(const Design& d) {
  henderson::DesignColumns out;
  out.rows = d.rows();
  out.x = plain_plan(d.x);
  for (const MatrixXd& z : d.z) out.z.push_back(plain_plan(z));
  for (const auto& code : d.code) out.code.push_back(code.data());
  out.y = d.y.data();
  out.responses = d.y.cols();
  if (d.weight.size() > 0) out.weight = d.weight.data();
  return out;
}

void check_identical(const CrossProducts& a, const CrossProducts& b) {
  CHECK(a.n == b.n);
  CHECK(a.log_weight == b.log_weight);
  CHECK(a.r == b.r);
  CHECK(a.t_x == b.t_x);
  CHECK(a.t_y == b.t_y);
  CHECK(a.w_xx == b.w_xx);
  CHECK(a.w_xy == b.w_xy);
  CHECK(a.w_yy == b.w_yy);
  CHECK(a.x.to_orthogonal == b.x.to_orthogonal);
  CHECK(a.x.total == b.x.total);
  CHECK(a.rest_x == b.rest_x);
  CHECK(a.rest_y == b.rest_y);
}

}  // namespace

TEST_CASE("columns in memory give the same numbers in any number of threads, and as chunks that were copied") {
  Rng rng(25);
  for (const Shape& s : shapes()) {
    Design d = shaped(rng, s);
    random_weights(rng, d);
    const henderson::DesignColumns columns = plain_columns(d);
    for (const Index rows : {s.n, (s.n + 19) / 20}) {
      INFO(s.name << ", rows of a chunk " << rows);
      std::vector<CrossProducts> found;
      for (const int threads : {1, 2, 3}) {
        henderson::Checkpoint checkpoint;
        henderson::ColumnSource source(columns, rows);
        found.push_back(henderson::Accumulator(d.layout, d.constants, checkpoint, threads).run(source));
      }
      check_identical(found[0], found[1]);
      check_identical(found[0], found[2]);
      const CrossProducts whole = cross_products(d);
      if (rows == s.n) check_identical(found[0], whole);
      CHECK(relative(found[0].x.log_det_r, whole.x.log_det_r) < 1e-12);
      CHECK((found[0].x.total - whole.x.total).norm() <= 1e-11 * whole.x.square.norm());
    }
  }
}

TEST_CASE("columns are products of numbers, whole numbers and codings, the first fastest") {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};                 // two columns
  const std::vector<int> whole = {2, 3, 4}, code = {2, 1, 3};
  henderson::DesignColumns d;
  d.rows = 3;
  henderson::Piece numbers, counts, factor;
  numbers.real = x.data();
  numbers.columns = 2;
  counts.whole = whole.data();
  factor.code = code.data();
  factor.coding = (MatrixXd(3, 2) << 10, 0.5, 20, 0.25, 30, 0.125).finished();
  d.x.intercept = true;
  d.x.pieces = {numbers, counts, factor};
  d.x.blocks = {{1}, {0, 2, 1}};
  const std::vector<double> y = {1, 2, 3}, offset = {0.5, 1, 4};
  d.y = y.data();
  d.offset = offset.data();
  MatrixXd expected(3, 6);
  expected << 1, 2, 1 * 20 * 2, 4 * 20 * 2, 1 * 0.25 * 2, 4 * 0.25 * 2,
              1, 3, 2 * 10 * 3, 5 * 10 * 3, 2 * 0.5 * 3, 5 * 0.5 * 3,
              1, 4, 3 * 30 * 4, 6 * 30 * 4, 3 * 0.125 * 4, 6 * 0.125 * 4;
  henderson::ColumnSource source(d, 2);
  REQUIRE(source.chunks() == 2);
  const henderson::DesignChunk first = source.chunk(0);
  CHECK(first.x == expected.topRows(2));
  CHECK(first.y == Eigen::Vector2d(0.5, 1));
  const henderson::DesignChunk second = source.chunk(1);
  CHECK(second.x == expected.bottomRows(1));
  CHECK(second.y(0, 0) == -1);
}
