#include "runner/backend/lab/topology.h"

#include <fmt/format.h>

namespace egressproof::backend::lab {
namespace {
constexpr int first_pod = 10;
constexpr int last_pod = 254;
}  // namespace

Result<std::vector<PodPlace>> place_pods(const std::vector<scenario::Profile>& profiles) {
  std::vector<PodPlace> places;
  int next = first_pod;
  for (const scenario::Profile& profile : profiles) {
    if (next > last_pod)
      return fail(ErrorKind::environment, fmt::format("the lab has room for {} pods", last_pod - first_pod + 1));
    places.push_back({profile.name, fmt::format("203.0.113.{}", next++), profile.ns, "default",
                      profile.mesh == scenario::Mesh::sidecar});
  }
  return places;
}

std::string world_commands(const std::vector<scenario::Fixture>& fixtures, const std::vector<std::string>& peers) {
  std::string text = "link set lo up\nlink add br0 type bridge\nlink set br0 up\n";
  text += fmt::format("addr add {}/24 dev br0\n", world_address);
  for (const scenario::Fixture& fixture : fixtures)
    for (const std::string& address : fixture.addresses) text += fmt::format("route add local {} dev lo\n", address);
  for (std::size_t i = 0; i < peers.size(); ++i)
    text += fmt::format("link add v{0} type veth peer name eth0 netns {1}\nlink set v{0} master br0 up\n", i, peers[i]);
  return text;
}

std::string pod_commands(const std::string& address) {
  return fmt::format("link set lo up\nlink set eth0 up\naddr add {}/24 dev eth0\nroute add default via {}\n", address,
                     world_address);
}

std::string world_rules(const std::vector<scenario::Fixture>& fixtures) {
  std::string text = "*nat\n";
  for (const scenario::Fixture& fixture : fixtures) {
    if (!fixture.every_port) continue;
    for (const std::string& address : fixture.addresses)
      if (address.find(':') == std::string::npos)
        text += fmt::format("-A PREROUTING -d {}/32 -p tcp -j REDIRECT --to-ports {}\n", address, redirect_port);
  }
  return text + "COMMIT\n";
}

}  // namespace egressproof::backend::lab
