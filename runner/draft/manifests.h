// The user's Kubernetes manifests as written: folders, several documents a file, Lists. Reads files, interprets
// nothing but what every object has.
#pragma once

#include <string>
#include <vector>

#include "runner/scenario/scenario.h"
#include "runner/scenario/yaml_tree.h"

namespace egressproof::draft {

struct Manifest {
  scenario::PolicyObject object;  // `at`: file as reached from the folder that was given
  scenario::Node root;
  bool whole_document = true;  // false: an item of a List, whose text is not a document of its file
};

// A document that was left out, and why.
struct Aside {
  Location at;
  std::string what;  // "ConfigMap settings"
  std::string why;
  bool untried = false;  // a way out that the manifests open and no case tries
};

struct Manifests {
  std::vector<Manifest> all;  // by file in byte order, then as written
  std::vector<Aside> asides;
  std::vector<Diagnostic> problems;
  std::vector<std::string> files;  // that were read
};

// A file, or a folder walked for *.yaml and *.yml. Left out: hidden files and folders, folders that hold a draft
// (a `fixtures.yaml` of this program) and documents of this program. Problems: syntax, duplicate keys, no name, two
// objects of one kind, namespace and name, nothing to read, a folder or link that leads nowhere. Never throws.
Manifests read_manifests(const std::string& path);

std::string group_of(const std::string& api_version);  // "networking.istio.io"; "" of the core group

// The text at a path of keys; "": not there, or no scalar.
std::string text_at(const scenario::Node& node, const std::vector<std::string>& keys);
// nullptr: not there.
const scenario::Node* node_at(const scenario::Node& node, const std::vector<std::string>& keys);

// The node as YAML in flow form (JSON with the scalars' own types), indented. Ends with a newline.
std::string to_yaml(const scenario::Node& node);

}  // namespace egressproof::draft
