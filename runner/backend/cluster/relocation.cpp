#include "runner/backend/cluster/relocation.h"

#include <algorithm>

#include "runner/policy/network_policy.h"

namespace egressproof::backend::cluster {
namespace {

// What an address literal is made of; a run of these is taken as one word.
bool of_ipv4(char c) { return (c >= '0' && c <= '9') || c == '.'; }
bool of_ipv6(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':'; }
bool of_name(char c) { return of_ipv4(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }

}  // namespace

Relocation::Relocation(const std::map<std::string, std::string>& addresses) {
  for (const auto& [suite, cluster] : addresses) {
    there_[suite] = cluster;
    back_[cluster] = suite;
  }
}

std::string Relocation::translated(std::string_view text, const Table& table) {
  std::string done;
  for (std::size_t at = 0; at < text.size();) {
    const auto word_of = [&](auto in) {
      std::size_t end = at;
      while (end < text.size() && in(text[end])) ++end;
      return text.substr(at, end - at);
    };
    // A dot after the address may end a sentence or be the root of a name; it is not part of it.
    std::string_view word = word_of(of_ipv4);
    std::string_view bare = word.substr(0, word.find_last_not_of('.') + 1);
    const std::string_view whole = word_of(of_name);
    if (whole.size() == word.size())
      if (const auto found = table.find(bare); found != table.end()) {
        done += found->second;
        at += bare.size();
        continue;
      }
    // IPv6 as in "[2001:db8::1]:80" or alone.
    word = word_of(of_ipv6);
    if (const auto found = word.find(':') == std::string_view::npos ? table.end() : table.find(word);
        found != table.end()) {
      done += found->second;
      at += word.size();
      continue;
    }
    // What is no literal of ours may end in one: "::ffff:198.51.100.66".
    const std::size_t colon = word.rfind(':');
    const std::size_t passed = colon == std::string_view::npos ? word.size() : colon + 1;
    const std::size_t length = std::max<std::size_t>(1, std::max(whole.size(), passed));
    done += text.substr(at, length);
    at += length;
  }
  return done;
}

std::vector<std::string> Relocation::in_block(const std::string& block) const {
  std::vector<std::string> addresses;
  const auto prefix = policy::parse_prefix(block);
  if (!prefix || block.find('/') == std::string::npos) return addresses;
  for (const auto& [suite, cluster] : there_)
    if (const auto address = policy::parse_prefix(suite); address && policy::contains(*prefix, *address))
      addresses.push_back(cluster);
  return addresses;
}

probe::Attempt Relocation::to_cluster(probe::Attempt attempt) const {
  for (std::string* text :
       {&attempt.name, &attempt.address, &attempt.host, &attempt.path, &attempt.payload, &attempt.server})
    *text = to_cluster(*text);
  if (attempt.sni) attempt.sni = to_cluster(*attempt.sni);
  for (probe::Fields* fields : {&attempt.headers, &attempt.fields})
    for (auto& [name, value] : *fields) value = to_cluster(value);
  if (attempt.earlier) {
    attempt.earlier->host = to_cluster(attempt.earlier->host);
    attempt.earlier->path = to_cluster(attempt.earlier->path);
  }
  return attempt;
}

probe::Observation Relocation::to_suite(probe::Observation seen) const {
  seen.peer = to_suite(seen.peer);
  for (auto* texts : {&seen.addresses, &seen.dns_answers, &seen.redirects})
    for (std::string& text : *texts) text = to_suite(text);
  return seen;
}

target::Receipt Relocation::to_suite(target::Receipt receipt) const {
  for (std::string* text : {&receipt.local, &receipt.host, &receipt.path}) *text = to_suite(*text);
  if (receipt.sni) receipt.sni = to_suite(*receipt.sni);
  if (receipt.host_header) receipt.host_header = to_suite(*receipt.host_header);
  return receipt;
}

policy::MeshRecord Relocation::to_suite(policy::MeshRecord record) const {
  for (std::string* text : {&record.destination, &record.upstream, &record.sni, &record.authority})
    *text = to_suite(*text);
  return record;
}

scenario::Suite Relocation::to_cluster(scenario::Suite suite) const {
  for (scenario::Fixture& fixture : suite.fixtures)
    for (std::string& address : fixture.addresses) address = to_cluster(address);
  for (scenario::Record& record : suite.records)
    for (std::string& value : record.values) value = to_cluster(value);
  return suite;
}

}  // namespace egressproof::backend::cluster
