// What the matrix of nftables_test.cpp does not show: connections over a change of policy, ICMP, neighbour discovery,
// and what a pod might try against its own isolation.
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <functional>

#include "nftables_net.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* deny_egress = "metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Egress]}\n";
constexpr const char* deny_ingress = "metadata: {name: deny}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n";
constexpr std::size_t a = 0, b = 1, c = 2;

bool ready(const UniqueFd& fd, short events) {
  pollfd entry{fd.get(), events, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & events) != 0;
}

// A TCP connection, both ends.
struct Connection {
  UniqueFd client, server;
};

Connection connection(Net& net, std::size_t from, std::size_t to, const std::string& address) {
  const UniqueFd listener = net.bound(to, address, 8080, SOCK_STREAM);
  Connection made{net.connecting(from, address, 8080, SOCK_STREAM), UniqueFd()};
  until("a connection", [&] {
    made.server.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
    return made.server.valid();
  });
  return made;
}

bool carries(const UniqueFd& from, const UniqueFd& to) {
  char byte = 'x';
  EXPECT_EQ(::send(from.get(), &byte, 1, 0), 1);
  return until("a byte", [&] { return ::recv(to.get(), &byte, 1, 0) == 1; });
}

std::uint16_t local_port(const UniqueFd& fd) {
  Endpoint at;
  at.size = sizeof at.storage;
  EXPECT_EQ(::getsockname(fd.get(), at.get(), &at.size), 0);
  return ntohs(reinterpret_cast<sockaddr_in*>(at.get())->sin_port);  // at the same place in a sockaddr_in6
}

class NftablesConnectionTest : public testing::TestWithParam<int> {  // index of the pods' address
 protected:
  std::string address(std::size_t place) {
    return net.cluster.pods[place].addresses[static_cast<std::size_t>(GetParam())];
  }
  std::string fixture(std::size_t index) {
    return Net::fixtures()[index].addresses[static_cast<std::size_t>(GetParam())];
  }
  bool six() { return GetParam() == 1; }
  std::uint64_t egress_drops(const std::string& pod) { return net.counters().drops.at(pod).egress; }

  Net net;
};

// Of the connection itself: its ends, and when; not of one that was allowed.
TEST_P(NftablesConnectionTest, EachDroppedConnectionIsRemembered) {
  net.load(deny_egress, Established::keep);
  const UniqueFd dropped = net.connecting(a, fixture(1), 443, SOCK_STREAM);
  const std::string source = (six() ? "[" + address(a) + "]:" : address(a) + ":") + std::to_string(local_port(dropped));
  std::vector<DroppedPacket> drops;
  const auto now = [] { return std::chrono::system_clock::now().time_since_epoch(); };
  until("the dropped connection", [&] {
    drops.clear();
    for (const auto& arguments : nft_drops_arguments()) {
      const std::string listing = net.run_in(Net::world, arguments);
      auto parsed = parse_nft_drops(listing, std::chrono::duration_cast<std::chrono::microseconds>(now()));
      EXPECT_TRUE(parsed);
      drops.insert(drops.end(), parsed->begin(), parsed->end());
    }
    return !drops.empty();
  });
  ASSERT_EQ(drops.size(), 1U);
  EXPECT_EQ(drops[0].protocol, "tcp");
  EXPECT_EQ(drops[0].source, source);
  EXPECT_EQ(drops[0].destination, (six() ? "[" + fixture(1) + "]:" : fixture(1) + ":") + "443");
  EXPECT_LT(now() - drops[0].at, std::chrono::seconds(3));
  EXPECT_LT(drops[0].at - now(), std::chrono::seconds(1));
}

TEST_P(NftablesConnectionTest, CanaryOfDenyAllBlocksWhatWasPossible) {
  const UniqueFd server = net.bound(Net::world, fixture(0), 80, SOCK_STREAM);
  net.load("", Established::keep);
  const UniqueFd before = net.connecting(a, fixture(0), 80, SOCK_STREAM);
  until("the connection without policy", [&] { return ready(before, POLLOUT); });
  EXPECT_EQ(egress_drops("red/a"), 0U);

  net.load(deny_egress, Established::keep);
  const UniqueFd after = net.connecting(a, fixture(0), 80, SOCK_STREAM);
  until("the drop to be counted", [&] { return egress_drops("red/a") > 0; });
  EXPECT_FALSE(ready(after, POLLOUT));
}

TEST_P(NftablesConnectionTest, OpenConnectionsLiveOnWhereTheyAreKept) {
  net.load("", Established::keep);
  const Connection open = connection(net, a, c, address(c));
  net.load(deny_egress, Established::keep);
  EXPECT_TRUE(carries(open.client, open.server));
  EXPECT_TRUE(carries(open.server, open.client));
  EXPECT_EQ(egress_drops("red/a"), 0U);
}

TEST_P(NftablesConnectionTest, OpenConnectionsAreCutWhereTheyAreRechecked) {
  net.load("", Established::keep);
  const Connection open = connection(net, a, c, address(c));
  net.load(deny_egress, Established::recheck);
  char byte = 'x';
  ASSERT_EQ(::send(open.client.get(), &byte, 1, 0), 1);
  until("the drop to be counted", [&] { return egress_drops("red/a") > 0; });
  EXPECT_LT(::recv(open.server.get(), &byte, 1, 0), 0);
}

