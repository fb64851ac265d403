#include "henderson/structured/classes.hpp"

#include <cmath>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/limits.hpp"

namespace henderson {

namespace {

constexpr Index kFewRows = 32;          // a rank that is looked for in a long class before its triangle is made
constexpr double kNegligible = 1e-13;
constexpr double kCancelled = 1e-3;  // squared lengths below this share are taken from the rows again

void append(std::string& key, const void* data, std::size_t bytes) {
  key.append(static_cast<const char*>(data), bytes);
}

// Everything of a unit but its rows of [X y].
std::string key_of(const Unit& unit, Index p) {
  std::string key;
  append(key, &unit.q, sizeof(Index));
  for (const UnitLevel& level : unit.levels) {
    append(key, &level.group, sizeof(int));
    append(key, &level.first, sizeof(Index));
  }
  for (const SubjectRows& subject : unit.subjects) {
    const Index k = static_cast<Index>(subject.columns.size()), n = subject.b.rows();
    append(key, &subject.pattern, sizeof(Index));
    append(key, &k, sizeof(Index));
    append(key, subject.columns.data(), sizeof(Index) * static_cast<std::size_t>(k));
    append(key, subject.b.data(), sizeof(double) * static_cast<std::size_t>(n * (subject.b.cols() - p - 1)));
  }
  return key;
}

Index width_of(const Unit& unit, Index p) {
  Index rows = 0;
  for (const SubjectRows& subject : unit.subjects) rows += subject.b.rows();
  return rows * (p + 1);
}

// The unit's rows of [X y] as one row, and back.
template <class Row>
void each_part(const Unit& unit, Index p, const Row& body) {
  Index at = 0;
  for (std::size_t s = 0; s < unit.subjects.size(); ++s) {
    const Index size = unit.subjects[s].b.rows() * (p + 1);
    body(s, at, size);
    at += size;
  }
}

// A triangle with the same products, a block of rows at a time.
MatrixXd triangle_of(const MatrixXd& rows) {
  const Index w = rows.cols(), block = 4 * w;
  MatrixXd r(0, w);
  for (Index first = 0; first < rows.rows(); first += block) {
    const Index count = std::min(block, rows.rows() - first);
    MatrixXd stack(r.rows() + count, w);
    stack << r, rows.middleRows(first, count);
    const Eigen::HouseholderQR<MatrixXd> qr(stack);
    r = qr.matrixQR().topRows(std::min(w, stack.rows())).triangularView<Eigen::Upper>();
  }
  return r;
}

// Householder reflections with the longest column first, until what is left is negligible: rows [0, rank) of `a`, in
// place. -1 where more than `most` are needed.
Index pivoted_rank(MatrixXd& a, Index most) {
  VectorXd length = a.colwise().squaredNorm(), known = length;
  double first = 0;
  for (Index k = 0; k <= std::min(a.rows(), a.cols()); ++k) {
    if (k == std::min(a.rows(), a.cols())) return k <= most ? k : -1;
    Index pivot = 0;
    for (Index j = 0; k > 0 && j < a.cols(); ++j) {
      length[j] -= a(k - 1, j) * a(k - 1, j);
      if (length[j] < kCancelled * known[j]) length[j] = known[j] = a.col(j).tail(a.rows() - k).squaredNorm();
    }
    const double longest = std::sqrt(length.maxCoeff(&pivot));
    if (k == 0) first = longest;
    if (longest <= kNegligible * first) return k;
    if (k == most) return -1;
    VectorXd v = a.col(pivot).tail(a.rows() - k);
    v[0] += v[0] < 0 ? -longest : longest;
    auto below = a.bottomRows(a.rows() - k);
    const Eigen::RowVectorXd along = v.transpose() * below;
    below.noalias() -= v * ((2 / v.squaredNorm()) * along);
  }
  return -1;
}

std::vector<Unit> replaced(const Units& units, const std::vector<Index>& members, const MatrixXd& rows) {
  std::vector<Unit> out;
  for (Index k = 0; k < rows.rows(); ++k) {
    Unit unit = units.units[static_cast<std::size_t>(members[0])];
    unit.multiplicity = k == 0 ? static_cast<double>(members.size()) : 0;
    each_part(unit, units.p, [&](std::size_t s, Index at, Index size) {
      MatrixXd& b = unit.subjects[s].b;
      const VectorXd part = rows.row(k).segment(at, size).transpose();
      b.rightCols(units.p + 1) = Eigen::Map<const MatrixXd>(part.data(), b.rows(), units.p + 1);
    });
    out.push_back(std::move(unit));
  }
  return out;
}

MatrixXd flat_rows(const Units& units, const std::vector<Index>& members) {
  const Index m = static_cast<Index>(members.size());
  MatrixXd out(m, width_of(units.units[static_cast<std::size_t>(members[0])], units.p));
  for (Index i = 0; i < m; ++i) {
    const Unit& unit = units.units[static_cast<std::size_t>(members[i])];
    each_part(unit, units.p, [&](std::size_t s, Index at, Index size) {
      const MatrixXd own = unit.subjects[s].b.rightCols(units.p + 1);
      out.row(i).segment(at, size) = Eigen::Map<const VectorXd>(own.data(), size).transpose();
    });
  }
  return out;
}

}  // namespace

MatrixXd fewest_rows(MatrixXd rows) {
  const VectorXd size = rows.colwise().norm().transpose();
  const VectorXd unit = (size.array() > 0).select(size.cwiseInverse(), 0.0);
  MatrixXd scaled = rows * unit.asDiagonal();
  const bool long_class = scaled.rows() > 2 * scaled.cols();
  if (long_class) {
    MatrixXd few = scaled;
    const Index rank = pivoted_rank(few, std::min<Index>(scaled.cols() / 8, kFewRows));
    if (rank >= 0) return few.topRows(std::max<Index>(rank, 1)) * size.asDiagonal();
  }
  if (long_class) scaled = triangle_of(scaled);
  if (long_class && scaled.cols() > kWidestPivoted) return scaled * size.asDiagonal();
  MatrixXd triangle = scaled;
  const Index rank = pivoted_rank(triangle, scaled.rows() / 2);
  if (rank >= 0) return triangle.topRows(std::max<Index>(rank, 1)) * size.asDiagonal();
  return long_class ? MatrixXd(scaled * size.asDiagonal()) : rows;
}

std::vector<Unit> pseudo_units(const Units& units, Checkpoint& checkpoint) {
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<std::vector<Index>> classes;
  for (std::size_t u = 0; u < units.units.size(); ++u) {
    if (!units.units[u].related.empty()) return {};
    const auto found = seen.emplace(key_of(units.units[u], units.p), classes.size());
    if (found.second) classes.emplace_back();
    classes[found.first->second].push_back(static_cast<Index>(u));
  }
  if (2 * classes.size() > units.units.size()) return {};
  std::vector<Unit> out;
  for (const std::vector<Index>& members : classes) {
    checkpoint.check();
    if (members.size() > 2) {
      const MatrixXd rows = fewest_rows(flat_rows(units, members));
      if (rows.rows() < static_cast<Index>(members.size())) {
        for (Unit& unit : replaced(units, members, rows)) out.push_back(std::move(unit));
        continue;
      }
    }
    for (const Index u : members) out.push_back(units.units[static_cast<std::size_t>(u)]);
  }
  return 4 * out.size() < 3 * units.units.size() ? std::move(out) : std::vector<Unit>();
}

}  // namespace henderson
