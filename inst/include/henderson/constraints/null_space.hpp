// The span of the gradients of constraints, and what is orthogonal to it.
#ifndef HENDERSON_CONSTRAINTS_NULL_SPACE_HPP
#define HENDERSON_CONSTRAINTS_NULL_SPACE_HPP

#include <Eigen/Core>

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Columns C, each taken in its own unit.
class NullSpace {
 public:
  explicit NullSpace(const MatrixXd& columns);

  const MatrixXd& along() const { return along_; }   // orthonormal basis of the complement
  // The shortest x with C'x = gap, and the multipliers l with C l nearest to -gradient.
  VectorXd restore(const VectorXd& gap) const;
  VectorXd multipliers(const VectorXd& gradient) const;

 private:
  VectorXd size_;
  MatrixXd along_, across_, weight_;
};

}  // namespace henderson

#endif
