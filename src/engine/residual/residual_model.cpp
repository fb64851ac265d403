#include "henderson/residual/residual_model.hpp"

namespace henderson {

ResidualModel::ResidualModel(std::shared_ptr<const ResidualStructure> structure, Index groups,
                             VarianceFunction variance)
    : structure_(std::move(structure)), variance_(std::move(variance)), groups_(groups), own_(structure_->size()) {
  hold({}, VectorXd());
}

void ResidualModel::hold(const std::vector<Index>& which, const VectorXd& values) {
  const Index k = groups_ * own_ + variance_.size();
  base_ = VectorXd::Zero(k);
  place_.assign(k, 0);
  free_.clear();
  for (std::size_t i = 0; i < which.size(); ++i) {
    base_[which[i]] = values[static_cast<Index>(i)];
    place_[which[i]] = -1;
  }
  for (Index i = 0; i < k; ++i)
    if (place_[i] == 0) {
      place_[i] = size();
      free_.push_back(i);
    }
}

void ResidualModel::hold_also(const std::vector<Index>& which, const VectorXd& values) {
  std::vector<Index> all;
  std::vector<double> at(values.data(), values.data() + values.size());
  for (const Index k : which)
    all.push_back(free_[k]);
  for (Index i = 0; i < base_.size(); ++i)
    if (place_[i] < 0) {
      all.push_back(i);
      at.push_back(base_[i]);
    }
  hold(all, Eigen::Map<const VectorXd>(at.data(), static_cast<Index>(at.size())));
}

std::vector<ResidualParameter> ResidualModel::all_parameters() const {
  std::vector<ResidualParameter> out;
  const std::vector<ResidualParameter> own = structure_->parameters();
  for (Index g = 0; g < groups_; ++g)
    out.insert(out.end(), own.begin(), own.end());
  out.insert(out.end(), variance_.parameters().begin(), variance_.parameters().end());
  return out;
}

std::vector<ResidualParameter> ResidualModel::parameters() const {
  const std::vector<ResidualParameter> all = all_parameters();
  std::vector<ResidualParameter> out;
  for (const Index i : free_)
    out.push_back(all[i]);
  return out;
}

std::vector<Index> ResidualModel::group_of() const {
  std::vector<Index> out;
  for (const Index i : free_)
    out.push_back(i < own_ * groups_ ? i / own_ + 1 : 0);
  return out;
}

VectorXd ResidualModel::whole(const VectorXd& psi) const {
  VectorXd out = base_;
  for (Index i = 0; i < size(); ++i)
    out[free_[i]] = psi[i];
  return out;
}

VectorXd ResidualModel::free(const VectorXd& all) const {
  VectorXd out(size());
  for (Index i = 0; i < size(); ++i)
    out[i] = all[free_[i]];
  return out;
}

void ResidualModel::fill(const VectorXd& psi, Index group, const MatrixXd& positions, const MatrixXd& w, int order,
                         SubjectMatrices& out) const {
  const VectorXd all = whole(psi);
  structure_->fill(all.segment(group * own_, own_), positions, order, out.m);
  out.active.clear();
  for (Index k = 0; k < own_; ++k)
    out.active.push_back(group * own_ + k);
  if (variance_.size() > 0) add_variances(all.tail(variance_.size()), w, order, out);
  keep_free(order, out);
}

// R_i = R o (v_i,a + v_i,b) / 2, and once more for second derivatives.
void ResidualModel::add_variances(const VectorXd& gamma, const MatrixXd& w, int order, SubjectMatrices& out) const {
  ResidualMatrices& m = out.m;
  const LogVariances v = variance_.at(gamma, w, order);
  const VectorXd sd = (v.v / 2).array().exp();
  const MatrixXd scale = sd * sd.transpose();
  m.r = m.r.cwiseProduct(scale).eval();
  for (MatrixXd& d : m.d)
    d = d.cwiseProduct(scale).eval();
  for (MatrixXd& d : m.dd)
    if (d.size() > 0) d = d.cwiseProduct(scale).eval();
  const VectorXd one = VectorXd::Ones(w.rows());
  const auto mean = [&](const VectorXd& x) { return MatrixXd((x * one.transpose() + one * x.transpose()) / 2); };
  for (Index j = 0; j < variance_.size(); ++j) {
    out.active.push_back(groups_ * own_ + j);
    if (order < 1) continue;
    const MatrixXd own = mean(v.d[j]);
    for (Index i = 0; order > 1 && i < own_ + j; ++i)
      m.dd.push_back(m.d[i].cwiseProduct(own));
    m.d.push_back(m.r.cwiseProduct(own));
    if (order > 1) m.dd.push_back(m.d.back().cwiseProduct(own));
  }
  for (const LogVariances::Second& second : v.dd)
    m.second(own_ + second.i, own_ + second.j) += m.r.cwiseProduct(mean(second.value));
}

void ResidualModel::keep_free(int order, SubjectMatrices& out) const {
  if (!has_held()) return;
  std::vector<Index> kept;
  SubjectMatrices whole = std::move(out);
  for (std::size_t i = 0; i < whole.active.size(); ++i)
    if (place_[whole.active[i]] >= 0) kept.push_back(static_cast<Index>(i));
  out.m.r = std::move(whole.m.r);
  out.m.resize(static_cast<Index>(kept.size()), order);
  out.active.clear();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    out.active.push_back(place_[whole.active[kept[i]]]);
    if (order > 0) out.m.d[i] = whole.m.d[kept[i]];
    for (std::size_t j = 0; order > 1 && j <= i; ++j)
      out.m.second(static_cast<Index>(i), static_cast<Index>(j)) = whole.m.second(kept[i], kept[j]);
  }
}