TEST_P(NftablesConnectionTest, CountersGoOnOverAChange) {
  net.load(deny_egress, Established::keep);
  const UniqueFd denied = net.connecting(a, fixture(1), 80, SOCK_STREAM);
  until("the drop to be counted", [&] { return egress_drops("red/a") > 0; });
  const auto before = egress_drops("red/a");
  net.load("", Established::keep);
  EXPECT_GE(egress_drops("red/a"), before);
}

TEST_P(NftablesConnectionTest, HitsNameThePolicy) {
  net.load(std::string(deny_egress) +
               "---\nmetadata: {name: web}\nspec: {podSelector: {}, policyTypes: [Egress], egress: "
               "[{ports: [{port: 80}]}]}\n",
           Established::keep);
  const UniqueFd server = net.bound(Net::world, fixture(0), 80, SOCK_STREAM);
  const UniqueFd client = net.connecting(a, fixture(0), 80, SOCK_STREAM);
  until("the connection", [&] { return ready(client, POLLOUT); });
  const NftCounters counters = net.counters();
  EXPECT_EQ(counters.hits.at("red/web").egress, 1U);
  EXPECT_EQ(counters.hits.at("red/deny").egress, 0U);
}

// The pod may answer on a connection that it did not open, but not open one back through the same pair of ports.
TEST_P(NftablesConnectionTest, AnswersDoNotOpenConnections) {
  net.load("metadata: {name: deny}\nspec: {podSelector: {matchLabels: {app: b}}, policyTypes: [Egress]}\n",
           Established::keep);
  std::uint16_t port = 0;
  {
    const Connection open = connection(net, a, b, address(b));
    EXPECT_TRUE(carries(open.server, open.client));
    port = local_port(open.client);
  }
  EXPECT_EQ(egress_drops("red/b"), 0U);
  const UniqueFd listener = net.bound(a, address(a), port, SOCK_STREAM);
  UniqueFd syn = net.socket(b, address(b), SOCK_STREAM);
  const int on = 1;
  ASSERT_EQ(::setsockopt(syn.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  Endpoint from = endpoint(address(b), 8080);
  ASSERT_EQ(::bind(syn.get(), from.get(), from.size), 0);
  Endpoint to = endpoint(address(a), port);
  ASSERT_TRUE(::connect(syn.get(), to.get(), to.size) != 0 && errno == EINPROGRESS);
  until("the drop to be counted", [&] { return egress_drops("red/b") > 0; });
  EXPECT_FALSE(ready(syn, POLLOUT));
}

TEST_P(NftablesConnectionTest, IsolatedPodsCannotBorrowAnAddress) {
  net.load(std::string(deny_egress) +
               "---\nmetadata: {name: all}\nspec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}\n",
           Established::keep);
  const UniqueFd server = net.bound(Net::world, fixture(0), 53, SOCK_DGRAM);
  const std::string borrowed = six() ? "2001:db8:113::63" : "203.0.113.99";
  net.run_in(a, {"ip", "-batch", "-"}, "addr add " + borrowed + (six() ? "/128 dev eth0 nodad\n" : "/32 dev eth0\n"));
  const UniqueFd spoofing = net.bound(a, borrowed, 4000, SOCK_DGRAM);
  Endpoint to = endpoint(fixture(0), 53);
  ASSERT_EQ(::sendto(spoofing.get(), "x", 1, 0, to.get(), to.size), 1);
  until("the packet to be counted", [&] { return net.counters().drops.at("red/a").spoofed > 0; });
  char byte = 0;
  EXPECT_LT(::recv(server.get(), &byte, 1, 0), 0);
}

TEST_P(NftablesConnectionTest, PortUnreachableComesBackOnlyForWhatWasSent) {
  net.load(
      "metadata: {name: p}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{ports: [{protocol: "
      "UDP, port: 9}]}]}\n",
      Established::keep);
  const UniqueFd client = net.connecting(a, fixture(0), 9, SOCK_DGRAM);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  char byte = 0;
  until("the error", [&] { return ::recv(client.get(), &byte, 1, 0) < 0 && errno == ECONNREFUSED; });
  EXPECT_EQ(net.counters().drops.at("red/a").ingress, 0U);

  // An error about nothing that was sent is a message like any other.
  const UniqueFd raw = net.socket(a, fixture(0), SOCK_RAW, six() ? static_cast<int>(IPPROTO_ICMPV6) : IPPROTO_ICMP);
  std::array<std::uint8_t, 64> message{six() ? std::uint8_t{ICMP6_DST_UNREACH} : std::uint8_t{ICMP_DEST_UNREACH}};
  message[8] = six() ? 0x60 : 0x45;
  EXPECT_EQ(egress_drops("red/a"), 0U);
  Endpoint to = endpoint(fixture(0), 0);
  ASSERT_EQ(::sendto(raw.get(), message.data(), message.size(), 0, to.get(), to.size),
            static_cast<ssize_t>(message.size()));
  until("the drop to be counted", [&] { return egress_drops("red/a") > 0; });
}

TEST_P(NftablesConnectionTest, NeighboursAreFoundAgain) {
  const char* policy =
      "metadata: {name: p}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{ports: [{port: 80}]}]}\n";
  net.load(policy, Established::keep);
  for (const std::size_t place : {a, b, c, Net::world}) net.run_in(place, {"ip", "neigh", "flush", "all"});
  const UniqueFd server = net.bound(Net::world, fixture(0), 80, SOCK_STREAM);
  const UniqueFd client = net.connecting(a, fixture(0), 80, SOCK_STREAM);
  until("the connection", [&] { return ready(client, POLLOUT); });
  const NftCounters counters = net.counters();
  EXPECT_EQ(counters.drops.at("red/a").egress, 0U);
  EXPECT_EQ(counters.drops.at("red/a").ingress, 0U);
}

// An echo request, and whether it was answered before `dropped` said that it never will be.
bool echo(Net& net, std::size_t from, const std::string& to, const std::function<bool()>& dropped) {
  const bool six = is_ipv6(to);
  const UniqueFd fd = net.socket(from, to, SOCK_RAW, six ? static_cast<int>(IPPROTO_ICMPV6) : IPPROTO_ICMP);
  std::array<std::uint8_t, 8> request{
      six ? std::uint8_t{ICMP6_ECHO_REQUEST} : std::uint8_t{ICMP_ECHO}, 0, 0, 0, 0x12, 0x34, 0, 1};
  if (!six) {
    request[2] = 0xe5;  // ~(0x0800 + 0x1234 + 0x0001)
    request[3] = 0xca;
  }
  Endpoint at = endpoint(to, 0);
  EXPECT_EQ(::sendto(fd.get(), request.data(), request.size(), 0, at.get(), at.size),
            static_cast<ssize_t>(request.size()));
  bool answered = false;
  until("an answer or a drop", [&] {
    std::array<std::uint8_t, 256> packet{};
    ssize_t got = 0;
    while ((got = ::recv(fd.get(), packet.data(), packet.size(), 0)) > 0)
      answered = answered || packet[six ? 0 : 20] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
    return answered || dropped();
  });
  return answered;
}

TEST_P(NftablesConnectionTest, EchoIsForRulesWithoutPorts) {
  const auto dropped = [&] { return egress_drops("red/a") > 0; };
  net.load(
      "metadata: {name: p}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: "
      "198.51.100.10/32}}, {ipBlock: {cidr: \"2001:db8:51::10/128\"}}]}, {ports: [{port: 80}, {protocol: UDP}]}]}\n",
      Established::keep);
  EXPECT_TRUE(echo(net, a, fixture(0), dropped));
  EXPECT_FALSE(dropped());
  EXPECT_FALSE(echo(net, a, fixture(1), dropped));
}

// As does multicast: what is not to one of the pod's own addresses.
TEST(NftablesLinkLocalTest, MeetsThePoliciesOfThePort) {
  Net net;
  const UniqueFd server = net.bound(b, "::", 4000, SOCK_DGRAM);
  const auto link_local = [&](std::size_t place) {
    const std::string listing = net.run_in(place, {"ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"});
    const std::size_t start = listing.find("fe80");
    return start == std::string::npos || listing.find("tentative") != std::string::npos
               ? std::string()
               : listing.substr(start, listing.find('/') - start);
  };
  until("link-local addresses", [&] { return !link_local(a).empty() && !link_local(b).empty(); });
  const std::string index = net.run_in(a, {"ip", "-o", "link", "show", "dev", "eth0"});
  const auto send = [&](const std::string& to) {
    const UniqueFd fd = net.socket(a, to, SOCK_DGRAM);
    Endpoint at = endpoint(to, 4000);
    reinterpret_cast<sockaddr_in6&>(at.storage).sin6_scope_id = static_cast<std::uint32_t>(std::stoul(index));
    ASSERT_EQ(::sendto(fd.get(), "x", 1, 0, at.get(), at.size), 1) << to << ": " << std::strerror(errno);
  };
  char byte = 0;
  net.load("", Established::keep);
  for (const std::string& to : {link_local(b), std::string("ff02::1")}) {
    send(to);
    until("the datagram to " + to, [&] { return ::recv(server.get(), &byte, 1, 0) == 1; });
  }
  net.load(deny_ingress, Established::keep);
  for (const std::string& to : {link_local(b), std::string("ff02::1")}) {
    const auto before = net.counters().drops.at("red/b").ingress;
    send(to);
    until("the drop of the datagram to " + to, [&] { return net.counters().drops.at("red/b").ingress > before; });
    EXPECT_LT(::recv(server.get(), &byte, 1, 0), 0) << to;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, NftablesConnectionTest, testing::Values(0, 1),
                         [](const auto& given) { return given.param == 0 ? "IPv4" : "IPv6"; });

}  // namespace
}  // namespace egressproof::backend::lab
