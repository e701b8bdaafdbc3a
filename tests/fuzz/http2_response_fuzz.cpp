#include "tests/fuzz/exchange_fuzz.h"

using namespace egressproof::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool with_earlier : {false, true}) {
    Attempt attempt;
    attempt.nonce = std::string(32, 'a');
    attempt.host = "a.test";
    attempt.protocol = Protocol::http2;
    if (with_earlier) attempt.earlier = EarlierRequest{"b.test"};
    feed_exchange(*make_http2_exchange(attempt), data, size);
  }
  return 0;
}
