// Clients that say nothing, and fixtures that speak first.
#include "runner/backend/fake/client.h"
#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"

namespace egressproof::backend::fake {

Client::Outcome Client::hold(const Request& request, const Pod& pod, const std::string& local) {
  policy::MeshRecord record;
  record.proxy = policy::capture_witness(pod.name);
  record.at = clock_now();
  record.downstream = local;
  record.destination = endpoint(request.address, request.port);
  record.details = policy::capture_hold;
  record.line = local + " -> " + record.destination + " redirected to the proxy, which ended it when the client had";
  log_.push_back(std::move(record));
  Outcome outcome;
  outcome.code = probe::Code::response_timeout;
  return outcome;
}

Client::Outcome Client::greet(const scenario::Fixture& fixture, target::Receipt receipt) {
  Outcome outcome;
  if (!fixture.speaks_first) {
    outcome.code = probe::Code::response_timeout;
    return outcome;
  }
  receipt.kind = target::ReceiptKind::greeting;
  outcome.answer = internet_.answer(fixture.name, "", internet_.receive(receipt, lose_));
  return outcome;
}

}  // namespace egressproof::backend::fake
