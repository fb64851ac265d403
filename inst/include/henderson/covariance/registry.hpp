// Every covariance structure the engine knows. To add one: write its header, add its line here.
#ifndef HENDERSON_COVARIANCE_REGISTRY_HPP
#define HENDERSON_COVARIANCE_REGISTRY_HPP

#include <memory>
#include <string>
#include <vector>

#include "henderson/covariance/diagonal.hpp"
#include "henderson/covariance/unbounded.hpp"
#include "henderson/covariance/unstructured.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

inline const std::vector<std::shared_ptr<const Covariance>>& covariance_structures() {
  static const std::vector<std::shared_ptr<const Covariance>> all = {
      std::make_shared<Unstructured>(),
      std::make_shared<Diagonal>(),
      std::make_shared<Unbounded>(std::make_shared<Unstructured>()),
      std::make_shared<Unbounded>(std::make_shared<Diagonal>()),
  };
  return all;
}

inline const Covariance& covariance_structure(const std::string& name) {
  for (const auto& structure : covariance_structures())
    if (structure->name() == name) return *structure;
  throw Error("input", "there is no covariance structure `" + name + "`");
}

}  // namespace henderson

#endif
