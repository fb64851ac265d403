// Every residual structure by name. To add one: write its class, add its entry in registry.cpp.
#ifndef HENDERSON_RESIDUAL_REGISTRY_HPP
#define HENDERSON_RESIDUAL_REGISTRY_HPP

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "henderson/linalg/error.hpp"
#include "henderson/residual/arma.hpp"
#include "henderson/residual/composed.hpp"
#include "henderson/residual/known_blocks.hpp"
#include "henderson/residual/matern.hpp"
#include "henderson/residual/visits.hpp"

namespace henderson {

using ResidualPointer = std::shared_ptr<const ResidualStructure>;

struct ResidualRequest {
  std::string name = "iid";
  Index visits = 0;  // for structures over visits
  Index bands = 0;   // highest lag with a parameter
  Index p = 1, q = 1;  // orders of an ARMA process
  double shape = 0;    // of a Matern correlation; 0 for a parameter
  Metric metric = Metric::euclidean;
  std::vector<KnownBlocks::Blocks> blocks;
  bool estimated = false;  // do known matrices have coefficients?
};

const std::map<std::string, std::function<ResidualPointer(const ResidualRequest&)>>& residual_structures();

ResidualPointer residual_structure(const ResidualRequest& request);

}  // namespace henderson

#endif
