// The boundary to R: cross-products, and the blocks into which a model is cut.
#include "convert.h"
#include "henderson/data/accumulate.hpp"

namespace {

henderson::Constants to_constants(const Rcpp::List& x, const henderson::Layout& layout) {
  henderson::Constants out;
  if (!Rf_isNull(x["x"])) out.x = henderson::vector_of(x["x"]);
  const Rcpp::List z = x["z"];
  henderson::require(z.size() == static_cast<R_xlen_t>(layout.terms.size()),
                     "`constants` does not have one entry for each term");
  for (R_xlen_t t = 0; t < z.size(); ++t) {
    out.z.push_back(Rf_isNull(z[t]) ? Eigen::VectorXd() : henderson::vector_of(z[t]));
  }
  return out;
}

// Rows come from an R function of the chunk's number; a single chunk is read once and kept.
class RSource : public henderson::DesignSource {
 public:
  RSource(const henderson::Layout& layout, const henderson::Constants& constants, int chunks, Rcpp::Function read)
      : layout_(layout), constants_(constants), chunks_(chunks), read_(std::move(read)) {}
  henderson::Index chunks() const override { return chunks_; }
  henderson::DesignChunk chunk(henderson::Index k) override {
    if (chunks_ > 1 || current_.size() == 0) current_ = read_(static_cast<int>(k) + 1);
    const henderson::DesignChunk out = henderson::to_chunk(current_, layout_);
    henderson::require(out.y.rows() > 0, "there are fewer chunks of rows than were announced");
    if (x_columns_ < 0) {
      x_columns_ = out.x.cols();
      y_columns_ = out.y.cols();
      check_constants();
    }
    henderson::require(out.x.cols() == x_columns_ && out.y.cols() == y_columns_,
                       "the chunks of rows differ in their columns");
    return out;
  }

 private:
  void check_constants() const {
    const auto fits = [](const Eigen::VectorXd& c, henderson::Index columns) {
      return c.size() == 0 || (c.size() == columns && c.allFinite());
    };
    bool all = fits(constants_.x, x_columns_);
    for (std::size_t t = 0; t < layout_.terms.size(); ++t) all = all && fits(constants_.z[t], layout_.terms[t].q);
    henderson::require(all, "`constants` does not fit the columns");
  }

  const henderson::Layout& layout_;
  const henderson::Constants& constants_;
  int chunks_;
  Rcpp::Function read_;
  Rcpp::List current_;
  henderson::Index x_columns_ = -1, y_columns_ = -1;
};

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_cross_products(const Rcpp::List& layout, const Rcpp::List& constants, int chunks, Rcpp::Function read) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    henderson::require(chunks != NA_INTEGER && chunks >= 1, "there are no chunks of rows");
    const henderson::Constants units = to_constants(constants, to);
    RSource source(to, units, chunks, read);
    return henderson::to_list(henderson::Accumulator(to, units, monitor).run(source));
  });
}
