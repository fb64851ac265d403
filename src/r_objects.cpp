// What R has no function for: weak references, fingerprints of rows and objects, and vectors divided in one pass.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <Rcpp.h>

namespace {

using Word = std::uint64_t;

// The finalizer of MurmurHash3: every bit of the result depends on every bit of `x`.
inline Word mixed(Word x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

inline Word of_number(double value) {
  if (value != value) return 0x7ff8000000000000ULL;      // missing values are equal
  if (value == 0) value = 0;                             // so are both zeros
  Word bits;
  std::memcpy(&bits, &value, sizeof bits);
  return mixed(bits);
}

// Text that is a whole number, as row names may be, counts as the number.
Word of_text(SEXP text) {
  if (text == NA_STRING) return of_number(NA_REAL);
  const char* c = Rf_translateCharUTF8(text);
  const std::size_t size = std::strlen(c);
  bool number = size > 0 && size <= 9 && (c[0] != '0' || size == 1);
  Word hash = 0x9e3779b97f4a7c15ULL;
  double value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number = number && c[i] >= '0' && c[i] <= '9';
    value = 10 * value + (c[i] - '0');
    hash = mixed(hash ^ static_cast<unsigned char>(c[i])) + i;
  }
  return number ? of_number(value) : hash;
}

// The hash of element i of a vector: a number, text, or the level of a factor.
class Column {
 public:
  explicit Column(SEXP x) : x_(x), type_(TYPEOF(x)) {
    if (!Rf_isFactor(x)) return;
    const SEXP levels = Rf_getAttrib(x, R_LevelsSymbol);
    for (R_xlen_t k = 0; k < Rf_xlength(levels); ++k) levels_.push_back(of_text(STRING_ELT(levels, k)));
  }

  Word operator()(R_xlen_t i) const {
    if (type_ == REALSXP) return of_number(REAL_ELT(x_, i));
    if (type_ == STRSXP) return of_text(STRING_ELT(x_, i));
    const int value = type_ == LGLSXP ? LOGICAL_ELT(x_, i) : INTEGER_ELT(x_, i);
    if (value == NA_INTEGER) return of_number(NA_REAL);
    return levels_.empty() ? of_number(value) : levels_[value - 1];
  }

 private:
  SEXP x_;
  int type_;
  std::vector<Word> levels_;
};

std::vector<Column> columns_of(const Rcpp::List& list, R_xlen_t n) {
  std::vector<Column> out;
  for (R_xlen_t k = 0; k < list.size(); ++k) {
    const SEXP x = list[k];
    const int type = TYPEOF(x);
    if ((type != REALSXP && type != INTSXP && type != LGLSXP && type != STRSXP) || Rf_xlength(x) != n) {
      Rcpp::stop("columns must be vectors of one length");
    }
    out.emplace_back(x);
  }
  return out;
}

Word of_address(const void* x) { return mixed(reinterpret_cast<std::uintptr_t>(x) ^ 0x632be59bd9b4e019ULL); }

// The elements of short vectors. Strings exist once, at one address.
Word of_elements(SEXP x, R_xlen_t size) {
  Word hash = 0x2545f4914f6cdd1dULL;
  for (R_xlen_t i = 0; i < size; ++i) {
    Word element = 0;
    if (TYPEOF(x) == REALSXP) element = of_number(REAL_ELT(x, i));
    else if (TYPEOF(x) == STRSXP) element = of_address(STRING_ELT(x, i));
    else if (TYPEOF(x) == INTSXP) element = static_cast<Word>(INTEGER_ELT(x, i));
    else if (TYPEOF(x) == LGLSXP) element = static_cast<Word>(LOGICAL_ELT(x, i));
    hash = mixed(hash ^ element) + i;
  }
  return hash;
}

// Where an object, its attributes and its elements lie, of which type and length they are, and what is in short
// vectors.
Word of_object(SEXP x) {
  const R_xlen_t size = Rf_isVector(x) ? Rf_xlength(x) : 0;
  Word hash = mixed(of_address(x) ^ static_cast<Word>(TYPEOF(x))) + static_cast<Word>(size);
  for (SEXP a = ATTRIB(x); a != R_NilValue; a = CDR(a)) hash = mixed(hash ^ of_address(TAG(a)) ^ of_object(CAR(a)));
  if (TYPEOF(x) == VECSXP) {
    for (R_xlen_t i = 0; i < size; ++i) hash = mixed(hash ^ of_object(VECTOR_ELT(x, i)));
  } else if (size <= 64) {
    hash = mixed(hash ^ of_elements(x, size));
  }
  return hash;
}

Rcpp::String hexadecimal(Word high, Word low) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

}  // namespace

