// The solver without a factorization against exact moments and determinants: probes that are all unit vectors leave no
// error.
#include <algorithm>
#include <cmath>

#include "henderson/inference/information.hpp"
#include "henderson/iterative/answers.hpp"
#include "henderson/iterative/choice.hpp"
#include "henderson/iterative/search.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;
namespace iterative = henderson::iterative;

namespace {

// More than 64 levels in the other factors, so that the fixed vectors do not span them.
std::vector<Shape> wide_shapes() {
  const std::string u = "unstructured", d = "diagonal";
  return {{"intercepts", 700, 2, {120, 80}, {{0, 1, u}, {1, 1, u}}},
          {"slopes in both", 900, 3, {90, 70}, {{0, 2, u}, {1, 2, u}}},
          {"three factors, several terms", 900, 1, {100, 80, 12}, {{0, 1, u}, {1, 1, u}, {1, 1, d}, {2, 1, u}}},
          {"no fixed effects", 700, 0, {100, 70}, {{0, 1, u}, {1, 2, d}}}};
}

iterative::Panel all_units(Index columns) {
  return std::sqrt(static_cast<double>(columns)) * iterative::Panel::Identity(columns, columns);
}

bool near(const MatrixXd& a, const MatrixXd& b, double tolerance) {
  return (a - b).cwiseAbs().maxCoeff() <= tolerance * std::max(1e-300, b.cwiseAbs().maxCoeff());
}

// Large in one direction of each term, small in the others.
VectorXd one_sided(const henderson::Layout& layout, VectorXd theta) {
  for (const henderson::Term& term : layout.terms)
    for (Index k = 1; k < term.n_theta; ++k) theta[term.theta + k] *= 1e-3;
  return theta;
}

template <class Body>
void for_each_wide(const Body& body) {
  Rng rng(11);
  for (const Shape& s : wide_shapes()) {
    Design d = shaped(rng, s);
    for (const bool weighted : {false, true}) {
      if (weighted) random_weights(rng, d);
      const VectorXd inner = random_theta(rng, d.layout);
      for (const bool reml : {true, false})
        for (const VectorXd& theta :
             {inner, VectorXd(1e-3 * inner), VectorXd(0 * inner), one_sided(d.layout, inner)}) {
          INFO(s.name << (weighted ? ", weighted" : "") << (reml ? ", REML" : ", ML")
                      << ", theta = " << theta.transpose());
          body(d, theta, reml);
        }
    }
  }
}

}  // namespace

TEST_CASE("score, information and estimates at a point are exact with all unit vectors as probes") {
  for_each_wide([](const Design& d, const VectorXd& theta, bool reml) {
    const Point exact(d, theta, reml);
    henderson::Checkpoint checkpoint;
    iterative::Model model(d.layout, exact.data, 0, 1, checkpoint);
    iterative::SearchOptions options;
    options.reml = reml;
    iterative::Search search(model, options);
    search.traces().use(all_units(model.incidence.columns()));
    const iterative::State s = search.state(theta);
    const henderson::Moments m =
        henderson::moments(exact.criterion, exact.at, henderson::natural_directions(d.layout, theta));
    CHECK(std::abs(s.at.r2 / exact.at.r2 - 1) < 1e-10);
    // Without random effects the coefficients of the response, less its least squares fit, are 0 up to rounding.
    const double rounding = 1e-12 * std::sqrt(exact.at.r2 / static_cast<double>(d.x.rows()));
    if (d.x.cols() > 0) CHECK((s.at.beta - exact.at.beta).norm() <= 1e-6 * exact.at.beta.norm() + rounding);
    CHECK(near(s.moments.trace, m.trace, 2e-5));
    CHECK(near(s.moments.quadratic, m.quadratic, 1e-5));
    CHECK(near(s.moments.ai, m.ai, 1e-5));
  });
}

TEST_CASE("the score is the derivative of the criterion with all unit vectors as probes") {
  Rng rng(17);
  for (const Shape& shape : wide_shapes()) {
    const Design d = shaped(rng, shape);
    const VectorXd inner = random_theta(rng, d.layout);
    for (const VectorXd& theta : {inner, one_sided(d.layout, inner)}) {
      const henderson::CrossProducts data = cross_products(d);
      henderson::Checkpoint checkpoint;
      iterative::Model model(d.layout, data, 0, 1, checkpoint);
      iterative::SearchOptions options;
      iterative::Search search(model, options);
      search.traces().use(all_units(model.incidence.columns()));
      const VectorXd score = search.state(theta).gradient;
      for (Index k = 0; k < theta.size(); ++k) {
        const double h = 1e-3 * std::max(std::abs(theta[k]), 0.05);
        const VectorXd step = h * VectorXd::Unit(theta.size(), k);
        const Point above(d, theta + step, true), below(d, theta - step, true);
        INFO(shape.name << ", theta = " << theta.transpose() << ", parameter " << k);
        CHECK(std::abs((above.at.value - below.at.value) / (2 * h) - score[k]) <=
              1e-4 * score.cwiseAbs().maxCoeff() + 1e-10 * std::abs(above.at.value) / h);
      }
    }
  }
}

