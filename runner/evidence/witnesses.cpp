#include <algorithm>

#include "runner/evidence/evidence.h"
#include "runner/plan/directory.h"

namespace egressproof::evidence {
namespace {

using target::Receipt;
using target::ReceiptKind;

// Whether one of the Host values (duplicates are joined by ", ") is the wanted one.
bool is_for_host(const Receipt& receipt, const std::string& host) {
  if (receipt.kind != ReceiptKind::request) return false;
  static constexpr std::string_view between = ", ";
  const std::string wanted = plan::bare_name(host);
  for (std::size_t at = 0;;) {
    const std::size_t end = receipt.host.find(between, at);
    if (plan::bare_name(receipt.host.substr(at, end == std::string::npos ? end : end - at)) == wanted) return true;
    if (end == std::string::npos) return false;
    at = end + between.size();
  }
}

bool counts(const Witnesses& one, const Receipt& receipt) {
  return (receipt.kind == ReceiptKind::dns) == (one.attempt.protocol == probe::Protocol::dns);
}

template <class Fits>
std::vector<const Receipt*> all(const Witnesses& one, const plan::Destination& destination, Fits fits) {
  std::vector<const Receipt*> found;
  for (const Receipt& receipt : one.received)
    if (counts(one, receipt) && receipt.fixture == destination.fixture &&
        (destination.host.empty() ? fits(receipt) : is_for_host(receipt, destination.host)))
      found.push_back(&receipt);
  return found;
}

const Receipt* first(const std::vector<const Receipt*>& receipts) {
  return receipts.empty() ? nullptr : receipts.front();
}

}  // namespace

bool client_ok(const Witnesses& one) {
  if (!one.observed || one.observed->code != probe::Code::ok) return false;
  switch (one.attempt.protocol) {
    case probe::Protocol::http1:
    case probe::Protocol::http2: {
      const int status = one.observed->http_status.value_or(0);
      // An answer to HEAD has no body that could name the fixture: its receipt alone must do.
      const bool upgraded = one.attempt.ticks && status == 101;
      return (upgraded || (status >= 200 && status < 300)) && (one.genuine_answer || one.attempt.method == "HEAD");
    }
    case probe::Protocol::tcp:
      return one.genuine_answer;
    case probe::Protocol::udp:
      return one.genuine_answer || !one.attempt.expects_answer;
    case probe::Protocol::icmp:  // the kernel answers, and knows no key
    case probe::Protocol::ip:    // sent is all that a client can say
    case probe::Protocol::syn:
    case probe::Protocol::tls:
    case probe::Protocol::dns:
      return true;
  }
  return false;
}

std::vector<const Receipt*> arrivals(const Witnesses& one, const plan::Destination& destination) {
  // What ends below TCP and UDP leaves no other trace than the packet that carried the nonce.
  const bool packets = probe::is_portless(one.attempt.protocol) || one.attempt.protocol == probe::Protocol::syn;
  return all(one, destination, [&](const Receipt& receipt) {
    if (receipt.kind == ReceiptKind::packet) return packets && receipt.nonce == one.attempt.nonce;
    return receipt.kind != ReceiptKind::connection;
  });
}

const Receipt* arrival(const Witnesses& one, const plan::Destination& destination) {
  return first(arrivals(one, destination));
}

const Receipt* touch(const Witnesses& one, const plan::Destination& destination) {
  return first(all(one, destination, [](const Receipt&) { return true; }));
}

std::vector<std::string> reached(const Witnesses& one) {
  std::vector<std::string> fixtures;
  for (const Receipt& receipt : one.received)
    if (counts(one, receipt) && std::find(fixtures.begin(), fixtures.end(), receipt.fixture) == fixtures.end())
      fixtures.push_back(receipt.fixture);
  return fixtures;
}

std::string address_part(const std::string& end) {
  const std::size_t colon = end.rfind(':');
  // An address alone, as of a packet of a protocol without ports.
  if (end.find(':') != colon && end.find('[') == std::string::npos) return end;
  const std::string address = colon == std::string::npos ? end : end.substr(0, colon);
  const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  return bracketed ? address.substr(1, address.size() - 2) : address;
}

}  // namespace egressproof::evidence
