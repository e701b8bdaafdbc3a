// Manifests from URLs, files and folders, changed as the settings say.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"
#include "runner/backend/cluster/settings.h"

namespace egressproof::backend::cluster {

// A file, all *.yaml and *.yml of a folder in byte order (not deeper), or what an http(s) URL answers with 200 within a
// minute. Error kind environment; a folder without a manifest is one.
Result<std::string> read_manifests(const std::string& place);

// Of all places, in order, after the replacements, without objects of the kinds to skip.
Result<std::vector<Json>> manifest_objects(const std::vector<std::string>& places,
                                           const std::vector<TextReplacement>& replace,
                                           const std::vector<std::string>& skip_kinds);

// What must be there before the rest can be applied: definitions and namespaces; and the rest.
struct Phases {
  std::vector<Json> definitions, namespaces, rest;
};
Phases in_phases(std::vector<Json> objects);
// In that order; waits until the definitions are established, since an object of a kind that is not is refused.
Result<void> apply_phases(const Kubectl& kubectl, const Phases& phases);

// Puts the settings of ConfigMaps and the requests of Deployments into the objects of namespace knative-serving. Names
// of ConfigMaps that no object has are an error (kind usage).
Result<void> configure(std::vector<Json>& objects, const KnativeSettings& settings);

}  // namespace egressproof::backend::cluster
