// The steps that residual structures take, against differences: d psi / d step, and its curvature.
#include <Eigen/Eigenvalues>
#include <cmath>
#include <memory>
#include <vector>

#include "henderson/residual/composed.hpp"
#include "henderson/residual/linear_visits.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;

namespace {

using henderson::CorrelationEntries;
using henderson::ResidualStructure;
using henderson::UnstructuredVisits;

void check_steps(const ResidualStructure& structure, const VectorXd& psi) {
  const Eigen::Index k = psi.size();
  const double h = 1e-3;
  const auto at = [&](Eigen::Index i, double a, Eigen::Index j, double b) {
    VectorXd step = VectorXd::Zero(k);
    step[i] += a;
    step[j] += b;
    return structure.moved(psi, step);
  };
  VectorXd gradient(k);
  for (Eigen::Index i = 0; i < k; ++i)
    gradient[i] = 1 + std::sin(3.0 * static_cast<double>(i));
  const MatrixXd jacobian = structure.jacobian(psi), curvature = structure.curvature(psi, gradient);
  for (Eigen::Index i = 0; i < k; ++i) {
    const VectorXd near = at(i, h, i, 0) - at(i, -h, i, 0), far = at(i, 2 * h, i, 0) - at(i, -2 * h, i, 0);
    const VectorXd slope = (8 * near - far) / (12 * h);
    CHECK((slope - jacobian.col(i)).cwiseAbs().maxCoeff() < 1e-9);
    for (Eigen::Index j = 0; j <= i; ++j) {
      const auto mixed = [&](double g) {
        return VectorXd((at(i, g, j, g) - at(i, g, j, -g) - at(i, -g, j, g) + at(i, -g, j, -g)) / (4 * g * g));
      };
      const VectorXd second = (4 * mixed(h) - mixed(2 * h)) / 3;
      CHECK(std::abs(second.dot(gradient) - curvature(i, j)) < 1e-6);
      CHECK(curvature(i, j) == curvature(j, i));
    }
  }
}

}  // namespace

TEST_CASE("steps of a correlation matrix have their derivatives, and end at correlation matrices") {
  const CorrelationEntries structure(4, CorrelationEntries::Sharing::none, 3);
  VectorXd psi(6);
  psi << 0.6, -0.2, 0.5, 0.1, 0.3, -0.4;
  check_steps(structure, psi);
  check_steps(structure, VectorXd::Zero(6));
  for (const double size : {0.5, 3.0, 10.0}) {
    VectorXd step(6);
    step << 1, -0.7, 0.4, -0.9, 0.2, 0.8;
    const VectorXd there = structure.moved(psi, size * step);
    CHECK(there.cwiseAbs().maxCoeff() <= 1);
    henderson::ResidualMatrices r;
    structure.fill(there, (MatrixXd(4, 1) << 0, 1, 2, 3).finished(), 0, r);
    CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(r.r).eigenvalues().minCoeff() > -1e-12);
  }
}

TEST_CASE("steps of other structures over visits have their derivatives") {
  VectorXd us(6);
  us << 2, 0.5, -0.3, 1, 0.4, 3;
  check_steps(UnstructuredVisits(3, 2), us);
  VectorXd banded(5);
  banded << 2, 0.5, 1, 0.4, 3;
  check_steps(UnstructuredVisits(3, 1), banded);
  check_steps(CorrelationEntries(4, CorrelationEntries::Sharing::by_lag, 3), (VectorXd(3) << 0.5, 0.2, 0.1).finished());
  const auto range = std::make_shared<henderson::Stationary>(std::make_shared<henderson::Exponential>());
  check_steps(henderson::Nugget(range), (VectorXd(2) << 1.5, 0.3).finished());
}

TEST_CASE("alternatives keep the variances, are positive definite, and change the signs of single visits") {
  for (const Eigen::Index visits : {2, 3, 5}) {
    MatrixXd r(visits, visits);
    for (Eigen::Index a = 0; a < visits; ++a)
      for (Eigen::Index b = 0; b < visits; ++b) {
        const double lag = std::abs(static_cast<double>(a - b));
        r(a, b) = std::sqrt(static_cast<double>((a + 1) * (b + 1))) * std::pow(0.4, lag);
      }
    const UnstructuredVisits structure(visits, visits - 1);
    const std::vector<henderson::ResidualParameter> parameters = structure.parameters();
    VectorXd psi(parameters.size());
    for (Eigen::Index k = 0; k < psi.size(); ++k)
      psi[k] = r(parameters[static_cast<std::size_t>(k)].row, parameters[static_cast<std::size_t>(k)].col);
    const std::vector<VectorXd> others = structure.alternatives(psi);
    CHECK(others.size() == (visits == 2 ? 2u : visits == 3 ? 7u : 4u));
    const VectorXd positions = VectorXd::LinSpaced(visits, 0, static_cast<double>(visits - 1));
    for (const VectorXd& other : others) {
      henderson::ResidualMatrices at;
      structure.fill(other, positions, 0, at);
      CHECK((at.r.diagonal() - r.diagonal()).cwiseAbs().maxCoeff() < 1e-12);
      CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(at.r).eigenvalues().minCoeff() > 0);
    }
    if (visits != 3) continue;
    henderson::ResidualMatrices last;
    structure.fill(others.back(), positions, 0, last);
    CHECK(std::abs(last.r(2, 0) + r(2, 0)) < 1e-12);
    CHECK(std::abs(last.r(1, 0) - r(1, 0)) < 1e-12);
  }
}
