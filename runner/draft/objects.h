// One reader a kind of object. Each adds to the model what the object says, and problems with its place. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/draft/model.h"

namespace egressproof::draft {

// Returns what it is to the draft, for the list of what was understood.
std::string read_service_entry(Model& model, const Manifest& manifest, const std::string& ns);
std::string read_virtual_service(Model& model, const Manifest& manifest, const std::string& ns);
std::string read_sidecar(Model& model, const Manifest& manifest);
std::string read_gateway(Model& model, const Manifest& manifest);

// Keys of a map that are not among `known` are problems, with the nearest key.
void check_keys(Model& model, const scenario::Node* map, const std::string& what,
                const std::vector<std::string>& known);

// The texts of a list of scalars; none if it is not there. Anything else is a problem.
std::vector<const scenario::Node*> texts_at(Model& model, const scenario::Node& node,
                                            const std::vector<std::string>& keys);

bool says_registry_only(const scenario::Node& spec);  // outboundTrafficPolicy; of a Sidecar's spec or a meshConfig

}  // namespace egressproof::draft
