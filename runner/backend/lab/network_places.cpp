#include "runner/backend/lab/network_places.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "runner/policy/network_drop.h"

namespace egressproof::backend::lab {
namespace {

using policy::MeshRecord;
using std::chrono::microseconds;

// From the beginning of a request until its proxy gave up its last connection for it: by default clients wait little
// longer.
constexpr microseconds longest_request{5000000};
constexpr microseconds clock_error{1000000};  // of DroppedPacket::at, and then some

std::vector<std::string> addresses_of(const PodPlace& pod) {
  std::vector<std::string> addresses{pod.address};
  if (!pod.address6.empty()) addresses.push_back(pod.address6);
  return addresses;
}

// "address" of "address:port", without brackets.
std::string address_of(const std::string& end) {
  const std::string address = end.substr(0, end.rfind(':'));
  return address.starts_with('[') ? address.substr(1, address.size() - 2) : address;
}

MeshRecord record_of(const DroppedPacket& drop, const PodPlace& pod) {
  MeshRecord record;
  record.proxy = policy::network_witness(pod.witness.empty() ? pod.name : pod.witness);
  record.at = drop.at;
  record.downstream = drop.source;
  record.destination = drop.destination;
  record.details = policy::network_policy_drop;
  record.line = fmt::format("{} {} -> {} dropped", drop.protocol, drop.source, drop.destination);
  return record;
}

// What the sender dialled: a ClusterIP was translated before the packet left its pod (service_rules()).
std::string dialled_by(const DroppedPacket& drop, const std::vector<GatewayService>& services, const SeenEnds& seen) {
  if (seen.contains({drop.source, drop.destination})) return drop.destination;
  for (const GatewayService& service : services)
    for (const auto& [port, target] : gateway_ports) {
      const std::string before = fmt::format("{}:{}", service.cluster_ip, port);
      if (drop.destination == fmt::format("{}:{}", service.address, target) && seen.contains({drop.source, before}))
        return before;
    }
  return drop.destination;
}

// What one proxy did about connections to one address around the time of one request.
struct Around {
  int failed = 0;   // requests whose connection was never made
  int made = 0;     // requests whose connection was
  int dropped = 0;  // packets that opened a connection
};

Around look_around(const MeshRecord& request, const std::vector<const DroppedPacket*>& drops,
                   const std::vector<MeshRecord>& logged) {
  const microseconds begin = request.at - clock_error;
  const microseconds end = request.at + longest_request;
  Around around;
  for (const MeshRecord& other : logged) {
    if (other.proxy != request.proxy || other.upstream != request.upstream || other.at < begin || other.at > end)
      continue;
    ++(other.upstream_local.empty() ? around.failed : around.made);
  }
  around.dropped = static_cast<int>(std::count_if(drops.begin(), drops.end(), [&](const DroppedPacket* drop) {
    return drop->destination == request.upstream && drop->at >= begin && drop->at <= end;
  }));
  return around;
}

void add_requests(const PodPlace& pod, const std::vector<const DroppedPacket*>& drops,
                  const std::vector<MeshRecord>& logged, std::vector<MeshRecord>& records) {
  for (const MeshRecord& request : logged) {
    if (request.proxy != pod.name || request.upstream.empty() || !request.upstream_local.empty()) continue;
    const auto drop =
        std::find_if(drops.begin(), drops.end(), [&](const auto* one) { return one->destination == request.upstream; });
    if (drop == drops.end()) continue;
    const Around around = look_around(request, drops, logged);
    if (around.dropped == 0 || around.made > 0 || around.dropped < around.failed) continue;
    MeshRecord told = record_of(**drop, pod);
    told.at = request.at;
    told.nonce = request.nonce;
    told.downstream = request.downstream;
    told.destination = request.destination;
    told.upstream = request.upstream;
    told.line = fmt::format("{} packets of {} to {} dropped; the proxy's record: {}", around.dropped, pod.name,
                            request.upstream, request.line);
    records.push_back(std::move(told));
  }
}

}  // namespace

policy::Cluster cluster_of(const std::vector<PodPlace>& pods) {
  using policy::Protocol;
  policy::Cluster cluster;
  bool six = false;
  for (const PodPlace& pod : pods) {
    cluster.namespaces[pod.ns];
    cluster.pods.push_back({pod.ns, pod_name(pod), labels_of(pod), addresses_of(pod), {}});
    six = six || !pod.address6.empty() || is_ipv6(pod.address);
  }
  std::vector<std::string> dns{world_address};
  std::vector<std::string> istiod{istiod_address};
  if (six) {
    dns.emplace_back(world_address6);
    istiod.emplace_back(istiod_address6);
  }
  cluster.namespaces["kube-system"];
  cluster.pods.push_back({"kube-system",
                          "coredns",
                          {{"k8s-app", "kube-dns"}},
                          std::move(dns),
                          {{"dns", Protocol::udp, 53}, {"dns-tcp", Protocol::tcp, 53}}});
  cluster.namespaces["istio-system"];
  cluster.pods.push_back({"istio-system",
                          "istiod",
                          {{"app", "istiod"}, {"istio", "pilot"}},
                          std::move(istiod),
                          {{"http-debug", Protocol::tcp, 8080}, {"grpc-xds", Protocol::tcp, 15010}}});
  return cluster;
}

PodInterfaces interfaces_of(const std::vector<PodPlace>& pods) {
  PodInterfaces interfaces;
  for (std::size_t i = 0; i < pods.size(); ++i)
    interfaces[pods[i].ns + "/" + pod_name(pods[i])] = fmt::format("v{}", i + 1);  // v0 is istiod's
  return interfaces;
}

std::vector<std::string> idle_policies(const std::vector<policy::NetworkPolicy>& policies,
                                       const policy::Cluster& cluster) {
  std::vector<std::string> idle;
  for (const policy::NetworkPolicy& policy : policies) {
    const bool selects = std::any_of(cluster.pods.begin(), cluster.pods.end(), [&](const policy::Pod& pod) {
      return policy::applies(policy, pod, policy::PolicyType::egress) ||
             policy::applies(policy, pod, policy::PolicyType::ingress);
    });
    if (!selects) idle.push_back(fmt::format("NetworkPolicy '{}/{}' selects no pod", policy.ns, policy.name));
  }
  return idle;
}

std::vector<MeshRecord> drop_records(const std::vector<DroppedPacket>& drops, const std::vector<PodPlace>& pods,
                                     const SeenEnds& seen, const std::vector<MeshRecord>& logged) {
  const std::vector<GatewayService> services = gateway_services(pods);
  std::vector<MeshRecord> records;
  for (const PodPlace& pod : pods) {
    const std::vector<std::string> own = addresses_of(pod);
    std::vector<const DroppedPacket*> of_pod;
    for (const DroppedPacket& drop : drops) {
      if (std::find(own.begin(), own.end(), address_of(drop.source)) == own.end()) continue;
      of_pod.push_back(&drop);
      DroppedPacket dialled = drop;
      dialled.destination = dialled_by(drop, services, seen);
      const auto ends = seen.find({dialled.source, dialled.destination});
      if (ends == seen.end() || ends->second == 1) records.push_back(record_of(dialled, pod));
    }
    if (!of_pod.empty()) add_requests(pod, of_pod, logged, records);
  }
  return records;
}

}  // namespace egressproof::backend::lab
