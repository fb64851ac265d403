// Eigenvalues of a diagonal matrix less one of low rank, D - A A', by counting and halving: the matrix is never formed.
#ifndef HENDERSON_LINALG_DEFLATED_SPECTRUM_HPP
#define HENDERSON_LINALG_DEFLATED_SPECTRUM_HPP

#include <Eigen/Core>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

class DeflatedSpectrum {
 public:
  using Index = Eigen::Index;
  using MatrixXd = Eigen::MatrixXd;
  using VectorXd = Eigen::VectorXd;

  // A has a row for each entry of `diagonal`. Each count takes rows x columns^2 operations.
  DeflatedSpectrum(const VectorXd& diagonal, const MatrixXd& a) : diagonal_(diagonal), a_(a) {}

  // How many eigenvalues are below x, from the inertia (Haynsworth 1968) of [D - x, A; A', I], in which either diagonal
  // block can be eliminated first: negative(D - A A' - x) = negative(D - x) + negative(I - A' (D - x)^-1 A).
  Index below(double x) const;

  // Those above `least` > 0, ascending, each to 12 digits; to 8 where several entries of D are as near to each other
  // and the counts between them lose what the rounding of A' (D - x)^-1 A covers.
  VectorXd above(double least, Checkpoint& checkpoint) const;

 private:
  struct Bracket {
    double low, high;
    Index count_low, count_high;
  };
  VectorXd diagonal_;
  MatrixXd a_;
};

}  // namespace henderson

#endif
