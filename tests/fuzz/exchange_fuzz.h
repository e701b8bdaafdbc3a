// Feeds an exchange with the input in two pieces, then closes.
#pragma once

#include <cstdint>

#include "probe/classify.h"
#include "probe/exchange.h"
#include "tests/fuzz/require.h"

namespace egressproof::probe {

inline void feed_exchange(Exchange& exchange, const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  exchange.take_output();
  const std::size_t cut = size == 0 ? 0 : data[0] % size;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (!exchange.ending()) exchange.received(piece);
    exchange.take_output();
  }
  if (!exchange.ending()) exchange.closed(Closing::end_of_file, "");
  REQUIRE(exchange.ending());
  const Reply& reply = exchange.reply();
  REQUIRE(reply.bytes >= reply.body.size());
  if (exchange.ending()->code == Code::ok) REQUIRE(reply.status.has_value() && exchange.asked());
  if (!exchange.asked()) REQUIRE(exchange.ending()->code == Code::local_error && !reply.status);
  static_cast<void>(find_answer(reply.body));
  static_cast<void>(escape(reply.body, 512));
}

}  // namespace egressproof::probe
