// The compiled ruleset against the reference, with real packets: for each table row every flow of a matrix is tried,
// and passes, or is counted as dropped at the pod and direction that the reference says.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "nftables_net.h"

namespace egressproof::backend::lab {
namespace {

using policy::Packet;
using policy::PolicyType;
using policy::Protocol;

struct Row {
  std::string name, manifests;
};

const Row rows[] = {
    {"no policy", ""},
    {"deny all egress", "metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Egress]}\n"},
    {"deny all ingress", "metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n"},
    {"deny all", "metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"},
    {"deny all of one pod",
     "metadata: {name: deny}\nspec: {podSelector: {matchLabels: {app: b}}, policyTypes: [Ingress, Egress]}\n"},
    {"egress to blocks with exceptions",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n"
     "  - to: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.16/28, 198.51.100.20/32]}}]\n"
     "  - to: [{ipBlock: {cidr: \"2001:db8:51::/64\", except: [\"2001:db8:51::20/128\"]}}]\n"},
    {"egress to the internet without the cluster",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n"
     "  - to:\n    - ipBlock: {cidr: 0.0.0.0/0, except: [203.0.113.0/24]}\n"
     "    - ipBlock: {cidr: \"::/0\", except: [\"2001:db8:113::/64\"]}\n    ports: [{port: 443}]\n"},
    {"a range of ports and DNS",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n"
     "  - ports: [{port: 8080, endPort: 8081}, {protocol: UDP, port: 53}]\n"},
    {"only the world's DNS",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n"
     "  - to: [{ipBlock: {cidr: 203.0.113.1/32}}]\n    ports: [{protocol: UDP, port: 53}]\n"},
    {"pods of the namespace",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n  policyTypes: [Ingress, Egress]\n"
     "  ingress: [{from: [{podSelector: {}}]}]\n  egress: [{to: [{podSelector: {}}]}]\n"},
    {"another namespace",
     "metadata: {name: p}\nspec:\n  podSelector: {matchLabels: {app: a}}\n  policyTypes: [Ingress, Egress]\n"
     "  ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]\n"
     "  egress: [{to: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: 443}]}]\n"},
    {"pods of another namespace",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n"
     "  - to: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: NotIn, values: "
     "[b]}]}}]\n"},
    {"named ports",
     "metadata: {name: out}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n"
     "  egress: [{to: [{namespaceSelector: {}}], ports: [{port: http}]}]\n---\n"
     "metadata: {name: in}\nspec:\n  podSelector: {matchLabels: {app: b}}\n  policyTypes: [Ingress]\n"
     "  ingress: [{ports: [{port: http}, {protocol: UDP, port: dns}]}]\n"},
    {"named ports of blocks and of anybody",
     "metadata: {name: p}\nspec:\n  podSelector: {matchLabels: {app: a}}\n  policyTypes: [Egress]\n  egress:\n"
     "  - to: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.12/32]}}]\n    ports: [{port: http}]\n"
     "  - ports: [{protocol: UDP, port: dns}]\n"},
    {"a tenant undoes deny-all",
     "metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Egress]}\n---\n"
     "metadata: {name: undo}\nspec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [{}]}\n"},
    {"policies add up",
     "metadata: {name: one}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n"
     "  egress: [{to: [{ipBlock: {cidr: 198.51.100.10/32}}], ports: [{port: 80}]}]\n---\n"
     "metadata: {name: two}\nspec:\n  podSelector: {matchLabels: {app: b}}\n  policyTypes: [Egress]\n"
     "  egress: [{to: [{ipBlock: {cidr: 198.51.100.20/32}}], ports: [{port: 443}]}]\n"},
    {"both ends of two namespaces",
     "metadata: {name: out}\nspec:\n  podSelector: {}\n  policyTypes: [Egress]\n"
     "  egress: [{to: [{namespaceSelector: {}}], ports: [{port: 80}, {port: 443}]}]\n---\n"
     "metadata: {name: in, namespace: blue}\nspec:\n  podSelector: {}\n"
     "  ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}], ports: [{port: 443}, {port: 8080}]}]\n"},
    {"ingress from the world's address",
     "metadata: {name: p}\nspec:\n  podSelector: {}\n"
     "  ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/29}}], ports: [{protocol: TCP}]}]\n"},
    {"one protocol",
     "metadata: {name: p}\nspec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{protocol: UDP}]}]}\n"},
};

struct Flow {
  std::size_t from = 0;  // place
  Packet packet;
  bool allowed = false;
  bool passed = false;   // TCP: connected; UDP: answered
  bool arrived = false;  // UDP: at the server
  UniqueFd fd;
};

std::string text(const Flow& flow) {
  return (flow.packet.protocol == Protocol::tcp ? "tcp " : "udp ") + flow.packet.source + " -> " +
         flow.packet.destination + " port " + std::to_string(flow.packet.port);
}

constexpr std::array<std::uint16_t, 5> tcp_ports{80, 443, 8080, 8081, 9090};
constexpr std::array<std::uint16_t, 2> udp_ports{53, 5353};

class NftablesTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::size_t place = 0; place <= Net::world; ++place)
      for (const std::string any : {"0.0.0.0", "::"}) {
        for (const std::uint16_t port : tcp_ports) listeners_.push_back(net.bound(place, any, port, SOCK_STREAM));
        if (place == Net::world) listeners_.push_back(net.bound(place, any, redirect_port, SOCK_STREAM));
      }
    for (const auto& [place, address] : destinations())
      for (const std::uint16_t port : udp_ports) answering_.push_back(net.bound(place, address, port, SOCK_DGRAM));
  }

  std::vector<std::pair<std::size_t, std::string>> destinations() {
    std::vector<std::pair<std::size_t, std::string>> all;
    for (std::size_t place = 0; place < Net::world; ++place)
      for (const std::string& address : net.cluster.pods[place].addresses) all.emplace_back(place, address);
    for (const auto& fixture : Net::fixtures())
      for (const std::string& address : fixture.addresses) all.emplace_back(Net::world, address);
    all.emplace_back(Net::world, world_address);
    all.emplace_back(Net::world, world_address6);
    return all;
  }

  std::vector<Flow> matrix(const std::vector<policy::NetworkPolicy>& policies) {
    std::vector<Flow> flows;
    const auto add = [&](std::size_t from, const std::string& to, Protocol protocol, std::uint16_t port) {
      Flow flow;
      flow.from = from;
      flow.packet.source = from == Net::world ? (is_ipv6(to) ? world_address6 : world_address)
                                              : net.cluster.pods[from].addresses[is_ipv6(to) ? 1 : 0];
      flow.packet.destination = to;
      flow.packet.protocol = protocol;
      flow.packet.port = port;
      flow.allowed = policy::allowed(policies, net.cluster, flow.packet);
      flows.push_back(std::move(flow));
    };
    for (std::size_t from = 0; from <= Net::world; ++from)
      for (const auto& [place, address] : destinations()) {
        if (place == from) continue;
        for (const std::uint16_t port : tcp_ports) add(from, address, Protocol::tcp, port);
        for (const std::uint16_t port : udp_ports) add(from, address, Protocol::udp, port);
      }
    return flows;
  }

  void answer(std::vector<Flow>& flows) {
    for (const UniqueFd& fd : answering_) {
      std::uint32_t number = 0;
      Endpoint from;
      from.size = sizeof from.storage;
      while (::recvfrom(fd.get(), &number, sizeof number, 0, from.get(), &from.size) == sizeof number) {
        ASSERT_LT(number, flows.size());
        flows[number].arrived = true;
        ::sendto(fd.get(), &number, sizeof number, 0, from.get(), from.size);
      }
    }
  }

  static bool passes(const Flow& flow) {
    pollfd entry{flow.fd.get(), 0, 0};
    entry.events = flow.packet.protocol == Protocol::tcp ? POLLOUT : POLLIN;
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & entry.events) != 0 && (entry.revents & POLLERR) == 0;
  }

  void run(const Row& row) {
    SCOPED_TRACE(row.name + "\n" + row.manifests);
    const auto policies = net.load(row.manifests, Established::recheck);
    const NftCounters before = net.counters();
    std::vector<Flow> flows = matrix(policies);
    std::map<std::string, PodDrops> expected;  // at least
    for (std::uint32_t i = 0; i < flows.size(); ++i) {
      Flow& flow = flows[i];
      const Packet& packet = flow.packet;
      const bool tcp = packet.protocol == Protocol::tcp;
      flow.fd = net.connecting(flow.from, packet.destination, packet.port, tcp ? SOCK_STREAM : SOCK_DGRAM);
      ASSERT_TRUE(tcp || ::send(flow.fd.get(), &i, sizeof i, 0) == sizeof i) << text(flow);
      if (!policy::allowed_by(PolicyType::egress, policies, net.cluster, packet))
        ++expected[name_at(packet.source)].egress;
      else if (!flow.allowed)
        ++expected[name_at(packet.destination)].ingress;
    }
    until("the allowed flows of '" + row.name + "' to pass", [&] {
      answer(flows);
      return std::all_of(flows.begin(), flows.end(), [](Flow& flow) {
        flow.passed = flow.passed || passes(flow);
        return flow.passed || !flow.allowed;
      });
    });
    until("the denied flows of '" + row.name + "' to be counted", [&] {
      const NftCounters now = net.counters();
      return std::all_of(expected.begin(), expected.end(), [&](const auto& entry) {
        const auto& [pod, drops] = entry;
        return now.drops.at(pod).egress - before.drops.at(pod).egress >= drops.egress &&
               now.drops.at(pod).ingress - before.drops.at(pod).ingress >= drops.ingress;
      });
    });
    answer(flows);
    for (const Flow& flow : flows) {
      EXPECT_EQ(flow.passed || passes(flow), flow.allowed) << text(flow);
      EXPECT_TRUE(flow.packet.protocol == Protocol::tcp || flow.arrived == flow.allowed) << text(flow);
    }
    for (const auto& [pod, drops] : net.counters().drops) {
      EXPECT_EQ(drops.egress == before.drops.at(pod).egress, expected[pod].egress == 0) << pod;
      EXPECT_EQ(drops.ingress == before.drops.at(pod).ingress, expected[pod].ingress == 0) << pod;
      EXPECT_EQ(drops.spoofed, before.drops.at(pod).spoofed) << pod;
    }
  }

  std::string name_at(const std::string& address) {
    for (const policy::Pod& pod : net.cluster.pods)
      if (std::find(pod.addresses.begin(), pod.addresses.end(), address) != pod.addresses.end())
        return pod.ns + "/" + pod.name;
    return "";
  }

  Net net;

 private:
  std::vector<UniqueFd> listeners_, answering_;
};

