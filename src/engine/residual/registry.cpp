#include "henderson/residual/registry.hpp"

namespace henderson {

namespace {

template <class K>
ResidualPointer stationary(const ResidualRequest& r) {
  return std::make_shared<Stationary>(std::make_shared<K>(), r.metric);
}

ResidualPointer by_visit(Index visits, ResidualPointer correlation) {
  return std::make_shared<Heterogeneous>(visits, std::move(correlation));
}

ResidualPointer correlations(const ResidualRequest& r, CorrelationEntries::Sharing sharing) {
  return std::make_shared<CorrelationEntries>(r.visits, sharing, r.bands);
}

}  // namespace

const std::map<std::string, std::function<ResidualPointer(const ResidualRequest&)>>& residual_structures() {
  using R = const ResidualRequest&;
  using Sharing = CorrelationEntries::Sharing;
  static const std::map<std::string, std::function<ResidualPointer(R)>> all = {
      {"iid", [](R) { return std::make_shared<Independent>(); }},
      {"ar1", [](R r) { return stationary<Autoregressive>(r); }},
      {"arma", [](R r) { return stationary<AutoregressiveMovingAverage>(r); }},
      {"exp", [](R r) { return stationary<Exponential>(r); }},
      {"gau", [](R r) { return stationary<Gaussian>(r); }},
      {"sph", [](R r) { return stationary<Spherical>(r); }},
      {"lin", [](R r) { return stationary<LinearDecay>(r); }},
      {"ratio", [](R r) { return stationary<RationalQuadratic>(r); }},
      {"series", [](R r) { return std::make_shared<ArmaSeries>(r.p, r.q); }},
      {"matern", [](R r) { return std::make_shared<Stationary>(std::make_shared<Matern>(r.shape), r.metric); }},
      {"known", [](R r) { return std::make_shared<KnownBlocks>(r.blocks, r.estimated); }},
      {"us", [](R r) { return std::make_shared<UnstructuredVisits>(r.visits, r.bands); }},
      {"diag", [](R r) { return std::make_shared<DiagonalVisits>(r.visits); }},
      {"cs", [](R r) { return std::make_shared<CompoundSymmetry>(r.visits, false); }},
      {"cs_own", [](R r) { return std::make_shared<CompoundSymmetry>(r.visits, true); }},
      {"corr", [](R r) { return correlations(r, Sharing::none); }},
      {"toep",
       [](R r) {
         return std::make_shared<CorrelationEntries>(r.visits, Sharing::by_lag, r.bands, ResidualKind::covariance);
       }},
      {"toep_own", [](R r) { return std::make_shared<ToeplitzCovariance>(r.visits, r.bands); }},
      {"one_correlation", [](R r) { return correlations(r, Sharing::all); }},
      {"by_lag", [](R r) { return correlations(r, Sharing::by_lag); }},
      {"ad", [](R r) { return std::make_shared<Antedependence>(r.visits); }},
      {"csh", [](R r) { return by_visit(r.visits, correlations(r, Sharing::all)); }},
      {"toeph", [](R r) { return by_visit(r.visits, correlations(r, Sharing::by_lag)); }},
      {"ar1h", [](R r) { return by_visit(r.visits, stationary<Autoregressive>(r)); }},
      {"adh", [](R r) { return by_visit(r.visits, std::make_shared<Antedependence>(r.visits)); }},
  };
  return all;
}

ResidualPointer residual_structure(const ResidualRequest& request) {
  const auto found = residual_structures().find(request.name);
  if (found == residual_structures().end())
    throw Error("input", "there is no residual structure `" + request.name + "`");
  return found->second(request);
}

}  // namespace henderson
