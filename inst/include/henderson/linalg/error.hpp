// The one exception type of the engine: a kind that R turns into a condition class, and a sentence.
#ifndef HENDERSON_LINALG_ERROR_HPP
#define HENDERSON_LINALG_ERROR_HPP

#include <stdexcept>
#include <string>
#include <utility>

namespace henderson {

class Error : public std::runtime_error {
 public:
  Error(std::string kind, const std::string& message)
      : std::runtime_error(message), kind_(std::move(kind)) {}
  const std::string& kind() const { return kind_; }

 private:
  std::string kind_;
};

}  // namespace henderson

#endif
