#include "henderson/iterative/incidence.hpp"

#include <algorithm>

namespace henderson {
namespace iterative {

Incidence::Incidence(const Layout& layout, const CrossProducts& data)
    : q_(layout.lead_q()), levels_(layout.lead_levels()), r_(data.r.data()) {
  for (std::size_t g = 0; g < layout.rest.size(); ++g) {
    const Group& group = layout.groups[layout.rest[g]];
    OtherFactor factor;
    factor.group = layout.rest[g];
    factor.q = group.q;
    factor.levels = group.levels;
    factor.first = columns_;
    columns_ += group.levels * group.q;
    levels_of_others_ += group.levels;
    read(data.lead_rest[g], factor);
    factor.own = data.rest[g][0].value.data();
    factors_.push_back(std::move(factor));
    for (std::size_t h = 1; h < data.rest[g].size(); ++h) {
      OtherPair pair;
      pair.g = g;
      pair.h = g + h;
      pair.blocks = &data.rest[g][h];
      couplings_.push_back(pair);
    }
  }
  squares_.resize(levels_ * q_ * q_);
  for (Index l = 0; l < levels_; ++l) {
    const Eigen::Map<const MatrixXd> r(r_ + l * q_ * q_, q_, q_);
    Eigen::Map<MatrixXd>(squares_.data() + l * q_ * q_, q_, q_) = r.transpose() * r;
  }
  divide();
}

void Incidence::read(const PairBlocks& pairs, OtherFactor& factor) {
  const std::size_t count = pairs.row.size();
  factor.start.assign(levels_ + 1, 0);
  factor.level.resize(count);
  for (std::size_t k = 0; k < count; ++k) {
    ++factor.start[pairs.row[k] + 1];
    factor.level[k] = static_cast<int>(pairs.col[k]);
  }
  for (Index l = 0; l < levels_; ++l) factor.start[l + 1] += factor.start[l];
  const bool plain = std::all_of(pairs.value.begin(), pairs.value.end(), [](double v) { return v == 1; });
  factor.value = plain && q_ == 1 && factor.q == 1 ? nullptr : pairs.value.data();
  pairs_ += static_cast<std::int64_t>(count);
}

MatrixXd Incidence::lead_times(const CrossProducts& data, Index response) const {
  const Index p = data.p();
  MatrixXd out(levels_ * q_, p + 1);
  for (Index l = 0; l < levels_; ++l) {
    const Eigen::Map<const MatrixXd> r(r_ + l * q_ * q_, q_, q_);
    out.block(l * q_, 0, q_, p).noalias() = r.transpose() * data.t_x.middleRows(l * q_, q_);
    out.block(l * q_, p, q_, 1).noalias() = r.transpose() * data.t_y.col(response).segment(l * q_, q_);
  }
  return out;
}

void Incidence::divide() {
  const std::int64_t wanted = pairs_ / std::max<std::int64_t>(1, 16 * columns_);
  const int parts = static_cast<int>(std::min<std::int64_t>(8, std::max<std::int64_t>(1, wanted)));
  part_.assign(1, 0);
  for (int k = 1; k < parts; ++k) {
    const std::int64_t bound = pairs_ * k / parts;
    Index l = part_.back();
    const auto before = [&](Index level) {
      std::int64_t sum = 0;
      for (const OtherFactor& f : factors_) sum += f.start[level];
      return sum;
    };
    while (l < levels_ && before(l) < bound) ++l;
    part_.push_back(l);
  }
  part_.push_back(levels_);
}

}  // namespace iterative
}  // namespace henderson
