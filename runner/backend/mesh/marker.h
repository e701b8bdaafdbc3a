// How it shows in a proxy that a generation of policies has arrived there. Pure.
#pragma once

#include <string>
#include <vector>

namespace egressproof::backend::mesh {

// A ServiceEntry in each of `namespaces` whose cluster shows in Envoy that this generation has arrived there.
std::string marker_manifests(int generation, const std::vector<std::string>& namespaces);
std::string marker_host(int generation);     // "generation-3.egressproof.invalid"
std::string marker_cluster(int generation);  // "outbound|61999||generation-3.egressproof.invalid"

}  // namespace egressproof::backend::mesh
