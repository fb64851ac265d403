// Models whose remaining factors are large enough for a sparse factor, or for the choice between sparse and dense.
#include "henderson/likelihood/schur_complement.hpp"

#include <Eigen/SparseCholesky>

#include "henderson/prediction/solution.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

// Levels of the second factor meet only their neighbours: 2 rows for each level of the first, 1 level in ten moves on.
Design chain(Rng& rng, Index lead, Index rest, Index rest_q, Index third) {
  const Index n = 2 * lead;
  std::vector<TermShape> terms = {{0, 1, "unstructured"}, {1, rest_q, "unstructured"}};
  std::vector<Index> levels = {lead, rest};
  if (third > 0) {
    levels.push_back(third);
    terms.push_back({2, 1, "unstructured"});
  }
  Design d = random_design(rng, n, 2, levels, terms);
  for (Index i = 0; i < n; ++i) {
    d.code[0][i] = static_cast<int>(i / 2) + 1;
    const Index at = i * rest / n, moved = i % 10 == 9 && at + 1 < rest ? at + 1 : at;
    d.code[1][i] = static_cast<int>(moved) + 1;
    if (third > 0) d.code[2][i] = static_cast<int>(i * third / n) + 1;
  }
  return d;
}

// Criterion by the mixed-model equations in one sparse matrix: no n x n, no elimination by hand.
struct Equations {
  double value;
  VectorXd effects, beta;   // all groups in layout order, engine's coordinates
};

Equations equations(const Point& point) {
  const Design& d = point.design;
  const std::vector<Index> row = positive_rows(d);
  const Index n = row.size(), p = point.data.p();
  std::vector<Eigen::Triplet<double>> entries;
  Index columns = 0;
  for (std::size_t g = 0; g < d.layout.groups.size(); ++g) {
    const henderson::Group& group = d.layout.groups[g];
    MatrixXd z(d.rows(), group.q);
    for (const int t : group.terms) {
      z.middleCols(d.layout.terms[t].column, d.layout.terms[t].q) = d.z[t] * point.data.z_basis[t];
    }
    z *= point.at.factor[g];
    for (Index i = 0; i < n; ++i)
      for (Index a = 0; a < group.q; ++a) {
        entries.emplace_back(i, columns + (d.code[g][row[i]] - 1) * group.q + a, z(row[i], a));
      }
    columns += group.levels * group.q;
  }
  Eigen::SparseMatrix<double> m(n, columns), identity(columns, columns);
  m.setFromTriplets(entries.begin(), entries.end());
  identity.setIdentity();
  MatrixXd x(n, p);
  for (Index j = 0; j < p; ++j) x.col(j) = d.x.col(point.data.x.kept[j]);
  const Eigen::SparseMatrix<double> c = Eigen::SparseMatrix<double>(m.transpose()) * m + identity;
  const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>> ldlt(c);
  const MatrixXd mx = m.transpose() * x;
  const VectorXd my = m.transpose() * d.y.col(0), y = d.y.col(0);
  const MatrixXd xvx = x.transpose() * x - mx.transpose() * ldlt.solve(mx);
  Equations out;
  out.beta = xvx.ldlt().solve(x.transpose() * y - mx.transpose() * ldlt.solve(my));
  const VectorXd right = my - mx * out.beta;
  out.effects = ldlt.solve(right);
  const VectorXd e = y - x * out.beta;
  const double r2 = e.dot(e) - right.dot(out.effects), nu = static_cast<double>(n - p);
  out.value =
      ldlt.vectorD().array().log().sum() + std::log(xvx.determinant()) + nu * (1 + std::log(2 * M_PI * r2 / nu));
  return out;
}

void check_sparse_point(const Point& point) {
  const Equations truth = equations(point);
  CHECK(relative(point.at.value, truth.value) < 1e-11);
  const henderson::Solution s = henderson::solve(point.problem, point.data, point.at, 0);
  CHECK(relative(s.beta, truth.beta) < 1e-9);
  Index first = 0;
  for (std::size_t t = 0; t < s.b.size(); ++t) {  // one term on each factor here
    const henderson::Group& g = point.design.layout.groups[t];
    const Eigen::Map<const MatrixXd> u(truth.effects.data() + first, g.q, g.levels);
    const MatrixXd b = (point.data.z_basis[t] * point.at.factor[t] * u).transpose();
    CHECK((s.b[t] - b).cwiseAbs().maxCoeff() < 1e-9 * (1 + b.cwiseAbs().maxCoeff()));
    first += g.levels * g.q;
  }
  const henderson::Derivatives d = henderson::derivatives(point.criterion, point.at);
  for (Index k = 0; k < point.at.theta.size(); ++k) {
    const double h = 1e-4;
    const VectorXd e = h * VectorXd::Unit(point.at.theta.size(), k);
    const double slope =
        (point.criterion.evaluate(point.at.theta + e).value - point.criterion.evaluate(point.at.theta - e).value) /
        (2 * h);
    CHECK(std::abs(d.gradient[k] - slope) < 1e-5 * (1 + d.hessian.cwiseAbs().maxCoeff()));
  }
}

}  // namespace

TEST_CASE("a sparse Schur complement gives the criterion of the mixed-model equations") {
  Rng rng(36);
  for (const Index q : {1, 2}) {
    INFO("q = " << q);
    const Design d = chain(rng, 460, 420 / q, q, 0);
    const VectorXd theta = random_theta(rng, d.layout);
    const Point point(d, theta, true);
    REQUIRE_FALSE(point.problem.rest.dense());
    check_sparse_point(point);
    VectorXd singular = theta;
    singular[theta.size() - 1] = 0;
    check_sparse_point(Point(d, singular, true));
  }
}

TEST_CASE("a sparse Schur complement of two factors does so too") {
  Rng rng(37);
  const Design d = chain(rng, 460, 400, 1, 60);
  const Point point(d, random_theta(rng, d.layout), true);
  REQUIRE_FALSE(point.problem.rest.dense());
  CHECK(point.problem.rest.factor_entries() < 5000);
  check_sparse_point(point);
}

TEST_CASE("a Schur complement that fills in is dense, and one that does not fit is refused before it is allocated") {
  Rng rng(38);
  henderson::Checkpoint checkpoint;
  const Design d = random_design(rng, 4000, 1, {500, 410}, {{0, 1, "unstructured"}, {1, 1, "unstructured"}});
  const henderson::CrossProducts data = cross_products(d);
  const henderson::Problem problem = henderson::make_problem(d.layout, data, 1e300, checkpoint);
  CHECK(problem.rest.dense());
  CHECK(problem.rest.factor_entries() == 410 * 411 / 2);
  try {
    henderson::make_problem(d.layout, data, 1e5, checkpoint);
    FAIL("no error");
  } catch (const henderson::Error& e) {
    CHECK(e.kind() == "memory");
  }
}

TEST_CASE("positions lead from the layout's columns to those of the Schur complement, each once") {
  Rng rng(39);
  henderson::Checkpoint checkpoint;
  const Design d = chain(rng, 460, 210, 2, 60);
  const henderson::CrossProducts data = cross_products(d);
  const henderson::Problem problem = henderson::make_problem(d.layout, data, 1e300, checkpoint);
  std::vector<Index> position = problem.rest.position();
  std::sort(position.begin(), position.end());
  for (Index i = 0; i < problem.rest.columns(); ++i) REQUIRE(position[i] == i);
}
