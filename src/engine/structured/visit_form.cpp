#include "henderson/structured/visit_form.hpp"

#include <map>
#include <string>

#include "henderson/linalg/limits.hpp"

namespace henderson {

namespace {

std::string key_of(const Pattern& pattern, Index row) {
  std::string key;
  const auto append = [&](double x) { key.append(reinterpret_cast<const char*>(&x), sizeof(double)); };
  for (Index c = 0; c < pattern.positions.cols(); ++c) append(pattern.positions(row, c));
  for (Index c = 0; c < pattern.w.cols(); ++c) append(pattern.w(row, c));
  return key;
}

}  // namespace

std::shared_ptr<const VisitForm> VisitForm::of(const StructuredProblem& pr) {
  std::shared_ptr<VisitForm> out(new VisitForm(pr.p));
  return out->build(pr) ? out : nullptr;
}

bool VisitForm::build(const StructuredProblem& pr) {
  if (!pr.layout.groups.empty() || pr.residual.size() < 2) return false;
  for (Index g = 0; g < pr.residual.groups(); ++g)
    if (pr.residual.chain(g) >= 0) return false;
  for (const Unit& unit : pr.units.units)
    if (unit.q > 0 || unit.subjects.size() != 1) return false;
  if (!add_places(pr)) return false;
  add_rows(pr);
  return cost() < directed_cost(pr);
}

// False where there are too many places, or one place twice in a subject.
bool VisitForm::add_places(const StructuredProblem& pr) {
  std::vector<std::map<std::string, Index>> found(pr.residual.groups());
  places_.resize(found.size());
  for (const Pattern& pattern : pr.units.patterns) {
    if (pattern.grid) return false;
    Rows rows;
    rows.places = pattern.group;
    rows.count = static_cast<double>(pattern.count);
    std::map<std::string, Index>& own = found[pattern.group];
    for (Index a = 0; a < pattern.positions.rows(); ++a) {
      const Index at = own.emplace(key_of(pattern, a), static_cast<Index>(own.size())).first->second;
      if (at >= kMostPlaces || std::find(rows.at.begin(), rows.at.end(), at) != rows.at.end()) return false;
      rows.at.push_back(at);
    }
    rows_.push_back(std::move(rows));
  }
  for (std::size_t g = 0; g < places_.size(); ++g) {
    Place& place = places_[g];
    const Index n = static_cast<Index>(found[g].size());
    if (n * d_ > kWidestPlaces) return false;
    place.group = static_cast<Index>(g);
    place.positions.resize(n, pr.units.patterns[0].positions.cols());
    place.w.resize(n, pr.units.patterns[0].w.cols());
    place.entry = Eigen::MatrixXi::Constant(n, n, -1);
  }
  for (std::size_t k = 0; k < rows_.size(); ++k) {
    Place& place = places_[rows_[k].places];
    const Pattern& pattern = pr.units.patterns[k];
    for (std::size_t a = 0; a < rows_[k].at.size(); ++a) {
      place.positions.row(rows_[k].at[a]) = pattern.positions.row(static_cast<Index>(a));
      place.w.row(rows_[k].at[a]) = pattern.w.row(static_cast<Index>(a));
      for (std::size_t b = 0; b < rows_[k].at.size(); ++b) place.entry(rows_[k].at[a], rows_[k].at[b]) = 0;
    }
  }
  for (Place& place : places_)
    for (Index b = 0; b < place.size(); ++b)
      for (Index a = 0; a <= b; ++a) {
        if (place.entry(a, b) < 0) continue;
        place.entry(a, b) = place.entry(b, a) = static_cast<int>(place.entries.size());
        place.entries.emplace_back(a, b);
      }
  return true;
}

void VisitForm::add_rows(const StructuredProblem& pr) {
  for (const Unit& unit : pr.units.units) ++rows_[unit.subjects[0].pattern].units;
  for (Rows& rows : rows_) rows.b.resize(static_cast<Index>(rows.at.size()), rows.units * d_);
  std::vector<Index> next(rows_.size(), 0);
  for (const Unit& unit : pr.units.units) {
    Rows& rows = rows_[unit.subjects[0].pattern];
    const Index u = next[unit.subjects[0].pattern]++;
    for (Index j = 0; j < d_; ++j) rows.b.col(u + rows.units * j) = unit.subjects[0].b.col(j);
  }
}

double VisitForm::cost() const {
  double out = 0;
  for (const Rows& rows : rows_) {
    const double t = static_cast<double>(rows.at.size()), c = static_cast<double>(d_);
    out += 3 * t * t * t * t + static_cast<double>(rows.units) * (2 * t * t * c + t * t * c * c / 2);
  }
  return out;
}

double VisitForm::directed_cost(const StructuredProblem& pr) {
  double out = 0;
  const double c = static_cast<double>(pr.p + 1), k = static_cast<double>(pr.residual.size() / pr.residual.groups());
  for (const Pattern& pattern : pr.units.patterns) {
    const double t = static_cast<double>(pattern.positions.rows());
    out += k * t * t * t + k * k * t * t / 2;
  }
  for (const Unit& unit : pr.units.units) {
    const double t = static_cast<double>(unit.subjects[0].b.rows());
    out += t * t * c + k * (t * t * c + t * c * c) + k * k * t * c / 2;
  }
  return out;
}

bool VisitForm::factor(const Rows& rows, const MatrixXd& r, Eigen::LLT<MatrixXd>& llt) {
  const Index t = static_cast<Index>(rows.at.size());
  MatrixXd own(t, t);
  for (Index b = 0; b < t; ++b)
    for (Index a = 0; a < t; ++a) own(a, b) = r(rows.at[a], rows.at[b]);
  if (!own.allFinite()) return false;
  llt.compute(own);
  return llt.info() == Eigen::Success;
}

bool VisitForm::gram(const ResidualModel& model, const VectorXd& psi, MatrixXd& s, double& log_det,
                     Checkpoint& checkpoint) const {
  std::vector<SubjectMatrices> r(places_.size());
  for (std::size_t g = 0; g < places_.size(); ++g)
    model.fill(psi, places_[g].group, places_[g].positions, places_[g].w, 0, r[g]);
  s = MatrixXd::Zero(d_, d_);
  Eigen::LLT<MatrixXd> llt;
  for (const Rows& rows : rows_) {
    checkpoint.check();
    if (!factor(rows, r[rows.places].m.r, llt)) return false;
    log_det += rows.count * 2 * llt.matrixLLT().diagonal().array().log().sum();
    MatrixXd b = rows.b;
    llt.matrixL().solveInPlace(b);
    const Eigen::Map<const MatrixXd> whitened(b.data(), b.rows() * rows.units, d_);
    s.selfadjointView<Eigen::Lower>().rankUpdate(whitened.transpose());
  }
  s.triangularView<Eigen::StrictlyUpper>() = s.transpose();
  return true;
}

void VisitForm::solved(const Rows& rows, const MatrixXd& r, const MatrixXd& transform, MatrixXd& inverse,
                       MatrixXd& u) const {
  const Index t = static_cast<Index>(rows.at.size());
  Eigen::LLT<MatrixXd> llt;
  factor(rows, r, llt);
  inverse = llt.solve(MatrixXd::Identity(t, t));
  u.resize(t, rows.units * d_);
  const Eigen::Map<const MatrixXd> raw(rows.b.data(), t * rows.units, d_);
  Eigen::Map<MatrixXd>(u.data(), t * rows.units, d_).noalias() = raw * transform;
  llt.solveInPlace(u);
}

}  // namespace henderson
