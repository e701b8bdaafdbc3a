// What a generation of policies is as objects of a cluster, and whether istiod has it. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/backend/cluster/relocation.h"

namespace egressproof::backend::cluster {

// Adds to each of `namespaces` that has no Sidecar without workloadSelector one that allows all: so that it is as if no
// policy was there, whatever this mesh's own default is.
void add_open_sidecars(std::vector<Json>& objects, const std::vector<std::string>& namespaces);

// The objects as this cluster has to have them. Fixtures' addresses are those of their pods; a block among a
// ServiceEntry's `addresses` is those of the fixtures within it; endpoints of an EndpointSlice say on which node they
// are (`nodes`: by the cluster's address), for kube-proxy asks which are local.
std::vector<Json> placed(std::vector<Json> objects, const Relocation& relocation,
                         const std::map<std::string, std::string>& nodes);

bool of_istio(const Json& object);  // of an API group of Istio's: what istiod's store must hold

// What istiod's store (the array of /debug/configz) still lacks until it holds `wanted`, each as new as the API server
// told (uid and generation), and nothing else in `namespaces`. Empty: nothing.
std::string store_gap(const Json& store, const std::vector<Json>& wanted, const std::vector<std::string>& namespaces);

// The Service among `objects` that istiod's registry (the array of /debug/registryz) does not know yet; empty: none.
std::string registry_gap(const Json& registry, const std::vector<Json>& objects);

}  // namespace egressproof::backend::cluster
