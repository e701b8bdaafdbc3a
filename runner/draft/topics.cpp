// The topics of a draft, one after the other; the cells are in rows.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "runner/draft/holes.h"
#include "runner/draft/rows.h"

namespace egressproof::draft {
namespace {

using Attempt = std::vector<std::pair<std::string, std::string>>;

std::string at_port(const std::string& host, int port) { return quoted(fmt::format("{}:{}", host, port)); }

Attempt to(const std::string& host, int port, Wire wire) {
  switch (wire) {
    case Wire::http:
      return {{"protocol", "http/1.1"}, {"to", at_port(host, port)}};
    case Wire::tls:
      return {{"protocol", "http/1.1"}, {"to", at_port(host, port)}, {"tls", "true"}};
    case Wire::tcp:
      break;
  }
  return {{"protocol", "tcp"}, {"to", at_port(host, port)}, {"payload", quoted("egressproof {nonce}\n")}};
}

// An address with the name of somebody else.
Attempt dialled(const std::string& fixture, int port, Wire wire, const std::string& name) {
  switch (wire) {
    case Wire::http:
      return {{"protocol", "http/1.1"}, {"dial", at_port(fixture, port)}, {"host", quoted(name)}};
    case Wire::tls:
      return {{"protocol", "tls"}, {"dial", at_port(fixture, port)}, {"sni", quoted(name)}};
    case Wire::tcp:
      break;
  }
  return {{"protocol", "tcp"}, {"dial", at_port(fixture, port)}, {"payload", quoted("egressproof {nonce}\n")}};
}

constexpr const char* look_alike_suffix = ".egressproof.test";

std::string shown(const Target& target) { return fmt::format("{}:{}", target.client_name, target.port.number); }

}  // namespace

Topic Rows::allowed() {
  Topic topic{
      "allowed", "What the policies list", "A workload reaches the hosts that are listed for it, and no others.", {}};
  for (const Target& one : targets_) {
    Row made = row("allow-" + one.slug, shown(one) + (one.host == one.client_name ? "" : ", below " + one.host));
    made.attempt = to(one.client_name, one.port.number, one.port.wire);
    all_cells(made, [&](const Workload& workload) { return allowed_cell(workload, one); });
    add(topic, std::move(made));
    if (one.host == one.client_name) continue;
    Row deep = row("deep-" + one.slug, "deep." + shown(one) + ", two labels below " + one.host.substr(2));
    deep.attempt = to("deep." + one.client_name, one.port.number, one.port.wire);
    all_cells(deep, [&](const Workload& workload) { return allowed_cell(workload, one); });
    add(topic, std::move(deep));
  }
  return topic;
}

Topic Rows::lookalikes() {
  Topic topic{"lookalikes",
              "Names that look like listed ones",
              "A name that is not listed is denied, however it is spelt.",
              {}};
  for (const Target& one : targets_) {
    if (one.port.wire == Wire::tcp) continue;
    const bool wildcard = one.host != one.client_name;
    const std::string bare = wildcard ? one.host.substr(2) : one.host;
    const auto denied = [&](const std::string& id, const std::string& name, const std::string& what) {
      internet_.forbid(name);
      Row made = row(id + "-" + one.slug, fmt::format("{}:{}, {}", name, one.port.number, what));
      made.attempt = to(name, one.port.number, one.port.wire);
      made.bypass = true;
      all_cells(made, [&](const Workload& workload) {
        const bool listed = listing(workload, name, one.port.number) != nullptr;
        return listed ? Cell{} : denied_cell(workload, one.port.number, one.port.wire);
      });
      add(topic, std::move(made));
    };
    denied("prefix", "x" + bare, "which ends like the listed one");
    denied("suffix", bare + look_alike_suffix, "which begins like the listed one");
    if (!wildcard) continue;
    Row apex = row("apex-" + one.slug, fmt::format("{}:{}, the apex of {}", bare, one.port.number, one.host));
    apex.attempt = to(bare, one.port.number, one.port.wire);
    all_cells(apex, [&](const Workload& workload) { return apex_cell(workload, one); });
    add(topic, std::move(apex));
  }
  return topic;
}

Topic Rows::unlisted() {
  Topic topic{
      "unlisted", "What no policy lists", "Whatever is not listed is denied: other names, other ports, addresses.", {}};
  const auto denied = [&](Row made, int port, Wire wire) {
    made.bypass = true;
    all_cells(made, [&](const Workload& workload) { return denied_cell(workload, port, wire); });
    add(topic, std::move(made));
  };
  Row http = row("unlisted-http", "an unlisted name over HTTP");
  http.attempt = to(unlisted_name, 80, Wire::http);
  denied(std::move(http), 80, Wire::http);
  Row tls = row("unlisted-tls", "an unlisted name over TLS");
  tls.attempt = to(unlisted_name, 443, Wire::tls);
  denied(std::move(tls), 443, Wire::tls);
  Row literal = row("address-http", "HTTP to an address, Host is the address");
  literal.attempt = {{"protocol", "http/1.1"}, {"dial", at_port(sink_fixture, 80)}};
  denied(std::move(literal), 80, Wire::http);
  Row literal_tls = row("address-tls", "TLS to an address, without SNI");
  literal_tls.attempt = {{"protocol", "tls"}, {"dial", at_port(sink_fixture, 443)}, {"sni", quoted("")}};
  denied(std::move(literal_tls), 443, Wire::tls);
  Row raw = row("address-tcp", fmt::format("raw TCP to an address, port {}", other_port_));
  raw.attempt = dialled(sink_fixture, other_port_, Wire::tcp, "");
  denied(std::move(raw), other_port_, Wire::tcp);
  std::set<std::string> done;
  for (const Target& one : targets_) {
    if (!done.insert(one.host).second) continue;
    const Wire wire = one.port.wire == Wire::tcp ? Wire::http : one.port.wire;
    Row port = row("other-port-" + slug_of(one.host),
                   fmt::format("{}:{}, a port that is not listed", one.client_name, other_port_));
    port.attempt = to(one.client_name, other_port_, wire);
    denied(std::move(port), other_port_, wire);
  }
  return topic;
}

Topic Rows::spoofed() {
  Topic topic{"spoofed",
              "Listed names at other addresses, other names at listed addresses",
              "A workload reaches only what is listed, whatever Host, SNI or address it puts on the wire.",
              {}};
  for (const Target& one : targets_) {
    const char* what = one.port.wire == Wire::http ? "host" : one.port.wire == Wire::tls ? "sni" : "address";
    const char* written = one.port.wire == Wire::http ? "Host" : one.port.wire == Wire::tls ? "SNI" : "port";
    Row spoof = row(fmt::format("{}-spoof-{}", what, one.slug),
                    fmt::format("{} of {}, dialled to an address that nobody lists", written, shown(one)));
    spoof.attempt = dialled(sink_fixture, one.port.number, one.port.wire, one.client_name);
    spoof.bypass = true;
    const auto tcp_targets =
        std::count_if(targets_.begin(), targets_.end(), [](const Target& each) { return each.port.wire == Wire::tcp; });
    all_cells(spoof, [&](const Workload& workload) {
      Cell cell = spoofed_cell(workload, one);
      // Where a connection without a name ends is told by the role "allowed", of which a profile has one.
      if (cell.code == 'R' && one.port.wire == Wire::tcp && tcp_targets > 1) cell = Cell{};
      return cell;
    });
    add(topic, std::move(spoof));
    if (one.port.wire == Wire::tcp || one.host != one.client_name) continue;
    const std::string fixture = internet_.fixture_of(one.host);
    Row other = row(fmt::format("other-{}-{}", what, one.slug),
                    fmt::format("{} of an unlisted name, dialled to the address of {}", written, shown(one)));
    other.attempt = dialled(fixture, one.port.number, one.port.wire, unlisted_name);
    other.bypass = true;
    all_cells(other, [&](const Workload& workload) { return other_name_cell(workload, one); });
    add(topic, std::move(other));
  }
  return topic;
}

Topic Rows::limits() {
  Topic topic{"limits",
              "Limits that are known beforehand",
              "What these policies cannot prevent is known, shown by a receipt, and has a fix outside of them.",
              {}};
  for (const Target& one : targets_) {
    if (one.port.wire != Wire::tls) continue;
    const std::string fronted = "fronted-" + one.slug + look_alike_suffix;
    internet_.also_named(fronted, internet_.fixture_of(one.host));
    Row made =
        row("fronting-" + one.slug, "SNI of " + shown(one) + ", inside TLS the Host of another on the same server");
    made.attempt = to(one.client_name, one.port.number, Wire::tls);
    made.attempt.emplace_back("host", quoted(fronted));
    made.target_host = fronted;
    made.bypass = true;
    made.reference = hole("tls-fronting").reference;
    all_cells(made, [&](const Workload& workload) {
      const Cell reached = allowed_cell(workload, one);
      if (reached.code != 'A') return Cell{};
      const Cause& listed = reached.causes.front();
      return Cell{'L', reached.follows, {{"tls-fronting", listed.object, listed.at}}};
    });
    add(topic, std::move(made));
  }
  Row past = row("past-the-sidecar", "HTTP to an address, from the proxy's own uid");
  past.attempt = {{"protocol", "http/1.1"}, {"dial", at_port(sink_fixture, 80)}};
  past.past_sidecar = true;
  past.bypass = true;
  past.reference = hole("no-network-policy").reference;
  all_cells(past, [&](const Workload& workload) {
    if (workload.network_policy) return Cell{};  // denials are tried past the proxy anyway
    return Cell{'L', "no NetworkPolicy for egress", {{"no-network-policy", "namespace " + workload.ns, workload.at}}};
  });
  add(topic, std::move(past));
  return topic;
}

}  // namespace egressproof::draft
