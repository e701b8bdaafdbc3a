// A world with a bridge and three pods as the lab builds it, sockets in each of them, and a ruleset in force.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "runner/backend/lab/netns.h"
#include "runner/backend/lab/nftables.h"
#include "runner/backend/lab/topology.h"
#include "runner/process/child.h"

namespace egressproof::backend::lab {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

inline Endpoint endpoint(const std::string& address, std::uint16_t port) {
  Endpoint made;
  if (is_ipv6(address)) {
    auto& six = reinterpret_cast<sockaddr_in6&>(made.storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr), 1) << address;
    made.size = sizeof six;
  } else {
    auto& four = reinterpret_cast<sockaddr_in&>(made.storage);
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &four.sin_addr), 1) << address;
    made.size = sizeof four;
  }
  return made;
}

class Net {
 public:
  static constexpr std::size_t world = 3;  // after the pods

  Net() {
    for (std::size_t i = 0; i <= world; ++i) {
      auto made = Netns::create();
      if (!made) throw std::runtime_error(to_string(made.error()));
      spaces_.push_back(std::move(*made));
    }
    run_in(world, {"ip", "-batch", "-"}, world_commands(fixtures(), {space(0), space(1), space(2)}));
    run_in(world, {"iptables-restore"}, world_rules(fixtures(), false));
    run_in(world, {"ip6tables-restore"}, world_rules(fixtures(), true));
    cluster.namespaces = {{"red", {{"team", "red"}}}, {"blue", {{"team", "blue"}}}};
    cluster.pods = {pod("red", "a", 10, {}),
                    pod("red", "b", 11, {{"http", policy::Protocol::tcp, 8080}, {"dns", policy::Protocol::udp, 5353}}),
                    pod("blue", "c", 12, {{"http", policy::Protocol::tcp, 9090}})};
    for (std::size_t i = 0; i < world; ++i) {
      run_in(i, {"ip", "-batch", "-"}, pod_commands(cluster.pods[i].addresses[0], cluster.pods[i].addresses[1]));
      interfaces[cluster.pods[i].ns + "/" + cluster.pods[i].name] = "v" + std::to_string(i);
    }
  }

  static std::vector<scenario::Fixture> fixtures() {
    return {{"allow", {"198.51.100.10", "2001:db8:51::10"}, {80, 443}, false, true, false, {}, {}, {}},
            {"deny", {"198.51.100.20", "2001:db8:51::20"}, {80, 443}, false, true, false, {}, {}, {}},
            {"sink", {"198.51.100.66", "2001:db8:51::66"}, {}, true, true, false, {}, {}, {}}};
  }

  std::string run_in(std::size_t place, const std::vector<std::string>& argv, const std::string& input = "") {
    process::Command command;
    command.argv = {"nsenter", "--net=" + space(place)};
    command.argv.insert(command.argv.end(), argv.begin(), argv.end());
    auto done = process::run_checked(command, std::chrono::seconds(10), input);
    if (!done) throw std::runtime_error(to_string(done.error()));
    return std::move(*done);
  }

  // Manifests, separated by "---", of namespace `red` unless they say otherwise.
  std::vector<policy::NetworkPolicy> load(const std::string& manifests, Established established) {
    std::vector<policy::NetworkPolicy> policies;
    for (std::size_t start = 0; start < manifests.size();) {
      const std::size_t end = std::min(manifests.find("---\n", start), manifests.size());
      scenario::PolicyObject object;
      object.yaml = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" + manifests.substr(start, end - start);
      auto parsed = policy::parse_network_policy(object, "red");
      if (!parsed) throw std::runtime_error(to_string(parsed.error()));
      policies.push_back(std::move(*parsed));
      start = end + 4;
    }
    auto text = nft_ruleset(policies, cluster, interfaces, established);
    if (!text) throw std::runtime_error(to_string(text.error()));
    run_in(world, nft_load_arguments(), *text);
    return policies;
  }

  NftCounters counters() {
    auto parsed = parse_nft_counters(run_in(world, nft_list_arguments()));
    if (!parsed) throw std::runtime_error(to_string(parsed.error()));
    return std::move(*parsed);
  }

  // Non-blocking; may bind to addresses that the namespace only routes to itself, or not even that.
  UniqueFd socket(std::size_t place, const std::string& address, int type, int protocol = 0) {
    auto made = spaces_[place].socket(is_ipv6(address) ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, protocol);
    if (!made) throw std::runtime_error(to_string(made.error()));
    const int on = 1;
    if (is_ipv6(address)) {
      EXPECT_EQ(::setsockopt(made->get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), type == SOCK_RAW ? -1 : 0);
      EXPECT_EQ(::setsockopt(made->get(), IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on), 0);
    } else {
      EXPECT_EQ(::setsockopt(made->get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on), 0);
    }
    const linger abort{1, 0};  // closing leaves nothing behind that a later ruleset would see
    EXPECT_EQ(::setsockopt(made->get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
    return std::move(*made);
  }

  UniqueFd bound(std::size_t place, const std::string& address, std::uint16_t port, int type) {
    UniqueFd fd = socket(place, address, type);
    const int on = 1;
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    Endpoint at = endpoint(address, port);
    EXPECT_EQ(::bind(fd.get(), at.get(), at.size), 0) << address << " " << port << ": " << std::strerror(errno);
    EXPECT_TRUE(type != SOCK_STREAM || ::listen(fd.get(), 1024) == 0);
    return fd;
  }

  UniqueFd connecting(std::size_t place, const std::string& address, std::uint16_t port, int type) {
    UniqueFd fd = socket(place, address, type);
    Endpoint to = endpoint(address, port);
    EXPECT_TRUE(::connect(fd.get(), to.get(), to.size) == 0 || errno == EINPROGRESS)
        << address << ": " << std::strerror(errno);
    return fd;
  }

  policy::Cluster cluster;
  PodInterfaces interfaces;

 private:
  static policy::Pod pod(const std::string& ns, const std::string& name, int number,
                         std::vector<policy::ContainerPort> ports) {
    char six[64];
    std::snprintf(six, sizeof six, "2001:db8:113::%x", static_cast<unsigned>(number));
    return {ns, name, {{"app", name}}, {"203.0.113." + std::to_string(number), six}, std::move(ports)};
  }
  [[nodiscard]] std::string space(std::size_t place) const { return spaces_[place].path(); }

  std::deque<Netns> spaces_;
};

// Polls until `done`; fails the test, naming what was awaited, after 15 s.
template <class Done>
bool until(const std::string& what, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      ADD_FAILURE() << "not within 15 s: " << what;
      return false;
    }
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace egressproof::backend::lab
