// Random designs, and a source that hands them out in any number of chunks.
#ifndef HENDERSON_TESTS_DESIGN_HPP
#define HENDERSON_TESTS_DESIGN_HPP

#include <string>
#include <vector>

#include "henderson/covariance/registry.hpp"
#include "henderson/data/accumulate.hpp"
#include "henderson/linalg/error.hpp"
#include "support/numbers.hpp"
#include "support/toy_structures.hpp"

namespace henderson_tests {

struct TermShape {
  int group;
  Index q;
  std::string structure;
};

struct Design {
  MatrixXd x, y;
  std::vector<MatrixXd> z;
  std::vector<std::vector<int>> code;
  VectorXd weight;   // empty: all one
  henderson::Layout layout;
  henderson::Constants constants;
  Index rows() const { return y.rows(); }
};

// Chunks are copied, as they would be when rows come from a file.
class Source : public henderson::DesignSource {
 public:
  Source(const Design& design, Index chunks) : design_(design), chunks_(chunks) {}
  Index chunks() const override { return chunks_; }
  henderson::DesignChunk chunk(Index k) override {
    const Index begin = k * design_.rows() / chunks_, rows = (k + 1) * design_.rows() / chunks_ - begin;
    x_ = design_.x.middleRows(begin, rows);
    y_ = design_.y.middleRows(begin, rows);
    z_.clear();
    for (const MatrixXd& z : design_.z) z_.push_back(z.middleRows(begin, rows));
    henderson::DesignChunk out;
    point(out.x, x_);
    point(out.y, y_);
    for (const MatrixXd& z : z_) out.z.emplace_back(z.data(), z.rows(), z.cols());
    for (const auto& code : design_.code) out.code.push_back(code.data() + begin);
    if (design_.weight.size() > 0) out.weight = design_.weight.data() + begin;
    return out;
  }

 private:
  static void point(henderson::ConstMatrix& map, const MatrixXd& to) {
    new (&map) henderson::ConstMatrix(to.data(), to.rows(), to.cols());
  }
  const Design& design_;
  Index chunks_;
  MatrixXd x_, y_;
  std::vector<MatrixXd> z_;
};

inline henderson::CrossProducts cross_products(const Design& design, Index chunks = 1) {
  henderson::Checkpoint checkpoint;
  Source source(design, chunks);
  return henderson::Accumulator(design.layout, design.constants, checkpoint).run(source);
}

inline henderson::Layout make_layout(const std::vector<Index>& levels, const std::vector<TermShape>& terms) {
  register_toys();
  henderson::Layout layout;
  for (const Index l : levels) layout.add_group(l);
  for (const TermShape& t : terms) layout.add_term(t.group, t.q, henderson::covariance_structure(t.structure));
  layout.finish();
  return layout;
}

// Every level occurs; which rows belong to it is random.
inline std::vector<int> random_codes(Rng& rng, Index n, Index levels) {
  std::vector<int> code(n);
  for (Index i = 0; i < n; ++i) {
    code[i] = static_cast<int>(i < levels ? i : std::uniform_int_distribution<Index>(0, levels - 1)(rng)) + 1;
  }
  std::shuffle(code.begin(), code.end(), rng);
  return code;
}

// Intercept and p - 1 covariates; the first term of a factor starts with an intercept; y with every effect in it.
inline Design random_design(Rng& rng, Index n, Index p, const std::vector<Index>& levels,
                            const std::vector<TermShape>& terms) {
  Design out;
  out.layout = make_layout(levels, terms);
  out.x = normals(rng, n, p);
  if (p > 0) {
    out.x.col(0).setOnes();
    out.constants.x = VectorXd::Unit(p, 0);
  }
  for (const Index l : levels) out.code.push_back(random_codes(rng, n, l));
  out.y = normals(rng, n, 1);
  if (p > 0) out.y.col(0) += out.x * normals(rng, p, 1);
  std::vector<bool> has_intercept(levels.size(), false);   // once for each factor
  for (const TermShape& t : terms) {
    MatrixXd z = normals(rng, n, t.q);
    const bool intercept = !has_intercept[t.group];
    has_intercept[t.group] = true;
    if (intercept) z.col(0).setOnes();
    const MatrixXd b = normals(rng, levels[t.group], t.q) * normals(rng, t.q, t.q);
    for (Index i = 0; i < n; ++i) out.y(i, 0) += z.row(i).dot(b.row(out.code[t.group][i] - 1));
    out.z.push_back(z);
    out.constants.z.push_back(intercept ? VectorXd::Unit(t.q, 0) : VectorXd());
  }
  return out;
}

inline void random_weights(Rng& rng, Design& design) {
  design.weight.resize(design.rows());
  for (Index i = 0; i < design.rows(); ++i) design.weight[i] = std::uniform_real_distribution<double>(0.2, 4)(rng);
}

inline VectorXd random_theta(Rng& rng, const henderson::Layout& layout) {
  return 0.8 * normals(rng, layout.n_theta, 1).col(0);
}

// The shapes that every part of the likelihood is tried on.
struct Shape {
  std::string name;
  Index n, p;
  std::vector<Index> levels;
  std::vector<TermShape> terms;
};

inline std::vector<Shape> shapes() {
  const std::string u = "unstructured", d = "diagonal";
  return {
      {"intercepts", 30, 2, {6}, {{0, 1, u}}},
      {"no fixed effects", 30, 0, {6}, {{0, 1, u}}},
      {"slopes", 40, 3, {7}, {{0, 2, u}}},
      {"three columns", 50, 1, {6}, {{0, 3, u}}},
      {"five columns, diagonal", 60, 2, {6}, {{0, 5, d}}},
      {"two terms on one factor", 50, 2, {7}, {{0, 1, u}, {0, 2, d}}},
      {"crossed", 40, 2, {8, 5}, {{0, 1, u}, {1, 1, u}}},
      {"crossed, smaller factor first", 40, 2, {5, 8}, {{0, 1, u}, {1, 1, u}}},
      {"crossed, slopes in both", 60, 2, {8, 5}, {{0, 2, u}, {1, 2, u}}},
      {"crossed, no fixed effects", 40, 0, {8, 5}, {{0, 1, u}, {1, 1, u}}},
      {"three factors", 70, 3, {9, 6, 4}, {{0, 1, u}, {1, 2, u}, {2, 1, u}}},
      {"three factors, several terms", 80, 1, {9, 6, 4}, {{0, 1, u}, {1, 2, d}, {1, 1, u}, {2, 3, u}}},
      {"few rows per level", 24, 1, {12, 3}, {{0, 2, u}, {1, 1, u}}},
  };
}

// The same with structures from outside, whose columns do not occur equally often.
inline std::vector<Shape> structured_shapes() {
  const std::string u = "unstructured", e = "toy exchangeable", a = "toy autoregressive";
  return {
      {"exchangeable", 60, 2, {7}, {{0, 4, e}}},
      {"autoregressive", 60, 2, {7}, {{0, 4, a}}},
      {"crossed, structured", 70, 2, {8, 5}, {{0, 3, a}, {1, 3, e}}},
      {"structured beside unstructured on one factor", 80, 2, {9, 4}, {{0, 3, a}, {0, 2, u}, {1, 1, u}}},
  };
}

inline Design shaped(Rng& rng, const Shape& s) { return random_design(rng, s.n, s.p, s.levels, s.terms); }

}  // namespace henderson_tests

#endif
