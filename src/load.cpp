// What happens when the package is loaded.

#include <Rcpp.h>

#include <cstdlib>

// The allocator of glibc gives every freed block of 128 kB or more back to the system, which hands it out again page by
// page, each of them cleared: with matrices of some hundred columns this takes longer than the arithmetic. Once a block
// of its upper limit, 32 MB, has been freed, it keeps blocks up to this size. The block is not touched, so that it takes
// no memory; other allocators do nothing of the kind.
// [[Rcpp::init]]
void keep_freed_memory(DllInfo* dll) {
  (void)dll;
  void* volatile block = std::malloc((std::size_t{32} << 20) - 65536);
  std::free(block);
}
