// What happens when the package is loaded.

#include <Rcpp.h>

#include <cstdlib>

// The allocator of glibc returns every freed block of 128 kB or more to the system, which hands it out again page by
// page, each of them cleared: with matrices of some hundred columns this takes longer than the arithmetic. Once a block
// of its upper limit, 32 MB, has been freed, it keeps blocks up to this size. The block is not touched, so it takes no
// memory; other allocators ignore it.
// [[Rcpp::init]]
void keep_freed_memory(DllInfo* dll) {
  (void)dll;
  void* volatile block = std::malloc((std::size_t{32} << 20) - 65536);
  std::free(block);
}
