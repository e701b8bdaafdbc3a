// Whatever decode_attempt() takes, encode() writes so that it is taken again and is the same.
#include <cstdint>

#include "probe/codec.h"
#include "tests/fuzz/require.h"

using namespace egressproof::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto attempt = decode_attempt({reinterpret_cast<const char*>(data), size});
  if (!attempt) {
    REQUIRE(!attempt.error().message.empty());
    REQUIRE(attempt.error().column >= 0 && static_cast<std::size_t>(attempt.error().column) <= size + 1);
    return 0;
  }
  const std::string line = encode(*attempt);
  REQUIRE(line.find('\n') == std::string::npos);
  const auto again = decode_attempt(line);
  REQUIRE(again);
  REQUIRE(encode(*again) == line);
  return 0;
}
