#include "runner/backend/mesh/marker.h"

#include <fmt/format.h>

#include "base/json.h"

namespace egressproof::backend::mesh {
namespace {

constexpr int marker_port = 61999;  // otherwise unused: an HTTP marker on 80 would itself change what port 80 answers

}  // namespace

std::string marker_host(int generation) { return fmt::format("generation-{}.egressproof.invalid", generation); }

std::string marker_cluster(int generation) {
  return fmt::format("outbound|{}||{}", marker_port, marker_host(generation));
}

std::string marker_manifests(int generation, const std::vector<std::string>& namespaces) {
  std::string text;
  for (const std::string& ns : namespaces) {
    const Json entry = {{"apiVersion", "networking.istio.io/v1"},
                        {"kind", "ServiceEntry"},
                        {"metadata", {{"name", "egressproof-generation"}, {"namespace", ns}}},
                        {"spec",
                         {{"hosts", {marker_host(generation)}},
                          {"exportTo", {"."}},
                          {"location", "MESH_EXTERNAL"},
                          {"resolution", "STATIC"},
                          {"ports", {{{"number", marker_port}, {"name", "tcp"}, {"protocol", "TCP"}}}},
                          {"addresses", {"192.0.2.255"}},
                          {"endpoints", {{{"address", "192.0.2.255"}}}}}}};
    text += "---\n" + entry.dump(2) + "\n";
  }
  return text;
}

}  // namespace egressproof::backend::mesh
