// Every covariance structure the engine knows. To add one: write its header, add its line in registry.cpp.
#ifndef HENDERSON_COVARIANCE_REGISTRY_HPP
#define HENDERSON_COVARIANCE_REGISTRY_HPP

#include <memory>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

const std::vector<std::shared_ptr<const Covariance>>& covariance_structures();

// Adds a structure from elsewhere; its name must be new. Not while others read the registry.
void add_covariance_structure(std::shared_ptr<const Covariance> structure);

const Covariance& covariance_structure(const std::string& name);

// What a term says of its structure beside the name.
struct CovarianceSpec {
  std::string name;
  MatrixXd positions;   // one row for each column of Z; empty where the structure has no use for them
  Index rank = 0;       // factors
};

// The registered structure of this name, or one made for these positions or this many factors.
std::shared_ptr<const Covariance> make_covariance(const CovarianceSpec& spec);

}  // namespace henderson

#endif
