// A number with its first and second derivatives in a few variables.
#ifndef HENDERSON_COVARIANCE_JET_HPP
#define HENDERSON_COVARIANCE_JET_HPP

#include <Eigen/Core>

namespace henderson {

struct Jet {
  double value = 0;
  Eigen::VectorXd first;
  Eigen::MatrixXd second;

  Jet() = default;
  Jet(double constant, Eigen::Index variables)
      : value(constant), first(Eigen::VectorXd::Zero(variables)), second(Eigen::MatrixXd::Zero(variables, variables)) {}

  // f(x_k), with the first and second derivative of f there.
  static Jet of_variable(Eigen::Index k, Eigen::Index variables, double value, double slope, double bend) {
    Jet out(value, variables);
    out.first[k] = slope;
    out.second(k, k) = bend;
    return out;
  }
};

inline Jet operator+(Jet a, const Jet& b) {
  a.value += b.value;
  a.first += b.first;
  a.second += b.second;
  return a;
}

inline Jet operator*(double c, Jet a) {
  a.value *= c;
  a.first *= c;
  a.second *= c;
  return a;
}

inline Jet operator-(const Jet& a, const Jet& b) { return a + (-1.0) * b; }

inline Jet operator*(const Jet& a, const Jet& b) {
  Jet out(a.value * b.value, a.first.size());
  out.first = a.value * b.first + b.value * a.first;
  out.second = a.value * b.second + b.value * a.second + a.first * b.first.transpose() + b.first * a.first.transpose();
  return out;
}

}  // namespace henderson

#endif
