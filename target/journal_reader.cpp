#include <chrono>
#include <map>
#include <optional>
#include <set>

#include "base/object_reader.h"
#include "target/codec.h"

namespace egressproof::target {
namespace {

std::string type_of(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) return {};
  return json["type"];
}

// A connection and a datagram between the same two ends are told apart: the one does not account for the other.
std::string ends_of(const Receipt& receipt) {
  return (receipt.connection != 0 || receipt.transport == "tcp" ? "tcp " : receipt.transport + " ") + receipt.local +
         " " + receipt.peer;
}

// A target that is late to accept does not make the connection late: it was opened when its SYN came.
void put_opening_times(std::vector<Receipt>& receipts) {
  std::map<std::string, std::vector<std::chrono::microseconds>> syns;
  for (const Receipt& receipt : receipts)
    if (receipt.kind == ReceiptKind::packet) syns[ends_of(receipt)].push_back(receipt.at);
  for (Receipt& receipt : receipts) {
    if (receipt.kind != ReceiptKind::connection) continue;
    const auto found = syns.find(ends_of(receipt));
    if (found == syns.end()) continue;
    std::optional<std::chrono::microseconds> latest;
    for (const std::chrono::microseconds at : found->second)
      if (at <= receipt.at && (!latest || at > *latest)) latest = at;
    receipt.at = latest.value_or(receipt.at);
  }
}

}  // namespace

Journal decode_journal(std::string_view content) {
  Journal journal;
  std::uint64_t next = 1;
  int number = 0;
  const auto complain = [&](const std::string& what) {
    journal.errors.push_back("receipt journal, line " + std::to_string(number) + ": " + what);
  };
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    if (end == std::string_view::npos) break;  // still being written
    const std::string_view line = content.substr(0, end);
    content.remove_prefix(end + 1);
    const std::string type = type_of(line);
    if (++number == 1) {
      if (type != "opened") complain("the opening line is missing");
      if (type == "opened") continue;
    }
    if (journal.closed) complain("a line after the closing line");
    if (type == "closed") {
      journal.closed = true;
      const Json json = Json::parse(line);
      if (!json.contains("count") || json["count"] != next - 1) complain("the closing count does not fit the receipts");
      continue;
    }
    if (type == "trouble") {
      const Json json = Json::parse(line);
      complain(json.contains("message") && json["message"].is_string() ? json["message"].get<std::string>()
                                                                       : "trouble");
      continue;
    }
    const auto receipt = decode_receipt(line);
    if (!receipt) {
      complain("malformed: " + receipt.error().message);
      continue;
    }
    if (receipt->number > next)
      complain("receipts " + std::to_string(next) + " to " + std::to_string(receipt->number - 1) + " are lost");
    if (receipt->number < next) complain("receipt " + std::to_string(receipt->number) + " came twice or out of order");
    if (receipt->number >= next) next = receipt->number + 1;
    journal.receipts.push_back(*receipt);
  }
  if (number == 0) journal.errors.emplace_back("receipt journal: it is empty");
  put_opening_times(journal.receipts);
  return journal;
}

std::map<std::string, int> connections_without_nonce(const Journal& journal) {
  std::set<std::uint64_t> known;
  for (const Receipt& receipt : journal.receipts)
    if (!receipt.nonce.empty()) known.insert(receipt.connection);
  std::map<std::string, int> counts;
  for (const Receipt& receipt : journal.receipts)
    if (receipt.kind == ReceiptKind::connection && known.count(receipt.connection) == 0) ++counts[receipt.fixture];
  return counts;
}

std::vector<Receipt> unanswered_packets(const Journal& journal) {
  std::set<std::string> accounted;
  for (const Receipt& receipt : journal.receipts)
    if (receipt.kind != ReceiptKind::packet) accounted.insert(ends_of(receipt));
  std::vector<Receipt> left;
  for (const Receipt& receipt : journal.receipts)
    if (receipt.kind == ReceiptKind::packet && accounted.count(ends_of(receipt)) == 0) left.push_back(receipt);
  return left;
}

}  // namespace egressproof::target
