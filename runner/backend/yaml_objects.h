// Manifests as text to objects, as kubectl reads them. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace egressproof::backend {

// Each document that is not empty; items of a List are objects of their own. Plain scalars have the type that
// YAML gives them (true, 8443, null), quoted ones are text. Error kind scenario: what cannot be read, with its place.
Result<std::vector<Json>> parse_objects(const std::string& manifests);

// "networking.istio.io/v1 ServiceEntry tenant-p3/allow": what tells one object from another.
std::string identity_of(const Json& object);

}  // namespace egressproof::backend
