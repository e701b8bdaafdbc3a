#include "probe/codec.h"
#include "runner/backend/fake/client.h"

namespace egressproof::backend::fake {

using probe::Code;
using probe::Protocol;
using probe::Stage;

// No sidecar captures datagrams, whatever the policies say.
void Client::send(const probe::Attempt& attempt, const std::string& address, const Pod& pod, probe::Observation& seen) {
  const bool portless = probe::is_portless(attempt.protocol);
  seen.local = endpoint(pod.address, next_port());
  seen.peer = endpoint(address, attempt.port);
  const scenario::Fixture* fixture = portless ? internet_.owner(address) : internet_.listener(address, attempt.port);
  seen.reached = Stage::response;
  if (fixture == nullptr || !fixture->relays_to.empty()) {
    seen.code = internet_.exists(address) ? Code::connect_refused : Code::response_timeout;
  } else {
    target::Receipt receipt;
    receipt.fixture = fixture->name;
    receipt.payload = filled(attempt.payload, attempt.nonce);
    receipt.nonce = receipt.payload.find(attempt.nonce) == std::string::npos ? "" : attempt.nonce;
    receipt.kind = attempt.protocol == Protocol::udp ? target::ReceiptKind::payload : target::ReceiptKind::packet;
    receipt.transport = attempt.protocol == Protocol::syn ? "tcp" : probe::to_string(attempt.protocol);
    receipt.local = portless ? address : seen.peer;
    receipt.peer = portless ? pod.address : seen.local;
    const std::uint64_t number = internet_.receive(receipt, lose_);
    if (attempt.protocol == Protocol::udp) seen.answer = internet_.answer(fixture->name, receipt.nonce, number);
    seen.code = Code::ok;
  }
  for (const Stage stage : {Stage::connect, Stage::request, Stage::response})
    seen.stages.push_back({stage, stage == seen.reached ? seen.code : Code::ok, stage_took});
}

}  // namespace egressproof::backend::fake
