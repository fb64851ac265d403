// What a long computation calls now and then, so that the caller can stop it.
#ifndef HENDERSON_LINALG_CHECKPOINT_HPP
#define HENDERSON_LINALG_CHECKPOINT_HPP

namespace henderson {

// The skin derives from this to ask R for a pending interrupt; check() leaves by an exception.
struct Checkpoint {
  virtual ~Checkpoint() = default;
  virtual void check() {}
};

}  // namespace henderson

#endif