// `value` is kept as long as `key` is; a file that holds the reference holds neither. It is wrapped in a pointer to
// nothing, which functions that compare or measure objects know how to treat.
// [[Rcpp::export(rng = false)]]
SEXP weak_reference(SEXP key, SEXP value) {
  const SEXP reference = PROTECT(R_MakeWeakRef(key, value, R_NilValue, FALSE));
  const SEXP out = R_MakeExternalPtr(nullptr, R_NilValue, reference);
  UNPROTECT(1);
  return out;
}

// NULL where the key is gone, and where the reference was read from a file.
// [[Rcpp::export(rng = false)]]
SEXP weak_value(SEXP wrapped) {
  const SEXP reference = TYPEOF(wrapped) == EXTPTRSXP ? R_ExternalPtrProtected(wrapped) : R_NilValue;
  return TYPEOF(reference) == WEAKREFSXP ? R_WeakRefValue(reference) : R_NilValue;
}

// For each column of `each`: 128 bits that depend on the rows (the values of `common` and that column), not on their
// order.
// [[Rcpp::export(rng = false)]]
Rcpp::CharacterVector row_fingerprints(const Rcpp::List& common, const Rcpp::List& each, double n) {
  const R_xlen_t rows = static_cast<R_xlen_t>(n);
  const std::vector<Column> shared = columns_of(common, rows), own = columns_of(each, rows);
  std::vector<Word> low(own.size(), 0), high(own.size(), 0);
  for (R_xlen_t i = 0; i < rows; ++i) {
    if (i % 1000000 == 999999) Rcpp::checkUserInterrupt();
    Word row = 0x2545f4914f6cdd1dULL;
    for (const Column& column : shared) row = mixed(row ^ column(i)) + 0x9e3779b97f4a7c15ULL;
    for (std::size_t k = 0; k < own.size(); ++k) {
      const Word hash = mixed(row ^ mixed(own[k](i) + 0x632be59bd9b4e019ULL));
      low[k] += hash;
      high[k] += mixed(hash + 0xd1342543de82ef95ULL);
    }
  }
  Rcpp::CharacterVector out(own.size());
  for (std::size_t k = 0; k < own.size(); ++k) out[k] = hexadecimal(high[k], low[k]);
  return out;
}

// Equal for a list that has not changed since, whatever holds it. It says nothing about the list of another session.
// [[Rcpp::export(rng = false)]]
Rcpp::CharacterVector object_fingerprint(SEXP x) {
  const Word hash = of_object(x);
  return Rcpp::CharacterVector::create(hexadecimal(hash, mixed(hash + 1)));
}

// How many values lie below the first of an even number of bounds in increasing order, from each bound to the next, and
// from the last on; the values themselves in every second cell, from the first bound to the second and so on; the
// smallest and the largest. NULL where a value is not finite.
// [[Rcpp::export(rng = false)]]
SEXP divide_values(const Rcpp::NumericVector& values, const Rcpp::NumericVector& bounds) {
  const double* bound = bounds.begin();
  const std::size_t cells = bounds.size() + 1;
  Rcpp::NumericVector count(cells);
  std::vector<double> inside;
  double low = R_PosInf, high = R_NegInf, check = 0;
  for (const double value : values) {
    check += value - value;      // 0, or not a number
    low = std::min(low, value);
    high = std::max(high, value);
    std::size_t cell = 0;
    for (std::size_t k = 0; k + 1 < cells; ++k) cell += value >= bound[k];
    count[cell] += 1;
    if (cell % 2 == 1) inside.push_back(value);
  }
  if (check != 0) return R_NilValue;
  return Rcpp::List::create(Rcpp::Named("count") = count, Rcpp::Named("inside") = Rcpp::wrap(inside),
                            Rcpp::Named("range") = Rcpp::NumericVector::create(low, high));
}
