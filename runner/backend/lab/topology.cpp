#include "runner/backend/lab/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "runner/scenario/workload.h"

namespace egressproof::backend::lab {
namespace {
constexpr int first_pod = 10;
constexpr int last_pod = 254;
constexpr int first_cluster_ip = 225;  // 192.0.2.225 and on, of TEST-NET-1

std::string pod_address(int number) { return fmt::format("203.0.113.{}", number); }

const scenario::Fixture* fixture_in(const std::string& profile, const std::vector<scenario::Fixture>& fixtures) {
  const auto found =
      std::find_if(fixtures.begin(), fixtures.end(), [&](const scenario::Fixture& one) { return one.pod == profile; });
  return found == fixtures.end() ? nullptr : &*found;
}

// The last part of an address that a pod can have; 0: it is none.
int pod_number(const std::string& address) {
  for (int number = first_pod; number <= last_pod; ++number)
    if (pod_address(number) == address) return number;
  return 0;
}
}  // namespace

bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

bool has_ipv6(const std::vector<scenario::Fixture>& fixtures) {
  return std::any_of(fixtures.begin(), fixtures.end(), [](const scenario::Fixture& fixture) {
    return std::any_of(fixture.addresses.begin(), fixture.addresses.end(), is_ipv6);
  });
}

std::string gateway_pod(const scenario::Profile& profile) { return profile.name + ".gateway"; }

std::string gateway_host(const std::string& ns) { return "istio-egressgateway." + ns + ".svc.cluster.local"; }

std::string pod_name(const PodPlace& pod) {
  if (!pod.tenant) return pod.workload.empty() ? "probe-" + pod.ns : pod.workload + "-00001-deployment";
  std::string name = "probe-";
  for (const char c : pod.name)
    name += std::isalnum(static_cast<unsigned char>(c)) != 0
                ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                : '-';
  return name;
}

std::map<std::string, std::string> labels_of(const PodPlace& pod) {
  if (pod.router) return {{"app", "istio-egressgateway"}, {"istio", pod.ns}};
  if (!pod.labels.empty()) return pod.labels;
  std::map<std::string, std::string> labels{{"app", "probe"}, {"service.istio.io/canonical-name", "probe"}};
  if (pod.tenant)
    for (const auto& [key, value] : pod.tenant->labels) labels[key] = value;
  return labels;
}

std::vector<GatewayService> gateway_services(const std::vector<PodPlace>& pods) {
  std::vector<GatewayService> services;
  int next = first_cluster_ip;
  for (const PodPlace& pod : pods)
    if (pod.router) services.push_back({gateway_host(pod.ns), fmt::format("192.0.2.{}", next++), pod.address});
  return services;
}

std::string service_rules(const std::vector<GatewayService>& services) {
  std::string text = "*nat\n";
  for (const GatewayService& service : services)
    for (const auto& [port, target] : gateway_ports)
      text += fmt::format("-A OUTPUT -d {}/32 -p tcp --dport {} -j DNAT --to-destination {}:{}\n", service.cluster_ip,
                          port, service.address, target);
  return text + "COMMIT\n";
}

Result<std::vector<PodPlace>> place_pods(const std::vector<scenario::Profile>& profiles, bool ipv6,
                                         const std::vector<scenario::Fixture>& fixtures) {
  std::vector<PodPlace> places;
  std::set<int> taken;
  for (const scenario::Profile& profile : profiles) {
    const scenario::Fixture* fixture = fixture_in(profile.name, fixtures);
    if (fixture == nullptr) continue;
    if (pod_number(fixture->addresses.front()) == 0 || !taken.insert(pod_number(fixture->addresses.front())).second)
      return fail(ErrorKind::scenario,
                  fmt::format("fixture '{}' in the pod of {} needs an address of its own from {} to {}", fixture->name,
                              profile.name, pod_address(first_pod), pod_address(last_pod)));
  }
  int next = first_pod;
  const auto place = [&](PodPlace made) -> Result<void> {
    int number = made.fixture == nullptr ? next : pod_number(made.fixture->addresses.front());
    if (made.fixture == nullptr) {
      while (taken.contains(number)) ++number;
      next = number + 1;
    }
    if (number > last_pod)
      return fail(ErrorKind::environment, fmt::format("the lab has room for {} pods", last_pod - first_pod + 1));
    for (const PodPlace& other : places)
      if (other.ns == made.ns && pod_name(other) == pod_name(made))
        return fail(ErrorKind::scenario,
                    fmt::format("profiles '{}' and '{}' share the namespace '{}'", other.name, made.name, made.ns));
    made.address = pod_address(number);
    if (ipv6) made.address6 = fmt::format("2001:db8:113::{:x}", number);
    places.push_back(std::move(made));
    return {};
  };
  for (const scenario::Profile& profile : profiles) {
    PodPlace made{profile.name, "", "", profile.ns, profile.service_account, profile.mesh == scenario::Mesh::sidecar};
    made.workload = profile.workload;
    made.labels = scenario::pod_labels(profile);
    made.fixture = fixture_in(profile.name, fixtures);
    if (auto done = place(std::move(made)); !done) return tl::unexpected(done.error());
  }
  for (const scenario::Profile& profile : profiles) {
    if (profile.gateway.empty() || &scenario::gateway_owner(profiles, profile) != &profile) continue;
    if (auto done =
            place({gateway_pod(profile), "", "", profile.gateway, "istio-egressgateway", true, true, profile.ns});
        !done)
      return tl::unexpected(done.error());
  }
  return places;
}

Result<void> place_case_pods(std::vector<PodPlace>& places, const std::vector<ExtraProbe>& probes, bool ipv6) {
  for (const ExtraProbe& probe : probes) {
    if (!probe.own_pod) continue;
    const auto base = std::find_if(places.begin(), places.end(),
                                   [&](const PodPlace& place) { return place.name == probe.pod && !place.router; });
    if (base == places.end())
      return fail(ErrorKind::scenario,
                  fmt::format("extra probe '{}' is of pod '{}', which is not there", probe.name, probe.pod));
    const int next = first_pod + static_cast<int>(places.size());
    if (next > last_pod)
      return fail(ErrorKind::environment, fmt::format("the lab has room for {} pods", last_pod - first_pod + 1));
    PodPlace made = *base;
    made.name = probe.name;
    made.address = pod_address(next);
    made.address6 = ipv6 ? fmt::format("2001:db8:113::{:x}", next) : "";
    if (probe.own_pod->ipv6) {
      if (!ipv6)
        return fail(ErrorKind::scenario,
                    fmt::format("extra probe '{}' is in a pod with IPv6 alone, and no fixture has IPv6", probe.name));
      made.address = std::exchange(made.address6, "");
    }
    made.tenant = probe.own_pod;
    if (!probe.own_pod->service_account.empty()) made.service_account = probe.own_pod->service_account;
    // Those that Knative gives: a Deployment has none of them.
    if (!probe.own_pod->knative)
      std::erase_if(made.labels, [](const auto& one) { return one.first.starts_with(scenario::knative_labels); });
    for (const auto& [key, value] : probe.own_pod->labels)
      if (!made.labels.empty()) made.labels[key] = value;
    made.fixture = nullptr;
    made.witness = base->name;
    places.push_back(std::move(made));
  }
  return {};
}

std::string world_commands(const std::vector<scenario::Fixture>& fixtures, const std::vector<std::string>& peers) {
  std::string text = "link set lo up\nlink add br0 type bridge\nlink set br0 up\n";
  text += fmt::format("addr add {}/24 dev br0\n", world_address);
  if (has_ipv6(fixtures)) text += fmt::format("addr add {}/64 dev br0 nodad\n", world_address6);
  for (const scenario::Fixture& fixture : fixtures)
    if (fixture.pod.empty())
      for (const std::string& address : fixture.addresses) text += fmt::format("route add local {} dev lo\n", address);
  for (std::size_t i = 0; i < peers.size(); ++i)
    text += fmt::format("link add v{0} type veth peer name eth0 netns {1}\nlink set v{0} master br0 up\n", i, peers[i]);
  return text;
}

std::string loopback_of(const PodPlace& pod) { return is_ipv6(pod.address) ? "[::1]" : "127.0.0.1"; }

std::string pod_commands(const std::string& address, const std::string& address6) {
  std::string text = "link set lo up\nlink set eth0 up\n";
  for (const std::string& one : {address, address6}) {
    if (is_ipv6(one))
      text += fmt::format("addr add {}/64 dev eth0 nodad\nroute add ::/0 via {}\n", one, world_address6);
    else if (!one.empty())
      text += fmt::format("addr add {}/24 dev eth0\nroute add default via {}\n", one, world_address);
  }
  return text;
}

std::string world_rules(const std::vector<scenario::Fixture>& fixtures, bool ipv6) {
  std::string text = "*nat\n";
  for (const scenario::Fixture& fixture : fixtures) {
    if (!fixture.every_port) continue;
    for (const std::string& address : fixture.addresses)
      if (is_ipv6(address) == ipv6)
        text += fmt::format("-A PREROUTING -d {}/{} -p tcp -j REDIRECT --to-ports {}\n", address, ipv6 ? 128 : 32,
                            redirect_port);
  }
  return text + "COMMIT\n";
}

std::string udp_rules(const std::vector<scenario::Fixture>& fixtures, bool ipv6) {
  std::string text = "*mangle\n";
  for (const scenario::Fixture& fixture : fixtures) {
    if (!fixture.every_port) continue;
    for (const std::string& address : fixture.addresses)
      if (is_ipv6(address) == ipv6)
        text += fmt::format("-A PREROUTING -d {}/{} -p udp -j TPROXY --on-port {} --on-ip {}\n", address,
                            ipv6 ? 128 : 32, udp_redirect_port, ipv6 ? "::" : "0.0.0.0");
  }
  return text + "COMMIT\n";
}

}  // namespace egressproof::backend::lab
