// The boundary to R: cross-products, and the blocks into which a model is cut.
#include "convert.h"
#include "henderson/data/accumulate.hpp"

namespace {

// Rows come from an R function of the chunk's number; a chunk is kept until another one is read.
class RSource : public henderson::DesignSource {
 public:
  RSource(const henderson::Layout& layout, const henderson::Constants& constants, int chunks, Rcpp::Function read)
      : layout_(layout), constants_(constants), chunks_(chunks), read_(std::move(read)) {}
  henderson::Index chunks() const override { return chunks_; }
  henderson::DesignChunk chunk(henderson::Index k) override {
    if (k != number_) current_ = read_(static_cast<int>(k) + 1);
    number_ = k;
    const henderson::DesignChunk out = henderson::to_chunk(current_, layout_);
    henderson::require(out.y.rows() > 0, "there are fewer chunks of rows than were announced");
    if (x_columns_ < 0) {
      x_columns_ = out.x.cols();
      y_columns_ = out.y.cols();
      henderson::check_constants(constants_, layout_, x_columns_);
    }
    henderson::require(out.x.cols() == x_columns_ && out.y.cols() == y_columns_,
                       "the chunks of rows differ in their columns");
    return out;
  }

 private:
  const henderson::Layout& layout_;
  const henderson::Constants& constants_;
  int chunks_;
  Rcpp::Function read_;
  Rcpp::List current_;
  henderson::Index number_ = -1, x_columns_ = -1, y_columns_ = -1;
};

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_cross_products(const Rcpp::List& layout, const Rcpp::List& constants, int chunks, Rcpp::Function read) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    henderson::require(chunks != NA_INTEGER && chunks >= 1, "there are no chunks of rows");
    const henderson::Constants units = henderson::to_constants(constants, to);
    RSource source(to, units, chunks, read);
    return henderson::to_list(henderson::Accumulator(to, units, monitor).run(source));
  });
}
