#include "henderson/linalg/multiply.hpp"

#include <algorithm>
#include <vector>

#if defined(__GNUC__) && defined(__x86_64__) && !defined(HENDERSON_PLAIN_MULTIPLY)
#define HENDERSON_VECTOR_MULTIPLY
#endif

namespace henderson {

#ifdef HENDERSON_VECTOR_MULTIPLY

namespace {

constexpr Index kDepth = 256;    // of packed panels: both fit the second-level cache
constexpr Index kHeight = 192;
constexpr Index kWidth = 1536;

// c (MR x NR, column stride) += alpha * sum_k a[k] b[k]'; a and b packed MR and NR entries per k.
using BlockKernel = void (*)(Index depth, double alpha, const double* a, const double* b, double* c, Index stride);

#define HENDERSON_KERNEL(NAME, TARGET, LANES, VECTORS, COLUMNS)                                                  \
  __attribute__((target(TARGET))) inline void NAME(Index depth, double alpha, const double* a, const double* b,  \
                                                   double* c, Index stride) {                                    \
    typedef double Vector __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double))));         \
    Vector sum[COLUMNS][VECTORS] = {};                                                                           \
    for (Index k = 0; k < depth; ++k, a += LANES * VECTORS, b += COLUMNS) {                                      \
      Vector row[VECTORS];                                                                                       \
      for (int v = 0; v < VECTORS; ++v) row[v] = reinterpret_cast<const Vector*>(a)[v];                          \
      _Pragma("GCC unroll 16") for (int j = 0; j < COLUMNS; ++j)                                                 \
        for (int v = 0; v < VECTORS; ++v) sum[j][v] += row[v] * b[j];                                            \
    }                                                                                                            \
    for (int j = 0; j < COLUMNS; ++j)                                                                            \
      for (int v = 0; v < VECTORS; ++v) reinterpret_cast<Vector*>(c + j * stride)[v] += alpha * sum[j][v];       \
  }

HENDERSON_KERNEL(kernel_avx512, "avx512f", 8, 2, 12)
HENDERSON_KERNEL(kernel_avx2, "avx2,fma", 4, 2, 6)
#undef HENDERSON_KERNEL

struct KernelChoice {
  BlockKernel kernel;
  Index rows, cols;
};

const KernelChoice& kernel_choice() {
  static const KernelChoice choice = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return KernelChoice{kernel_avx512, 16, 12};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return KernelChoice{kernel_avx2, 8, 6};
    return KernelChoice{nullptr, 0, 0};
  }();
  return choice;
}

// Panels of `height` rows (or columns), `depth` deep, filled up with zeros.
void pack(const Strided& x, Index major, Index depth, Index height, std::vector<double>& out) {
  double* to = out.data();
  for (Index i = 0; i < major; i += height) {
    const Index used = std::min(height, major - i);
    const double* from = x.data + i * x.row;
    for (Index k = 0; k < depth; ++k, to += height) {
      const double* entry = from + k * x.col;
      for (Index a = 0; a < used; ++a) to[a] = entry[a * x.row];
      for (Index a = used; a < height; ++a) to[a] = 0;
    }
  }
}

void multiply_packed(const KernelChoice& how, Index m, Index n, Index depth, double alpha, const double* a,
                     const double* b, double* c, Index stride) {
  double edge[16 * 12];
  for (Index j = 0; j < n; j += how.cols) {
    const Index width = std::min(how.cols, n - j);
    for (Index i = 0; i < m; i += how.rows) {
      const Index height = std::min(how.rows, m - i);
      const double *pa = a + i * depth, *pb = b + j * depth;
      if (height == how.rows && width == how.cols) {
        how.kernel(depth, alpha, pa, pb, c + i + j * stride, stride);
        continue;
      }
      std::fill(edge, edge + how.rows * how.cols, 0.0);
      how.kernel(depth, alpha, pa, pb, edge, how.rows);
      for (Index s = 0; s < width; ++s)
        for (Index r = 0; r < height; ++r) c[i + r + (j + s) * stride] += edge[r + s * how.rows];
    }
  }
}

}  // namespace

#endif

void multiply_add(Eigen::Ref<MatrixXd> c, double alpha, const Strided& a, const Strided& b, Index k,
                  Checkpoint& checkpoint) {
  const Index m = c.rows(), n = c.cols();
  if (m == 0 || n == 0 || k == 0) return;
#ifdef HENDERSON_VECTOR_MULTIPLY
  const KernelChoice& how = kernel_choice();
  if (how.kernel != nullptr && m * n * k > 512) {
    static thread_local std::vector<double> packed_a, packed_b;
    packed_a.resize((kHeight + 16) * kDepth);
    packed_b.resize((kWidth + 12) * kDepth);
    for (Index j = 0; j < n; j += kWidth) {
      const Index width = std::min(kWidth, n - j);
      for (Index l = 0; l < k; l += kDepth) {
        const Index depth = std::min(kDepth, k - l);
        pack({b.data + l * b.row + j * b.col, b.col, b.row}, width, depth, how.cols, packed_b);
        for (Index i = 0; i < m; i += kHeight) {
          const Index height = std::min(kHeight, m - i);
          pack({a.data + i * a.row + l * a.col, a.row, a.col}, height, depth, how.rows, packed_a);
          multiply_packed(how, height, width, depth, alpha, packed_a.data(), packed_b.data(),
                          &c.coeffRef(i, j), c.outerStride());
        }
        checkpoint.check();
      }
    }
    return;
  }
#endif
  using Map = Eigen::Map<const MatrixXd, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  const Map left(a.data, m, k, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(a.col, a.row));
  const Map right(b.data, k, n, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(b.col, b.row));
  constexpr Index kStrip = 512;
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = std::min(kStrip, n - j);
    c.middleCols(j, width).noalias() += alpha * left * right.middleCols(j, width);
    checkpoint.check();
  }
}

}  // namespace henderson
