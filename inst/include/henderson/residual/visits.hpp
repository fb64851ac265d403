// Structures over visits that are not linear in their parameters: antedependence, and a variance for each visit.
#ifndef HENDERSON_RESIDUAL_VISITS_HPP
#define HENDERSON_RESIDUAL_VISITS_HPP

#include <memory>
#include <utility>

#include "henderson/residual/linear_visits.hpp"

namespace henderson {

// First-order antedependence: the correlation of two visits is the product of the links between them.
class Antedependence : public ResidualStructure {
 public:
  explicit Antedependence(Index visits) : visits_(visits) {}
  std::vector<ResidualParameter> parameters() const override;
  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;

 private:
  static double product(const VectorXd& psi, Index from, Index to, Index without, Index nor);
  Index visits_;
};

// One variance for each visit around any correlation.
class Heterogeneous : public ResidualStructure {
 public:
  Heterogeneous(Index visits, std::shared_ptr<const ResidualStructure> correlation);
  bool owns_scale() const override { return true; }
  std::vector<ResidualParameter> parameters() const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;

 private:
  // d log R_ab / d log v_k: one half for each of the two rows that is at visit k.
  static MatrixXd share(const MatrixXd& positions, Index k);
  Index visits_;
  std::shared_ptr<const ResidualStructure> correlation_;
};

}  // namespace henderson

#endif
