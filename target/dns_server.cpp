#include "target/dns_server.h"

#include <algorithm>
#include <array>

#include "target/http_head.h"
#include "target/socket.h"
#include "target/stream.h"

namespace egressproof::target {
namespace {
constexpr std::size_t largest_message = 65535;
constexpr std::size_t length_size = 2;  // before each message over TCP (RFC 1035, 4.2.2)
}  // namespace

DnsServer::DnsServer(const Config& config, JournalWriter& journal)
    : local_(text_of(make_address(config.dns_address, config.dns_port))), authority_(config), journal_(journal) {
  fixture_.name = "dns";
}

std::string DnsServer::reply_to(std::string_view query, Transport transport, Recorder& recorder, bool& again) {
  const auto reply = authority_.answer(query, transport);
  Receipt made = recorder.payload_receipt(query, query);
  made.kind = ReceiptKind::dns;
  made.transport = transport == Transport::tcp ? "tcp" : "udp";
  if (reply && reply->parsed) {
    made.payload.clear();
    made.name = reply->name;
    made.query_type = reply->query_type;
    made.nonce = find_nonce(reply->name);
  }
  again = recorder.write(made);
  return again && reply ? reply->wire : std::string();
}

bool DnsServer::answer_datagram(int socket) {
  std::string query(largest_message, '\0');
  Address peer;
  const ssize_t got = ::recvfrom(socket, query.data(), query.size(), MSG_DONTWAIT, peer.raw(), &peer.size);
  if (got < 0) return false;
  query.resize(static_cast<std::size_t>(got));
  Recorder recorder({0, local_, text_of(peer)}, fixture_, journal_);
  bool again = false;
  const std::string wire = reply_to(query, Transport::udp, recorder, again);
  if (!wire.empty()) ::sendto(socket, wire.data(), wire.size(), MSG_DONTWAIT, peer.raw(), peer.size);
  return true;
}

void DnsServer::serve(int socket, Recorder recorder) {
  Stream stream(socket);
  std::string input;
  bool again = true;
  while (stream.read(input)) {
    while (input.size() >= length_size) {
      const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(input[at])); };
      const std::size_t size = byte(0) << 8 | byte(1);
      if (input.size() < length_size + size) break;
      const std::string wire =
          reply_to(std::string_view(input).substr(length_size, size), Transport::tcp, recorder, again);
      input.erase(0, length_size + size);
      if (!again) return;
      if (wire.empty()) continue;
      const std::string prefix{static_cast<char>(wire.size() >> 8), static_cast<char>(wire.size() & 0xff)};
      if (!stream.write(prefix + wire)) return;
    }
  }
  if (!input.empty()) static_cast<void>(recorder.write(recorder.payload_receipt(input, input)));
}

}  // namespace egressproof::target
