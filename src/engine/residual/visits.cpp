#include "henderson/residual/visits.hpp"

namespace henderson {

std::vector<ResidualParameter> Antedependence::parameters() const {
  std::vector<ResidualParameter> out;
  for (Index j = 1; j < visits_; ++j)
    out.push_back(correlation_parameter(j, j - 1));
  return out;
}

void Antedependence::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index n = positions.rows(), k = psi.size();
  out.start(k, n, order);
  for (Index a = 0; a < n; ++a)
    for (Index b = 0; b < n; ++b) {
      const Index from = static_cast<Index>(positions(b, 0)), to = static_cast<Index>(positions(a, 0));
      if (from >= to) continue;
      out.r(a, b) = out.r(b, a) = product(psi, from, to, -1, -1);
      if (order < 1) continue;
      for (Index i = from; i < to; ++i) {
        out.d[i](a, b) = out.d[i](b, a) = product(psi, from, to, i, -1);
        for (Index j = from; j < i && order > 1; ++j) {
          MatrixXd& dd = out.second(i, j);
          dd(a, b) = dd(b, a) = product(psi, from, to, i, j);
        }
      }
    }
}

std::vector<VectorXd> Antedependence::starts(const ResidualMoments& moments) const {
  const MatrixXd s = moments.over(visits_);
  VectorXd out(visits_ - 1);
  for (Index j = 1; j < visits_; ++j) {
    out[j - 1] = std::min(0.95, std::max(-0.95, s(j, j - 1) / std::sqrt(s(j, j) * s(j - 1, j - 1))));
  }
  return {out};
}

double Antedependence::product(const VectorXd& psi, Index from, Index to, Index without, Index nor) {
  double out = 1;
  for (Index i = from; i < to; ++i)
    if (i != without && i != nor) out *= psi[i];
  return out;
}

Heterogeneous::Heterogeneous(Index visits, std::shared_ptr<const ResidualStructure> correlation)
    : visits_(visits), correlation_(std::move(correlation)) {}

std::vector<ResidualParameter> Heterogeneous::parameters() const {
  std::vector<ResidualParameter> out;
  for (Index j = 0; j < visits_; ++j)
    out.push_back({ResidualKind::variance, j, j, Step::logarithm, 0});
  const std::vector<ResidualParameter> more = correlation_->parameters();
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

std::vector<VectorXd> Heterogeneous::starts(const ResidualMoments& moments) const {
  std::vector<VectorXd> out;
  for (const VectorXd& own : correlation_->starts(moments)) {
    out.emplace_back(visits_ + own.size());
    out.back() << moments.over(visits_).diagonal(), own;
  }
  return out;
}

void Heterogeneous::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index n = positions.rows(), more = psi.size() - visits_;
  ResidualMatrices c;
  correlation_->fill(psi.tail(more), positions, order, c);
  out.resize(psi.size(), order);
  VectorXd sd(n);
  for (Index a = 0; a < n; ++a)
    sd[a] = std::sqrt(psi[static_cast<Index>(positions(a, 0))]);
  const MatrixXd scale = sd * sd.transpose();
  out.r = scale.cwiseProduct(c.r);
  if (order < 1) return;
  for (Index k = 0; k < visits_; ++k)
    out.d[k] = out.r.cwiseProduct(share(positions, k)) / psi[k];
  for (Index i = 0; i < more; ++i)
    out.d[visits_ + i] = scale.cwiseProduct(c.d[i]);
  if (order < 2) return;
  for (Index k = 0; k < visits_; ++k) {
    const MatrixXd own = share(positions, k);
    for (Index l = 0; l <= k; ++l) {
      out.second(k, l) = out.d[l].cwiseProduct(own) / psi[k];
      if (k == l) out.second(k, k) -= out.d[k] / psi[k];
    }
    for (Index i = 0; i < more; ++i)
      out.second(visits_ + i, k) = out.d[visits_ + i].cwiseProduct(own) / psi[k];
  }
  for (Index i = 0; i < more; ++i)
    for (Index j = 0; j <= i; ++j) {
      const MatrixXd& dd = c.second(i, j);
      if (dd.size() > 0) out.second(visits_ + i, visits_ + j) = scale.cwiseProduct(dd);
    }
}

MatrixXd Heterogeneous::share(const MatrixXd& positions, Index k) {
  const Index n = positions.rows();
  VectorXd here(n);
  for (Index a = 0; a < n; ++a)
    here[a] = static_cast<Index>(positions(a, 0)) == k ? 0.5 : 0.0;
  return here * VectorXd::Ones(n).transpose() + VectorXd::Ones(n) * here.transpose();
}

}  // namespace henderson