TEST_CASE("the criterion is exact to its stated error") {
  for_each_wide([](const Design& d, const VectorXd& theta, bool reml) {
    const Point exact(d, theta, reml);
    henderson::Checkpoint checkpoint;
    iterative::Model model(d.layout, exact.data, 0, 1, checkpoint);
    iterative::SearchOptions options;
    options.reml = reml;
    options.probes = 64;
    iterative::Search search(model, options);
    search.traces().set_probes(64);
    const iterative::State s = search.state(theta);
    const iterative::LogDeterminant found = iterative::log_determinant(model, search.traces(), 1, 64);
    CHECK(std::abs(iterative::criterion(model, s.at, found.value) - exact.at.value) <= 5 * found.error + 1e-3);
  });
}

TEST_CASE("information of a fit, variances of predictions and conditional variances follow the exact ones") {
  Rng rng(5);
  const Design d = shaped(rng, wide_shapes()[1]);
  const VectorXd theta = random_theta(rng, d.layout);
  Point exact(d, theta, true);
  henderson::Checkpoint checkpoint;
  iterative::Model model(d.layout, exact.data, 0, 1, checkpoint);
  iterative::Solver solver(model.c, model.m);
  const iterative::Point at = iterative::evaluate(model, theta, true, 1e-10, nullptr, solver);
  const henderson::Information own = iterative::information(model, at);
  const henderson::Information other = henderson::information(exact.problem, exact.at, 20000, checkpoint);
  CHECK(near(own.phi, other.phi, 1e-7));
  CHECK(near(own.ai, other.ai, 1e-6));
  CHECK(near(own.q, other.q, 1e-6));
  for (std::size_t k = 0; k < own.p.size(); ++k) CHECK(near(own.p[k], other.p[k], 1e-6));
}

TEST_CASE("panels of any width give the same solutions, and the number of threads changes nothing") {
  Rng rng(8);
  const Design d = shaped(rng, wide_shapes()[2]);
  const henderson::CrossProducts data = cross_products(d);
  henderson::Checkpoint checkpoint;
  const VectorXd theta = random_theta(rng, d.layout);
  const auto solved = [&](int threads, bool apart) {
    iterative::Model model(d.layout, data, 0, threads, checkpoint);
    iterative::Solver solver(model.c, model.m);
    iterative::evaluate(model, theta, true, 1e-8, nullptr, solver);
    const iterative::Panel b = iterative::Panel::Ones(model.incidence.columns(), 1);
    iterative::Panel both(b.rows(), 16), x;
    for (Index k = 0; k < 16; ++k)
      for (Index j = 0; j < b.rows(); ++j)
        both(j, k) = iterative::sign_of(1, static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(j));
    if (!apart) {
      solver.solve(both, 1e-8, x);
      return MatrixXd(x);
    }
    MatrixXd out(b.rows(), 16);
    for (Index k = 0; k < 16; ++k) {
      iterative::Panel one;
      solver.solve(both.col(k), 1e-8, one);
      out.col(k) = one;
    }
    return out;
  };
  CHECK(solved(1, false) == solved(4, false));
  CHECK(near(solved(1, true), solved(1, false), 1e-12));
}

TEST_CASE("signs are balanced and depend on seed, probe and row") {
  double sum = 0, same = 0;
  for (std::uint64_t j = 0; j < 10000; ++j) {
    sum += iterative::sign_of(1, 0, j);
    same += iterative::sign_of(1, 0, j) * iterative::sign_of(1, 1, j) +
            iterative::sign_of(2, 0, j) * iterative::sign_of(1, 0, j);
  }
  CHECK(std::abs(sum) < 400);
  CHECK(std::abs(same) < 600);
}

TEST_CASE("nested other factors make a family whose factorization saves passes") {
  Rng rng(4);
  Design d = random_design(rng, 4000, 1, {600, 300, 30},
                           {{0, 1, "unstructured"}, {1, 1, "unstructured"}, {2, 1, "unstructured"}});
  for (std::size_t i = 0; i < d.code[2].size(); ++i) d.code[2][i] = (d.code[1][i] - 1) % 30 + 1;
  const henderson::CrossProducts data = cross_products(d);
  henderson::Checkpoint checkpoint;
  iterative::Model model(d.layout, data, 0, 1, checkpoint);
  CHECK(model.m.families() == 1);
  iterative::Solver solver(model.c, model.m);
  iterative::evaluate(model, VectorXd::Ones(3), true, 1e-8, nullptr, solver);
  CHECK(solver.passes() < 20);
}

TEST_CASE("conjugate gradients that do not converge, and ratios without digits, are errors") {
  Rng rng(6);
  const Design d = shaped(rng, wide_shapes()[0]);
  const henderson::CrossProducts data = cross_products(d);
  henderson::Checkpoint checkpoint;
  iterative::Model model(d.layout, data, 0, 1, checkpoint);
  iterative::Solver solver(model.c, model.m);
  CHECK_THROWS_AS(iterative::evaluate(model, VectorXd::Constant(2, 1e6), true, 1e-8, nullptr, solver),
                  henderson::Error);
}

TEST_CASE("the choice of a solver follows size and pattern") {
  Rng rng(9);
  const Design d = shaped(rng, wide_shapes()[0]);
  const henderson::CrossProducts data = cross_products(d);
  henderson::Checkpoint checkpoint;
  CHECK_FALSE(iterative::needs_iterations(d.layout, data, 1e12, checkpoint));
  CHECK(iterative::needs_iterations(d.layout, data, 100, checkpoint));
}
