// Every residual structure by name. To add one: write its class, add its line here.
#ifndef HENDERSON_RESIDUAL_REGISTRY_HPP
#define HENDERSON_RESIDUAL_REGISTRY_HPP

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "henderson/linalg/error.hpp"
#include "henderson/residual/composed.hpp"
#include "henderson/residual/visits.hpp"

namespace henderson {

using ResidualPointer = std::shared_ptr<const ResidualStructure>;

struct ResidualRequest {
  std::string name = "iid";
  Index visits = 0;  // for structures over visits
  Index bands = 0;   // highest lag with a parameter
};

template <class K>
ResidualPointer stationary() {
  return std::make_shared<Stationary>(std::make_shared<K>());
}

inline ResidualPointer by_visit(Index visits, ResidualPointer correlation) {
  return std::make_shared<Heterogeneous>(visits, std::move(correlation));
}

inline ResidualPointer correlations(const ResidualRequest& r, CorrelationEntries::Sharing sharing) {
  return std::make_shared<CorrelationEntries>(r.visits, sharing, r.bands);
}

inline const std::map<std::string, std::function<ResidualPointer(const ResidualRequest&)>>& residual_structures() {
  using R = const ResidualRequest&;
  using Sharing = CorrelationEntries::Sharing;
  static const std::map<std::string, std::function<ResidualPointer(R)>> all = {
      {"iid", [](R) { return std::make_shared<Independent>(); }},
      {"ar1", [](R) { return stationary<Autoregressive>(); }},
      {"arma", [](R) { return stationary<AutoregressiveMovingAverage>(); }},
      {"exp", [](R) { return stationary<Exponential>(); }},
      {"gau", [](R) { return stationary<Gaussian>(); }},
      {"sph", [](R) { return stationary<Spherical>(); }},
      {"lin", [](R) { return stationary<LinearDecay>(); }},
      {"ratio", [](R) { return stationary<RationalQuadratic>(); }},
      {"us", [](R r) { return std::make_shared<UnstructuredVisits>(r.visits, r.bands); }},
      {"diag", [](R r) { return std::make_shared<DiagonalVisits>(r.visits); }},
      {"cs", [](R r) { return std::make_shared<CompoundSymmetry>(r.visits, false); }},
      {"cs_own", [](R r) { return std::make_shared<CompoundSymmetry>(r.visits, true); }},
      {"corr", [](R r) { return correlations(r, Sharing::none); }},
      {"toep",
       [](R r) {
         return std::make_shared<CorrelationEntries>(r.visits, Sharing::by_lag, r.bands, ResidualKind::covariance);
       }},
      {"ad", [](R r) { return std::make_shared<Antedependence>(r.visits); }},
      {"csh", [](R r) { return by_visit(r.visits, correlations(r, Sharing::all)); }},
      {"toeph", [](R r) { return by_visit(r.visits, correlations(r, Sharing::by_lag)); }},
      {"ar1h", [](R r) { return by_visit(r.visits, stationary<Autoregressive>()); }},
      {"adh", [](R r) { return by_visit(r.visits, std::make_shared<Antedependence>(r.visits)); }},
  };
  return all;
}

inline ResidualPointer residual_structure(const ResidualRequest& request) {
  const auto found = residual_structures().find(request.name);
  if (found == residual_structures().end())
    throw Error("input", "there is no residual structure `" + request.name + "`");
  return found->second(request);
}

}  // namespace henderson

#endif
