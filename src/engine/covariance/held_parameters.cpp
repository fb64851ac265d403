#include "henderson/covariance/held_parameters.hpp"

#include <algorithm>
#include <utility>

#include "henderson/linalg/error.hpp"

namespace henderson {

namespace {

VectorXd taken(const VectorXd& x, const std::vector<Index>& which) {
  VectorXd out(static_cast<Index>(which.size()));
  for (Index k = 0; k < out.size(); ++k) out[k] = x[which[k]];
  return out;
}

VectorXd replaced(VectorXd x, const std::vector<Index>& which, const VectorXd& values) {
  for (Index k = 0; k < values.size(); ++k) x[which[k]] = values[k];
  return x;
}

// What is not among `held`, of 0, ..., n - 1.
std::vector<Index> others(Index n, const std::vector<Index>& held) {
  std::vector<Index> out;
  for (Index k = 0; k < n; ++k)
    if (std::find(held.begin(), held.end(), k) == held.end()) out.push_back(k);
  return out;
}

}  // namespace

HeldParameters::HeldParameters(std::shared_ptr<const Covariance> whole, Index q, const std::vector<Index>& which,
                               const VectorXd& values)
    : whole_(std::move(whole)), theta_(whole_->start(q)), psi_(whole_->psi(theta_, q)) {
  const std::vector<Parameter> own = whole_->parameters(q);
  std::vector<Index> entries;
  for (Index k = 0; k < values.size(); ++k) {
    const auto entry = whole_->entry_of(which[k], q, values[k]);
    if (!entry) throw Error("input", "a parameter of the structure `" + whole_->name() + "` cannot be held");
    entries.push_back(entry->place);
    theta_[entry->place] = entry->value;
    psi_[which[k]] = values[k];
    scale_held_ = scale_held_ || scale_weight(own[which[k]].kind) != 0;
  }
  entry_ = others(theta_.size(), entries);
  parameter_ = others(psi_.size(), which);
}

std::optional<Index> HeldParameters::place(Index entry) const {
  const auto at = std::find(entry_.begin(), entry_.end(), entry);
  return at == entry_.end() ? std::nullopt : std::optional<Index>(at - entry_.begin());
}

VectorXd HeldParameters::all(const VectorXd& theta) const { return replaced(theta_, entry_, theta); }
VectorXd HeldParameters::free(const VectorXd& theta) const { return taken(theta, entry_); }
VectorXd HeldParameters::all_psi(const VectorXd& psi) const { return replaced(psi_, parameter_, psi); }
VectorXd HeldParameters::free_psi(const VectorXd& psi) const { return taken(psi, parameter_); }

std::vector<Index> HeldParameters::pivots(Index q) const {
  std::vector<Index> out;
  for (const Index entry : whole_->pivots(q))
    if (const auto own = place(entry)) out.push_back(*own);
  return out;
}

std::optional<Index> HeldParameters::alone(Index q, Index column) const {
  const auto entry = whole_->alone(q, column);
  return entry ? place(*entry) : std::nullopt;
}

std::vector<Parameter> HeldParameters::parameters(Index q) const {
  const std::vector<Parameter> own = whole_->parameters(q);
  std::vector<Parameter> out;
  for (const Index k : parameter_) out.push_back(own[k]);
  return out;
}

VectorXd HeldParameters::scaling(const VectorXd& psi, Index q) const {
  return free_psi(whole_->scaling(all_psi(psi), q));
}

VectorXd HeldParameters::psi(const VectorXd& theta, Index q) const { return free_psi(whole_->psi(all(theta), q)); }

MatrixXd HeldParameters::jacobian(const VectorXd& theta, Index q) const {
  const MatrixXd whole = whole_->jacobian(all(theta), q);
  MatrixXd out(static_cast<Index>(parameter_.size()), static_cast<Index>(entry_.size()));
  for (Index i = 0; i < out.rows(); ++i)
    for (Index j = 0; j < out.cols(); ++j) out(i, j) = whole(parameter_[i], entry_[j]);
  return out;
}

}  // namespace henderson
