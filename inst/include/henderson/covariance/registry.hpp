// Every covariance structure the engine knows. To add one: write its header, add its line here.
#ifndef HENDERSON_COVARIANCE_REGISTRY_HPP
#define HENDERSON_COVARIANCE_REGISTRY_HPP

#include <memory>
#include <string>
#include <vector>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

const std::vector<std::shared_ptr<const Covariance>>& covariance_structures();

const Covariance& covariance_structure(const std::string& name);

}  // namespace henderson

#endif
