// Whatever decode_observation() takes, encode() writes so that it is taken again and is the same.
#include <cstdint>

#include "probe/codec.h"
#include "tests/fuzz/require.h"

using namespace egressproof::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto seen = decode_observation({reinterpret_cast<const char*>(data), size});
  if (!seen) {
    REQUIRE(!seen.error().message.empty());
    REQUIRE(seen.error().column >= 0 && static_cast<std::size_t>(seen.error().column) <= size + 1);
    return 0;
  }
  const std::string line = encode(*seen);
  REQUIRE(line.find('\n') == std::string::npos);
  const auto again = decode_observation(line);
  REQUIRE(again);
  REQUIRE(encode(*again) == line);
  return 0;
}
