// The residual covariance of a whole model: one structure, its parameters repeated for each group of subjects, and a
// variance function of the rows.
//
// psi holds the parameters of group 1, 2, ..., then those of the variance function, without the ones that are held at
// known values: R_ab is structure_ab exp((v_a + v_b) / 2).
#ifndef HENDERSON_RESIDUAL_RESIDUAL_MODEL_HPP
#define HENDERSON_RESIDUAL_RESIDUAL_MODEL_HPP

#include <memory>
#include <utility>

#include "henderson/residual/variance_function.hpp"

namespace henderson {

// R of one subject with the numbers of the parameters on which it depends.
struct SubjectMatrices {
  std::vector<Index> active;
  ResidualMatrices m;
};

class ResidualModel {
 public:
  ResidualModel() = default;
  ResidualModel(std::shared_ptr<const ResidualStructure> structure, Index groups, VarianceFunction variance);

  // Holds these of all parameters at these values.
  void hold(const std::vector<Index>& which, const VectorXd& values);
  // Holds these of the free parameters as well.
  void hold_also(const std::vector<Index>& which, const VectorXd& values);

  Index size() const { return static_cast<Index>(free_.size()); }
  Index groups() const { return groups_; }
  const VarianceFunction& variance() const { return variance_; }
  bool owns_scale() const { return structure_->owns_scale(); }
  const ResidualStructure& structure() const { return *structure_; }
  // Group of each parameter from 1; 0 for those of the variance function.
  std::vector<Index> group_of() const;
  std::vector<ResidualParameter> parameters() const;
  // All parameters, the held ones included.
  VectorXd whole(const VectorXd& psi) const;
  // The free ones of all parameters.
  VectorXd free(const VectorXd& all) const;

  // `w`: rows of the subject x variance covariates.
  void fill(const VectorXd& psi, Index group, const MatrixXd& positions, const MatrixXd& w, int order,
            SubjectMatrices& out) const;
  // The factors of a separable structure without a variance function, for positions of so many columns; else empty.
  std::vector<AxisFactor> axes(Index columns) const;
  Index first_of(Index group) const { return group * own_; }
  Index place(Index parameter) const { return place_[parameter]; }  // within psi, -1 where held
  // Parameters of one group where the structure links neighbors alone and nothing else is in the model; -1 where not.
  Index chain(Index group) const;

  VectorXd moved(const VectorXd& psi, const VectorXd& step) const;
  MatrixXd jacobian(const VectorXd& psi) const;
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const;
  VectorXd canonical(const VectorXd& psi) const;
  std::vector<VectorXd> starts(const ResidualMoments& moments, const MatrixXd& w) const;

 private:
  std::vector<ResidualParameter> all_parameters() const;
  void add_variances(const VectorXd& gamma, const MatrixXd& w, int order, SubjectMatrices& out) const;
  void keep_free(int order, SubjectMatrices& out) const;
  bool has_held() const { return size() < base_.size(); }

  std::shared_ptr<const ResidualStructure> structure_;
  VarianceFunction variance_;
  Index groups_ = 1, own_ = 0;
  std::vector<Index> free_, place_;  // numbers of the free parameters; place of each within them, or -1
  VectorXd base_;                    // values of the held ones
};

}  // namespace henderson

#endif
