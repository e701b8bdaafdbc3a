#include "runner/backend/lab/kernel_counters.h"

#include <fmt/format.h>

#include <cstdlib>
#include <set>
#include <sstream>

namespace egressproof::backend::lab {
namespace {

// Connections that a listener could not take (a full accept queue, mostly), datagrams that a socket had no room for
// (DNS queries), and packets that connection tracking could not take.
const std::set<std::string> losses{"TcpExt.ListenDrops",      "TcpExt.TCPReqQFullDrop", "Udp.RcvbufErrors",
                                   "conntrack.insert_failed", "conntrack.drop",         "conntrack.early_drop"};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void add(KernelCounters& counters, const std::string& name, const std::string& value, int base) {
  if (losses.count(name) > 0) counters[name] += std::strtoull(value.c_str(), nullptr, base);
}

}  // namespace

KernelCounters parse_kernel_counters(std::string_view netstat, std::string_view conntrack) {
  KernelCounters counters;
  // Pairs of lines: "TcpExt: NAME NAME ...", "TcpExt: 0 17 ...".
  std::istringstream pairs{std::string(netstat)};
  for (std::string head, body; std::getline(pairs, head) && std::getline(pairs, body);) {
    const auto names = words_of(head);
    const auto values = words_of(body);
    for (std::size_t i = 1; i < names.size() && i < values.size(); ++i)
      add(counters, names[0].substr(0, names[0].size() - 1) + "." + names[i], values[i], 10);
  }
  // A line of names, then one of hexadecimal numbers for each processor.
  std::istringstream table{std::string(conntrack)};
  std::string line;
  std::getline(table, line);
  const auto names = words_of(line);
  while (std::getline(table, line)) {
    const auto values = words_of(line);
    for (std::size_t i = 0; i < names.size() && i < values.size(); ++i)
      add(counters, "conntrack." + names[i], values[i], 16);
  }
  return counters;
}

std::vector<std::string> kernel_losses(const std::string& where, const KernelCounters& before,
                                       const KernelCounters& now) {
  std::vector<std::string> found;
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    const std::uint64_t base = old == before.end() ? 0 : old->second;
    if (value > base)
      found.push_back(fmt::format("the kernel counts {} more {} in {}: connections may have been lost there",
                                  value - base, name, where));
  }
  return found;
}

}  // namespace egressproof::backend::lab
