// Does a covariance structure keep its contract? For tests of structures that are not of this package as well: link
// with the engine, and expect broken_promises(structure, q) to be empty for several q.
//
// Checked at random points: theta and psi lead to the same Sigma; all derivatives against differences; Euler's weights;
// scaling; projection, roots and signs; pivots, standard deviations that stand alone, entries of theta that make one
// parameter; that the structure is closed under the changes of columns that it says it is.
#ifndef HENDERSON_TESTING_COVARIANCE_CONTRACT_HPP
#define HENDERSON_TESTING_COVARIANCE_CONTRACT_HPP

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {
namespace testing {

class ContractCheck {
 public:
  ContractCheck(const Covariance& structure, Index q, unsigned seed) : s_(structure), q_(q), random_(seed) {}

  std::vector<std::string> run() {
    sizes();
    if (!broken_.empty()) return broken_;
    for (int trial = 0; trial < 3; ++trial) {
      const VectorXd theta = trial == 0 ? VectorXd(-point().cwiseAbs()) : point();
      if (s_.bounded()) roots(theta);
      natural(theta);
      entries(theta);
      natural_derivatives(s_.psi(theta, q_));
      scales(theta);
      projection(theta);
      closure(theta);
    }
    return broken_;
  }

 private:
  static constexpr double kStep = 1e-5, kFirst = 1e-7, kSecond = 2e-4;

  void expect(bool kept, const std::string& promise) {
    if (!kept) broken_.push_back(s_.name() + ", " + std::to_string(q_) + " columns: " + promise);
  }
  static bool same(const MatrixXd& a, const MatrixXd& b, double tolerance) {
    return a.rows() == b.rows() && a.cols() == b.cols() && (a - b).norm() <= tolerance * (1 + b.norm());
  }
  VectorXd point() {
    VectorXd out(s_.n_parameters(q_));
    for (Index k = 0; k < out.size(); ++k) out[k] = std::normal_distribution<double>()(random_);
    return out;
  }
  template <class F>
  static MatrixXd slope(const VectorXd& at, Index k, const F& f) {
    const double size = kStep * (at[k] != 0 ? std::min(1.0, std::abs(at[k])) : 1.0);
    const VectorXd step = size * VectorXd::Unit(at.size(), k);
    return (f(at + step) - f(at - step)) / (2 * size);
  }
  MatrixXd sigma(const VectorXd& theta) const { return s_.sigma(theta, q_); }

  void sizes() {
    expect(!s_.name().empty(), "has a name");
    expect(s_.start(q_).size() == s_.n_parameters(q_), "start() has n_parameters() entries");
    for (const Parameter& p : s_.parameters(q_))
      expect(p.row < q_ && p.col <= p.row && p.col >= 0 && p.lower < p.upper,
             "parameters() stand in the lower triangle");
    for (const Index k : s_.pivots(q_)) expect(k >= 0 && k < s_.n_parameters(q_), "pivots() are entries of theta");
  }

  void roots(const VectorXd& theta) {
    const MatrixXd l = s_.factor(theta, q_);
    expect(l.rows() == q_ && l.cols() == q_, "factor() is q x q");
    expect(same(l * l.transpose(), sigma(theta), 1e-12), "factor() is a root of sigma()");
    for (Index k = 0; k < theta.size() && s_.root_derivatives(); ++k) {
      const MatrixXd first = s_.factor_derivative(theta, q_, k);
      expect(same(first, slope(theta, k, [&](const VectorXd& at) { return s_.factor(at, q_); }), kFirst),
             "factor_derivative() is the derivative of factor()");
      for (Index j = 0; j < theta.size(); ++j) {
        const MatrixXd second = slope(theta, k, [&](const VectorXd& at) { return s_.factor_derivative(at, q_, j); });
        expect(same(s_.factor_second_derivative(theta, q_, j, k), second, kSecond),
               "factor_second_derivative() is the derivative of factor_derivative()");
      }
    }
    const VectorXd zero = s_.project(MatrixXd::Zero(q_, q_));
    expect(sigma(zero).isZero(0), "project() leads to variances of exactly zero");
    for (Index k = 0; k < zero.size(); ++k)
      expect(s_.sigma_derivative(zero, q_, k).allFinite(), "derivatives exist at zero");
  }

  void natural(const VectorXd& theta) {
    const VectorXd psi = s_.psi(theta, q_);
    expect(psi.size() == static_cast<Index>(s_.parameters(q_).size()), "psi() has an entry for each of parameters()");
    expect(same(s_.sigma_of(psi, q_), sigma(theta), 1e-12), "psi and theta lead to the same Sigma");
    const MatrixXd jacobian = s_.jacobian(theta, q_);
    for (Index k = 0; k < theta.size(); ++k) {
      expect(same(jacobian.col(k), slope(theta, k, [&](const VectorXd& at) { return s_.psi(at, q_); }), kFirst),
             "jacobian() is the derivative of psi()");
      expect(same(s_.sigma_derivative(theta, q_, k), slope(theta, k, [&](const VectorXd& at) { return sigma(at); }),
                  kFirst),
             "sigma_derivative() is the derivative of sigma()");
      for (Index j = 0; j < theta.size() && s_.bounded(); ++j) {
        const MatrixXd half = s_.half_curvature(theta, q_, j, k);
        const MatrixXd second = slope(theta, k, [&](const VectorXd& at) { return s_.sigma_derivative(at, q_, j); });
        expect(same(half + half.transpose(), second, s_.root_derivatives() ? kSecond : kFirst),
               "half_curvature() is half of the second derivative of sigma()");
      }
    }
  }

  void entries(const VectorXd& theta) {
    const VectorXd psi = s_.psi(theta, q_);
    const MatrixXd jacobian = s_.jacobian(theta, q_);
    for (Index k = 0; k < psi.size(); ++k) {
      const auto entry = s_.entry_of(k, q_, psi[k]);
      if (!entry) continue;
      VectorXd again = theta;
      again[entry->place] = entry->value;
      expect(same(s_.psi(again, q_), psi, 1e-10), "entry_of() leads to the value of its parameter");
      for (Index j = 0; j < theta.size(); ++j)
        expect(j == entry->place || jacobian(k, j) == 0, "entry_of() alone makes its parameter");
    }
  }

  void natural_derivatives(const VectorXd& psi) {
    const VectorXd weight = s_.scaling(psi, q_);
    MatrixXd sum = MatrixXd::Zero(q_, q_);
    for (Index k = 0; k < psi.size(); ++k) {
      const MatrixXd first = s_.derivative(psi, q_, k);
      sum += weight[k] * first;
      expect(same(first, first.transpose(), 0), "derivative() is symmetric");
      expect(same(first, slope(psi, k, [&](const VectorXd& at) { return s_.sigma_of(at, q_); }), kFirst),
             "derivative() is the derivative of sigma_of()");
      for (Index j = 0; j < psi.size(); ++j) {
        const MatrixXd second = s_.second_derivative(psi, q_, j, k);
        expect(same(second, slope(psi, k, [&](const VectorXd& at) { return s_.derivative(at, q_, j); }), kFirst),
               "second_derivative() is the derivative of derivative()");
        expect(!s_.linear() || second.isZero(0), "a linear structure has no second derivatives");
      }
    }
    expect(same(sum, s_.sigma_of(psi, q_), 1e-12), "scaling() are Euler's weights");
  }

  void scales(const VectorXd& theta) {
    for (const double c : {0.2, 7.0}) {
      const VectorXd other = s_.scaled(theta, q_, c);
      expect(same(sigma(other) / (c * c), sigma(theta), 1e-12), "scaled() multiplies Sigma by the square");
    }
    if (!s_.bounded()) return;
    const VectorXd one = s_.canonical(theta, q_);
    expect(same(sigma(one), sigma(theta), 1e-12), "canonical() leads to the same Sigma");
    expect(s_.factor(one, q_).diagonal().minCoeff() >= 0,
           "canonical() leaves no negative entry on the diagonal of factor()");
    for (Index column = 0; column < q_; ++column) {
      if (!s_.alone(q_, column)) continue;
      VectorXd without = theta;
      without[*s_.alone(q_, column)] = 0;
      MatrixXd expected = sigma(theta);
      expected.row(column).setZero();
      expected.col(column).setZero();
      expect(same(sigma(without), expected, 1e-12), "alone() is the standard deviation of its column and nothing else");
    }
  }

  void projection(const VectorXd& theta) {
    const MatrixXd at = sigma(theta);
    if (s_.bounded())
      expect(same(sigma(s_.theta_of(s_.psi(theta, q_), q_)), at, 1e-10), "theta_of() leads back to the same Sigma");
    if (!s_.exact_projection()) return;
    expect(same(sigma(s_.project(at)), at, 1e-10), "project() leads back to the same Sigma");
    if (!s_.bounded()) return;
    expect(same(sigma(s_.of_root(s_.factor(theta, q_))), at, 1e-10), "of_root() leads back to the same Sigma");
    expect(s_.factor(s_.project(at), q_).diagonal().minCoeff() >= 0,
           "project() leaves no negative entry on the diagonal");
  }

  // B Sigma B' is of the structure for every B that closed_under() admits.
  void closure(const VectorXd& theta) {
    MatrixXd b = MatrixXd::Identity(q_, q_);
    const Closure closure = s_.closed_under();
    if (closure == Closure::none || !s_.exact_projection()) return;
    if (closure == Closure::common_scale) b *= 3;
    for (Index i = 0; i < q_ && closure != Closure::common_scale; ++i)
      for (Index j = 0; j < q_; ++j)
        if (i == j || closure == Closure::any) b(i, j) = std::uniform_real_distribution<double>(0.5, 2)(random_);
    const MatrixXd moved = b * sigma(theta) * b.transpose();
    expect(same(sigma(s_.project(moved)), moved, 1e-9),
           "is closed under the changes of columns that closed_under() names");
  }

  const Covariance& s_;
  Index q_;
  std::mt19937 random_;
  std::vector<std::string> broken_;
};

inline std::vector<std::string> broken_promises(const Covariance& structure, Index q, unsigned seed = 1) {
  return ContractCheck(structure, q, seed).run();
}

}  // namespace testing
}  // namespace henderson

#endif
