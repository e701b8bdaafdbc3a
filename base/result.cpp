#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace egressproof {

std::string to_string(const Error& error) {
  std::string text = error.message;
  for (std::size_t i = 0; i < error.context.size(); ++i) {
    text += i == 0 ? " (" : ", ";
    text += error.context[i];
  }
  if (!error.context.empty()) text += ")";
  return text;
}

Error system_error(ErrorKind kind, const std::string& call) {
  const int code = errno;
  return Error{kind, call + ": " + std::error_code(code, std::generic_category()).message(), {}};
}

}  // namespace egressproof