std::vector<AxisFactor> ResidualModel::axes(Index columns) const {
  return variance_.size() == 0 ? structure_->axes(columns) : std::vector<AxisFactor>();
}

Index ResidualModel::chain(Index group) const {
  const bool alone = structure_->markov() && variance_.size() == 0 && own_ == 1 && !has_held();
  return alone ? group : -1;
}

// With held parameters the others move one by one, as the structure's own steps may move all.
VectorXd ResidualModel::moved(const VectorXd& psi, const VectorXd& step) const {
  const std::vector<ResidualParameter> own = parameters();
  VectorXd out(psi.size());
  for (Index i = 0; i < psi.size(); ++i)
    out[i] = moved_by(own[i].step, psi[i], step[i]);
  for (Index g = 0; g < groups_ && !has_held(); ++g)
    out.segment(g * own_, own_) = structure_->moved(psi.segment(g * own_, own_), step.segment(g * own_, own_));
  return out;
}

MatrixXd ResidualModel::jacobian(const VectorXd& psi) const {
  const std::vector<ResidualParameter> own = parameters();
  MatrixXd out = MatrixXd::Zero(size(), size());
  for (Index i = 0; i < size(); ++i)
    out(i, i) = slope_of(own[i].step, psi[i]);
  for (Index g = 0; g < groups_ && !has_held(); ++g)
    out.block(g * own_, g * own_, own_, own_) = structure_->jacobian(psi.segment(g * own_, own_));
  return out;
}

MatrixXd ResidualModel::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  const std::vector<ResidualParameter> own = parameters();
  MatrixXd out = MatrixXd::Zero(size(), size());
  for (Index i = 0; i < size(); ++i)
    out(i, i) = gradient[i] * curvature_of(own[i].step, psi[i]);
  for (Index g = 0; g < groups_ && !has_held(); ++g)
    out.block(g * own_, g * own_, own_, own_) =
        structure_->curvature(psi.segment(g * own_, own_), gradient.segment(g * own_, own_));
  return out;
}

VectorXd ResidualModel::canonical(const VectorXd& psi) const {
  VectorXd out = psi;
  for (Index g = 0; g < groups_ && !has_held(); ++g)
    out.segment(g * own_, own_) = structure_->canonical(psi.segment(g * own_, own_));
  return out;
}

std::vector<VectorXd> ResidualModel::starts(const ResidualMoments& moments, const MatrixXd& w) const {
  std::vector<VectorXd> out;
  for (const VectorXd& own : structure_->starts(moments))
    for (const VectorXd& gamma : variance_.starts(w)) {
      VectorXd all(base_.size());
      for (Index g = 0; g < groups_; ++g)
        all.segment(g * own_, own_) = own;
      all.tail(gamma.size()) = gamma;
      out.push_back(free(all));
    }
  return out;
}

}  // namespace henderson
