// Result<T>: recoverable failure as a value. Exceptions of libraries are caught where the library is called.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace egressproof {

// Each kind has its own exit code (runner/run/exit_code.h).
enum class ErrorKind { usage, scenario, environment, inconclusive, interrupted, internal };

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;               // what failed, naming the object it failed on
  std::vector<std::string> context;  // outermost last: "while applying policy 'deny-all'"
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message), {}});
}

// "message (while doing x, while doing y)".
std::string to_string(const Error& error);

// "call(arguments): strerror text", from errno at the time of the call.
Error system_error(ErrorKind kind, const std::string& call);

}  // namespace egressproof
