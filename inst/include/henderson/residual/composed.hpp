// Structures made of structures: with a nugget, with a variance of its own, as a separable product.
#ifndef HENDERSON_RESIDUAL_COMPOSED_HPP
#define HENDERSON_RESIDUAL_COMPOSED_HPP

#include <memory>
#include <utility>

#include "henderson/residual/structure.hpp"

namespace henderson {

// No correlation and one variance.
class Independent : public ResidualStructure {
 public:
  std::vector<ResidualParameter> parameters() const override { return {}; }
  std::vector<VectorXd> starts(const ResidualMoments&) const override { return {VectorXd()}; }
  void fill(const VectorXd&, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
};

// The variance alone, as a factor without columns: a matrix of one row.
class VarianceFactor : public ResidualStructure {
 public:
  std::vector<ResidualParameter> parameters() const override;
  std::vector<VectorXd> starts(const ResidualMoments&) const override { return {VectorXd::Ones(1)}; }
  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
};

// A structure with one more parameter behind its own; the search moves the structure's part as the structure does.
class Extended : public ResidualStructure {
 public:
  bool owns_scale() const override { return inner_->owns_scale(); }
  bool kinked() const override { return inner_->kinked(); }
  bool searches_every_start() const override { return inner_->searches_every_start(); }
  void beside(double range, const MatrixXd& positions, double& below, double& above) const override {
    inner_->beside(range, positions, below, above);
  }
  std::vector<ResidualParameter> parameters() const override;
  VectorXd moved(const VectorXd& psi, const VectorXd& step) const override;
  MatrixXd jacobian(const VectorXd& psi) const override;
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const override;
  std::vector<VectorXd> alternatives(const VectorXd& psi) const override;

 protected:
  Extended(std::shared_ptr<const ResidualStructure> inner, ResidualParameter last);
  std::vector<VectorXd> extended_starts(const ResidualMoments& moments, const std::vector<double>& last) const;
  std::shared_ptr<const ResidualStructure> inner_;
  ResidualParameter last_;
};

// (1 - share) C + share I: measurement error beside the process.
class Nugget : public Extended {
 public:
  explicit Nugget(std::shared_ptr<const ResidualStructure> inner);
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
};

// variance * C, for groups that each have a variance.
class Scaled : public Extended {
 public:
  explicit Scaled(std::shared_ptr<const ResidualStructure> inner);
  bool owns_scale() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
  std::vector<AxisFactor> axes(Index columns) const override;

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;
};

// Separable: R_ab is the product of both structures, each at its own columns of the positions.
class Product : public ResidualStructure {
 public:
  Product(std::shared_ptr<const ResidualStructure> first, Index first_columns,
          std::shared_ptr<const ResidualStructure> second);
  bool owns_scale() const override { return a_->owns_scale() || b_->owns_scale(); }
  bool kinked() const override { return a_->kinked() || b_->kinked(); }
  bool searches_every_start() const override { return a_->searches_every_start() || b_->searches_every_start(); }
  void beside(double range, const MatrixXd& positions, double& below, double& above) const override {
    a_->beside(range, positions.leftCols(columns_), below, above);
    b_->beside(range, positions.rightCols(positions.cols() - columns_), below, above);
  }
  std::vector<ResidualParameter> parameters() const override;
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override;
  VectorXd moved(const VectorXd& psi, const VectorXd& step) const override;
  MatrixXd jacobian(const VectorXd& psi) const override;
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const override;
  std::vector<AxisFactor> axes(Index columns) const override;

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override;

 private:
  static MatrixXd blocks(const MatrixXd& a, const MatrixXd& b);
  std::shared_ptr<const ResidualStructure> a_, b_;
  Index columns_, k_, l_;
};

}  // namespace henderson

#endif
