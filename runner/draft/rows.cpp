#include "runner/draft/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runner/draft/holes.h"
#include "runner/scenario/scalars.h"

namespace egressproof::draft {
namespace {

constexpr const char* egress_control = "https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/";
std::string object_of(const Listing& listing) { return "ServiceEntry " + listing.object; }
std::string follows(const Listing& listing) { return object_of(listing) + " (" + place_of(listing.at) + ")"; }

std::string fixture_address(const Listing& listing) {
  const auto usable = [](const std::string& address) {
    return !address.empty() && !scenario::is_ipv6(address) && !address.starts_with("203.0.113.") &&
           !scenario::is_harness_address(address);
  };
  const auto& list = listing.resolution == "NONE" ? listing.addresses : listing.endpoints;
  for (const std::string& text : list)
    if (const auto address = scenario::canonical_address(text); address && usable(*address)) return *address;
  return "";
}

}  // namespace

std::string place_of(const Location& at) { return at.line == 0 ? at.file : at.file + ":" + std::to_string(at.line); }

Rows::Rows(const Model& model, const Options& options, Internet& internet,
           const std::map<std::string, std::string>& profiles)
    : model_(model), options_(options), internet_(internet), profiles_(profiles) {}

std::vector<Topic> Rows::make() {
  find_targets();
  play_hosts();
  std::vector<Topic> topics;
  for (Topic topic : {allowed(), lookalikes(), unlisted(), spoofed(), limits()})
    if (!topic.rows.empty()) topics.push_back(std::move(topic));
  return topics;
}

void Rows::find_targets() {
  std::set<std::pair<std::string, int>> seen;
  const auto add = [&](const std::string& host, const Port& port, const Listing* first) {
    if (!seen.emplace(host, port.number).second) return;
    const std::string client = host.starts_with("*.") ? "member." + host.substr(2) : host;
    std::string slug = fmt::format("{}-{}", slug_of(host), port.number);
    const auto used = [&] {
      return std::any_of(targets_.begin(), targets_.end(), [&](const Target& one) { return one.slug == slug; });
    };
    for (int i = 2; used(); ++i) slug = fmt::format("{}-{}-{}", slug_of(host), i, port.number);
    targets_.push_back({host, client, port, slug, first});
  };
  for (const Listing& one : model_.listings)
    for (const Port& port : one.ports) add(one.host, port, &one);
  if (options_.matrix == nullptr) return;
  for (const auto& [ns, cells] : options_.matrix->workloads)
    for (const MatrixCell& cell : cells) {
      Port port;
      port.number = port.target = static_cast<std::uint16_t>(cell.port);
      port.wire = cell.port == 443 || cell.port == 8443  ? Wire::tls
                  : cell.port == 80 || cell.port == 8080 ? Wire::http
                                                         : Wire::tcp;
      for (const Listing& one : model_.listings)
        if (one.wildcard() && cell.host.ends_with("." + one.suffix()))
          for (const Port& listed : one.ports)
            if (listed.number == cell.port) port.wire = listed.wire;
      add(cell.host, port, nullptr);
    }
}

void Rows::play_hosts() {
  std::set<std::uint16_t> ports{80, 443};
  for (const Target& one : targets_) ports.insert({one.port.number, one.port.target});
  static constexpr std::array<std::uint16_t, 5> others{8443, 8080, 9443, 3128, 5432};
  for (const std::uint16_t other : others)
    if (!ports.contains(other)) {
      other_port_ = other;
      break;
    }
  ports.insert(other_port_);
  // Exact hosts before wildcards: a route may lead a wildcard to one of them.
  for (const Target& one : targets_)
    if (one.host == one.client_name)
      internet_.play(one.host, {one.port.number, one.port.target},
                     one.first == nullptr ? "" : fixture_address(*one.first));
  for (const Listing& one : model_.listings)
    for (const std::string& endpoint : one.endpoints)
      // The name that the proxy resolves instead of the host's.
      if (!one.wildcard() && scenario::is_dns_name(endpoint, false) && !scenario::canonical_address(endpoint))
        internet_.also_named(scenario::folded_name(endpoint), internet_.fixture_of(one.host));
  for (const Target& one : targets_) {
    if (one.host == one.client_name) continue;
    for (const GatewayRoute& route : model_.routes)
      if (route.host == one.host && !route.to.empty() && !internet_.fixture_of(route.to).empty())
        internet_.also_named(one.host, internet_.fixture_of(route.to));  // one server hosts them all
    const std::string fixture = internet_.play(one.host, {one.port.number, one.port.target});
    internet_.also_named(one.client_name, fixture);
    internet_.also_named("deep." + one.client_name, fixture);
    internet_.forbid(one.host.substr(2));
  }
  internet_.every_fixture_has(ports);
}

Row Rows::row(const std::string& id, const std::string& title) const {
  Row made;
  made.id = id;
  made.title = title;
  made.reference = egress_control;
  return made;
}

void Rows::add(Topic& topic, Row row) {
  const std::string stem = row.id;
  for (int i = 2; !ids_.insert(row.id).second; ++i) row.id = fmt::format("{}-{}", stem, i);
  if (!row.cells.empty()) topic.rows.push_back(std::move(row));
}

const Listing* Rows::listing(const Workload& workload, const std::string& host, int port, bool leaked) const {
  const Listing* best = nullptr;
  for (const Listing& one : model_.listings) {
    const bool fits = one.host == host || (one.wildcard() && host.ends_with("." + one.suffix()));
    const Seen seen = seen_by(model_, one, workload);
    if (!fits || seen == Seen::no || (seen == Seen::leaked) != leaked) continue;
    if (std::none_of(one.ports.begin(), one.ports.end(), [&](const Port& each) { return each.number == port; }))
      continue;
    if (best == nullptr || (best->wildcard() && !one.wildcard())) best = &one;
  }
  return best;
}

bool Rows::led_to_gateway(const Workload& workload, const std::string& host, Wire wire) const {
  return !workload.gateway.empty() && std::any_of(model_.routes.begin(), model_.routes.end(), [&](const auto& one) {
    return one.host == host && one.wire == wire && one.gateway_ns == workload.gateway;
  });
}

Cell Rows::denied_cell(const Workload& workload, int port, Wire wire) const {
  Cell cell;
  cell.code = 'D';
  if (workload.registry_only) {
    cell.follows = fmt::format("REGISTRY_ONLY by {} ({}), and no listing", workload.decided_by, place_of(workload.at));
  } else {
    cell.follows = "no listing";
    const std::string nobody = "namespace " + workload.ns + ", which has no Sidecar with REGISTRY_ONLY";
    cell.causes.push_back(
        {"no-registry-only", workload.decided_by.empty() ? nobody : workload.decided_by, workload.at});
  }
  for (const Listing& one : model_.listings) {
    if (seen_by(model_, one, workload) == Seen::no || !one.addresses.empty()) continue;
    for (const Port& each : one.ports)
      if (each.number == port && each.wire == Wire::tcp)
        cell.causes.push_back({one.resolution == "NONE" ? "none-tcp" : "tcp-without-vip", object_of(one), each.at});
  }
  (void)wire;
  return cell;
}

Cell Rows::allowed_cell(const Workload& workload, const Target& target) const {
  if (options_.matrix != nullptr)
    if (const auto found = options_.matrix->workloads.find(workload.ns); found != options_.matrix->workloads.end())
      for (const MatrixCell& one : found->second) {
        if (one.host != target.host || one.port != target.port.number) continue;
        const Listing* listed = listing(workload, target.host, target.port.number);
        const bool is_listed = listed != nullptr;
        Cell cell = denied_cell(workload, one.port, target.port.wire);
        cell.code = one.allow ? 'A' : 'D';
        cell.follows = "the matrix (" + place_of(one.at) + ")";
        if (is_listed && !one.allow)
          cell.causes.insert(cell.causes.begin(), {"listed-though-denied", object_of(*listed), listed->at});
        if (one.allow)
          cell.causes = {
              {"listed-but-denied", is_listed ? object_of(*listed) : "no listing", is_listed ? listed->at : one.at},
              {"past-the-gateway", is_listed ? object_of(*listed) : "no listing", is_listed ? listed->at : one.at}};
        return cell;
      }
  if (const Listing* listed = listing(workload, target.host, target.port.number)) {
    Cell cell;
    cell.code = 'A';
    cell.follows = follows(*listed);
    cell.causes = {{"listed-but-denied", object_of(*listed), listed->at},
                   {"past-the-gateway", object_of(*listed), listed->at},
                   {"somebody-else-answers", object_of(*listed), listed->at}};
    return cell;
  }
  Cell cell = denied_cell(workload, target.port.number, target.port.wire);
  if (const Listing* leaked = listing(workload, target.host, target.port.number, true)) {
    cell.follows = "listed for namespace " + leaked->ns + " alone, by " + follows(*leaked);
    cell.causes.insert(cell.causes.begin(), {"exported-to-all", object_of(*leaked), leaked->at});
    if (!workload.sidecar_hosts && workload.stated)
      cell.causes.push_back({"sidecar-without-hosts", workload.decided_by, workload.at});
  }
  return cell;
}

Cell Rows::spoofed_cell(const Workload& workload, const Target& target) const {
  const Port& port = target.port;
  const Listing* listed = listing(workload, target.host, port.number);
  const Listing* leaked = listed != nullptr ? nullptr : listing(workload, target.host, port.number, true);
  Cell cell = denied_cell(workload, port.number, port.wire);
  const Listing* open = listed != nullptr ? listed : leaked;
  if (open == nullptr) return cell;
  if (leaked != nullptr) cell.causes.insert(cell.causes.begin(), {"exported-to-all", object_of(*leaked), leaked->at});
  const char* what = port.wire == Wire::http ? "Host" : port.wire == Wire::tls ? "SNI" : "port";
  const bool led = led_to_gateway(workload, target.host, port.wire);
  if (open->resolution == "NONE" && !led) {
    const bool bounded = port.wire == Wire::tcp && !open->addresses.empty();
    const std::string key = open->wildcard()          ? "none-wildcard"
                            : port.wire == Wire::http ? "none-host-spoof"
                            : port.wire == Wire::tls  ? "none-sni-spoof"
                                                      : "none-tcp";
    if (!bounded) cell.causes.insert(cell.causes.begin(), {key, object_of(*open), open->resolution_at});
    cell.follows = fmt::format("{} lists the {}, not this address", follows(*open), what);
    return cell;
  }
  cell.follows = fmt::format("{}, resolution {}: the proxy goes to the listed host", follows(*open), open->resolution);
  const bool vip = !open->addresses.empty();
  if (leaked != nullptr || (vip && port.wire != Wire::http && !led)) {
    cell.follows = follows(*open) + ": not at this address";
    return cell;
  }
  cell.code = 'R';
  return cell;
}

Cell Rows::apex_cell(const Workload& workload, const Target& target) const {
  const std::string apex = target.host.substr(2);
  if (listing(workload, apex, target.port.number) != nullptr) return {};
  Cell cell = denied_cell(workload, target.port.number, target.port.wire);
  if (const Listing* listed = listing(workload, target.host, target.port.number))
    cell.follows = follows(*listed) + " does not include the apex";
  return cell;
}

Cell Rows::other_name_cell(const Workload& workload, const Target& target) const {
  const Listing* listed = listing(workload, target.host, target.port.number);
  Cell cell = denied_cell(workload, target.port.number, target.port.wire);
  if (listed == nullptr) return cell;
  cell.follows = follows(*listed) + " lists the name, not the address";
  if (target.port.wire == Wire::tls && !listed->addresses.empty())
    cell.causes.insert(cell.causes.begin(), {"vip-without-sni", object_of(*listed), listed->at});
  return cell;
}

}  // namespace egressproof::draft
