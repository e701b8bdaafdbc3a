// A stream of any lines is either complete and right or has errors; nothing that was not asked for is told.
#include <cstdint>

#include "base/json.h"
#include "probe/codec.h"
#include "tests/fuzz/require.h"

using namespace egressproof::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Attempt> asked(2);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    asked[i].sequence = i + 1;
    asked[i].nonce = std::string(32, static_cast<char>('a' + i));
  }
  BatchReader reader("b", asked);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    reader.feed(rest.substr(0, end));
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  const BatchResult result = reader.finish();
  for (const auto& [sequence, seen] : result.observations) {
    REQUIRE(sequence == 1 || sequence == 2);
    REQUIRE(seen.nonce == asked[sequence - 1].nonce);
  }
  REQUIRE(!result.errors.empty() || (result.closed && result.observations.size() == asked.size()));
  for (const std::string& error : result.errors)
    static_cast<void>(egressproof::Json(error).dump());  // throws: no UTF-8
  return 0;
}