TEST_F(NftablesTest, DoesWhatTheReferenceSays) {
  for (const Row& row : rows) run(row);
}

// Manifests of parts that have something to say about the matrix.
std::string random_manifests(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
  };
  const std::vector<std::string> selectors{"{}", "{matchLabels: {app: a}}", "{matchLabels: {app: c}}",
                                           "{matchExpressions: [{key: app, operator: In, values: [a, b]}]}",
                                           "{matchExpressions: [{key: app, operator: NotIn, values: [a]}]}"};
  const std::vector<std::string> namespaces{"{}", "{matchLabels: {team: blue}}", "{matchLabels: {team: red}}"};
  const std::vector<std::string> blocks{
      "{cidr: 0.0.0.0/0, except: [198.51.100.0/27, 203.0.113.11/32]}", "{cidr: 198.51.100.16/28}",
      "{cidr: 203.0.113.0/28}", "{cidr: \"::/0\", except: [\"2001:db8:113::/64\"]}", "{cidr: \"2001:db8::/32\"}"};
  const std::vector<std::string> ports{
      "{port: 80}",  "{port: http}", "{port: 81, endPort: 8080}", "{protocol: UDP}", "{protocol: UDP, port: dns}",
      "{port: 9090}"};
  const auto peer = [&] {
    switch (random() % 4) {
      case 0:
        return "{podSelector: " + pick(selectors) + "}";
      case 1:
        return "{namespaceSelector: " + pick(namespaces) + "}";
      case 2:
        return "{namespaceSelector: " + pick(namespaces) + ", podSelector: " + pick(selectors) + "}";
      default:
        return "{ipBlock: " + pick(blocks) + "}";
    }
  };
  const auto list = [&](const char* key, const auto& item) {
    std::string items;
    for (auto count = random() % 3; count > 0; --count) items += item() + (count > 1 ? ", " : "");
    return items.empty() ? std::string() : std::string(key) + ": [" + items + "]";
  };
  const auto rules = [&](const char* peers_key) {
    return list(peers_key[0] == 't' ? "egress" : "ingress", [&] {
      const std::string peers = list(peers_key, peer);
      const std::string numbers = list("ports", [&] { return pick(ports); });
      return "{" + peers + (peers.empty() || numbers.empty() ? "" : ", ") + numbers + "}";
    });
  };
  std::string manifests;
  for (unsigned i = 0; i < 3; ++i) {
    manifests += (i == 0 ? "" : "---\n") + ("metadata: {name: p" + std::to_string(i) + ", namespace: ") +
                 pick({"red", "red", "blue"}) + "}\nspec:\n  podSelector: " + pick(selectors) +
                 "\n  policyTypes: " + pick({"[Egress]", "[Ingress]", "[Ingress, Egress]"}) + "\n";
    for (const char* peers_key : {"to", "from"})
      if (const std::string some = rules(peers_key); !some.empty()) manifests += "  " + some + "\n";
  }
  return manifests;
}

TEST_F(NftablesTest, DoesWhatTheReferenceSaysOfAnyPolicies) {
  for (unsigned seed = 0; seed < 25 && !HasFailure(); ++seed)
    run({"random " + std::to_string(seed), random_manifests(seed)});
}

// The lab's rules must not depend on whether bridged packets are also shown to iptables, which the host decides.
TEST_F(NftablesTest, DoesSoWithAndWithoutBridgeNetfilter) {
  const std::string folder = "/proc/sys/net/bridge/bridge-nf-call-";
  if (::access((folder + "iptables").c_str(), F_OK) != 0) GTEST_SKIP() << "this kernel has no br_netfilter loaded";
  for (const char* state : {"0\n", "1\n"}) {
    SCOPED_TRACE(std::string("bridge-nf-call ") + state);
    for (const char* family : {"iptables", "ip6tables"}) net.run_in(Net::world, {"tee", folder + family}, state);
    for (const Row& row : rows)
      if (row.name.find("block") != std::string::npos || row.name.starts_with("deny all")) run(row);
  }
}

}  // namespace
}  // namespace egressproof::backend::lab
