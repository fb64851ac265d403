// Structures that the engine has never seen: everything that it does with them against the dense formulas.
#include "henderson/fit/fit.hpp"
#include "henderson/responses/refit.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

Design unequal(Rng& rng, const Shape& s) {
  Design d = shaped(rng, s);
  for (MatrixXd& z : d.z)
    for (Index j = 1; j < z.cols(); ++j)
      for (Index i = 0; i < d.rows(); ++i)
        if (i % (j + 1) != 0) z(i, j) = 0;
  return d;
}

double dense_value(const Design& d, const henderson::CrossProducts& data, const VectorXd& theta, bool reml) {
  return dense_at(d, data, theta, reml).value;
}

// Distance of a term's covariance matrix, in the user's columns, from its structure.
double off_structure(const Design& d, const std::vector<MatrixXd>& sigma) {
  double most = 0;
  for (std::size_t t = 0; t < sigma.size(); ++t) {
    const henderson::Term& term = d.layout.terms[t];
    most = std::max(most, relative(term.structure->sigma(term.structure->project(sigma[t]), term.q), sigma[t]));
  }
  return most;
}

}  // namespace

TEST_CASE("criterion, gradient and Hessian of structures from outside are those of the dense formulas") {
  Rng rng(61);
  for (const Shape& s : structured_shapes()) {
    Design d = unequal(rng, s);
    for (const bool reml : {true, false}) {
      INFO(s.name << (reml ? ", REML" : ", ML, weighted"));
      if (!reml) random_weights(rng, d);
      const VectorXd theta = random_theta(rng, d.layout);
      Point point(d, theta, reml);
      CHECK(std::abs(point.at.value - dense_value(d, point.data, theta, reml)) < 1e-8 * (1 + std::abs(point.at.value)));
      CHECK(off_structure(d, user_sigma(d.layout, point.data, theta)) < 1e-10);
      const henderson::Derivatives at = henderson::derivatives(point.criterion, point.at);
      REQUIRE(at.exact);
      const double h = 1e-4;
      for (Index i = 0; i < theta.size(); ++i) {
        const VectorXd up = theta + h * VectorXd::Unit(theta.size(), i),
                       down = theta - h * VectorXd::Unit(theta.size(), i);
        const double slope = (dense_value(d, point.data, up, reml) - dense_value(d, point.data, down, reml)) / (2 * h);
        CHECK(std::abs(at.gradient[i] - slope) < 1e-4 * (1 + std::abs(slope)));
        const VectorXd bend = (henderson::derivatives(point.criterion, point.criterion.evaluate(up)).gradient -
                               henderson::derivatives(point.criterion, point.criterion.evaluate(down)).gradient) /
                              (2 * h);
        CHECK((at.hessian.col(i) - bend).norm() < 1e-4 * (1 + at.hessian.norm()));
      }
    }
  }
}

TEST_CASE("a fit with a structure from outside ends at an optimum of its own structure") {
  Rng rng(62);
  for (const Shape& s : structured_shapes()) {
    const Design d = unequal(rng, s);
    henderson::Monitor monitor;
    const henderson::CrossProducts data = cross_products(d);
    INFO(s.name);
    const henderson::Fit f = henderson::fit(d.layout, data, 0, henderson::FitOptions(), monitor);
    REQUIRE(f.outcome.identified);
    CHECK(f.outcome.optimum.status == "converged");
    const VectorXd& theta = f.outcome.optimum.theta;
    CHECK(std::abs(f.solution.value - dense_value(d, data, theta, true)) < 1e-8 * (1 + std::abs(f.solution.value)));
    CHECK(off_structure(d, f.solution.covariance) < 1e-8);
    for (int trial = 0; trial < 20; ++trial) {
      const VectorXd other = theta + (trial % 2 == 0 ? 0.05 : 0.5) * normals(rng, theta.size(), 1).col(0);
      CHECK(dense_value(d, data, other, true) > f.solution.value - 1e-8);
    }
  }
}

TEST_CASE("a parameter of a structure from outside can be held, which is its profile") {
  Rng rng(63);
  const Design d = unequal(rng, structured_shapes()[1]);
  henderson::Monitor monitor;
  const henderson::CrossProducts data = cross_products(d);
  const henderson::Fit free = henderson::fit(d.layout, data, 0, henderson::FitOptions(), monitor);
  const MatrixXd sigma = free.solution.covariance[0];
  const double sd = std::sqrt(sigma(0, 0)), rho = sigma(1, 0) / sigma(0, 0);
  for (const henderson::Held& held : {henderson::Held{0, 0, 0, 1.3 * sd}, henderson::Held{0, 1, 0, 0.5 * rho + 0.1}}) {
    henderson::FitOptions options;
    options.held.push_back(held);
    const henderson::Fit f = henderson::fit(d.layout, data, 0, options, monitor);
    CHECK(f.outcome.optimum.status == "converged");
    const MatrixXd at = f.solution.covariance[0];
    CHECK(std::abs((held.row == held.col ? std::sqrt(at(0, 0)) : at(1, 0) / at(0, 0)) - held.value) < 1e-8);
    CHECK(f.solution.value > free.solution.value);
    // The best of a grid over what is free, by the dense formulas: relative variance, and the correlation or sigma.
    double best = std::numeric_limits<double>::infinity();
    const henderson::Term& term = d.layout.terms[0];
    for (double a = -0.02; a <= 0.021; a += 0.01)
      for (double b = -0.02; b <= 0.021; b += 0.01) {
        VectorXd psi(2);
        const double sigma2 = f.solution.sigma2 * std::exp(a);
        const bool variance = held.row == held.col;
        psi << (variance ? held.value * held.value : at(0, 0) * std::exp(b)),
            (variance ? at(1, 0) / at(0, 0) + b : held.value);
        const Dense dense = dense_at(d, data.x.kept, {term.structure->sigma_of(psi, term.q) / sigma2}, true);
        const double nu = static_cast<double>(d.rows() - data.p());
        best =
            std::min(best, dense.value - nu * (1 + std::log(dense.sigma2)) + nu * std::log(sigma2) + dense.r2 / sigma2);
      }
    CHECK(f.solution.value <= best + 1e-9);
    CHECK(best < f.solution.value + 1e-9 * (1 + std::abs(best)));
  }
}

TEST_CASE("average information serves structures from outside where the model is large") {
  Rng rng(64);
  const Design d = unequal(rng, {"large", 900, 2, {120, 40}, {{0, 3, "toy autoregressive"}, {1, 1, "unstructured"}}});
  henderson::Monitor monitor;
  const henderson::CrossProducts data = cross_products(d);
  const henderson::Fit f = henderson::fit(d.layout, data, 0, henderson::FitOptions(), monitor);
  CHECK_FALSE(f.outcome.exact_hessian);
  CHECK(f.outcome.optimum.status == "converged");
  Point point(d, f.outcome.optimum.theta, true);
  CHECK(henderson::derivatives(point.criterion, point.at).gradient.cwiseAbs().maxCoeff() < 1e-4);
  const henderson::Refits again = henderson::refit(d.layout, data, henderson::FitOptions(), monitor);
  CHECK(relative(again.value[0], f.solution.value) < 1e-10);
}
