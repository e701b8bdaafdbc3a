#include "runner/evidence/fetch.h"

#include <algorithm>
#include <set>

#include "runner/evidence/evidence.h"
#include "runner/policy/network_drop.h"

namespace egressproof::evidence {
namespace {

bool is_one_of(const std::string& end, const std::vector<std::string>& addresses) {
  return std::find(addresses.begin(), addresses.end(), address_part(end)) != addresses.end();
}

std::string ends_of(const target::Receipt& receipt) { return receipt.peer + " " + receipt.local; }

}  // namespace

Fetch fetch_of(const plan::Cell& cell, const std::vector<std::string>& sources, const target::Journal& journal,
               const std::vector<policy::MeshRecord>& records) {
  std::set<std::string> of_attempts;  // a probe's, which bear a nonce
  std::set<std::string> addresses;    // of the target, as dialled
  for (const target::Receipt& receipt : journal.receipts) {
    if (receipt.fixture != cell.target.fixture) continue;
    if (!receipt.nonce.empty()) of_attempts.insert(ends_of(receipt));
    addresses.insert(address_part(receipt.local));
  }
  Fetch fetch;
  for (const target::Receipt& receipt : journal.receipts) {
    if (receipt.fixture != cell.target.fixture || !is_one_of(receipt.peer, sources) ||
        of_attempts.contains(ends_of(receipt)))
      continue;
    if (receipt.kind == target::ReceiptKind::request && receipt.path != cell.attempt.path) continue;
    fetch.received.push_back(receipt);
  }
  for (const policy::MeshRecord& record : records)
    if (record.proxy == policy::network_witness(cell.profile) && record.nonce.empty() &&
        is_one_of(record.downstream, sources) && addresses.contains(address_part(record.destination)))
      fetch.logged.push_back(record);
  return fetch;
}

}  // namespace egressproof::evidence
