#include <filesystem>
#include <system_error>

#include "base/files.h"
#include "runner/scenario/kinds.h"

namespace egressproof::scenario {
namespace {

// As Kubernetes' own strict decoding does.
void check_duplicates(Problems& problems, const Node& node) {
  for (const Node& item : node.items) check_duplicates(problems, item);
  for (auto entry = node.entries.begin(); entry != node.entries.end(); ++entry) {
    check_duplicates(problems, entry->value);
    if (entry->key.kind != Node::Kind::scalar) {
      problems.add(entry->key.at, "a key must be a text");
      continue;
    }
    for (auto earlier = node.entries.begin(); earlier != entry; ++earlier)
      if (earlier->key.text == entry->key.text) {
        problems.add(entry->key.at,
                     "duplicate key '" + entry->key.text + "'; the first is at " + to_string(earlier->key.at));
        break;
      }
  }
}

std::string manifest_text(Problems& problems, const Node& map, const std::string& key, const std::string& what) {
  const Node* node = find(map, key);
  if (node == nullptr || node->kind == Node::Kind::null) {
    problems.add(map.at, "not a Kubernetes manifest: " + what + " is missing");
    return "";
  }
  const auto text = read_text(problems, *node, what);
  if (text && text->empty()) problems.add(node->at, what + " must not be empty");
  return text.value_or("");
}

PolicyObject read_object(Problems& problems, const Node& root, std::string text) {
  PolicyObject object;
  object.at = root.at;
  object.yaml = std::move(text);
  if (root.kind != Node::Kind::map) {
    problems.add(root.at, "not a Kubernetes manifest: not a map");
    return object;
  }
  check_duplicates(problems, root);
  object.api_version = manifest_text(problems, root, "apiVersion", "'apiVersion'");
  object.kind = manifest_text(problems, root, "kind", "'kind'");
  const Node* metadata = find(root, "metadata");
  if (metadata == nullptr || metadata->kind != Node::Kind::map) {
    problems.add(metadata == nullptr ? root.at : metadata->at, "not a Kubernetes manifest: 'metadata.name' is missing",
                 object.kind == "List" ? "write the items of a List as documents" : "");
    return object;
  }
  object.name = manifest_text(problems, *metadata, "name", "'metadata.name'");
  if (const Node* ns = find(*metadata, "namespace"))
    object.ns = read_text(problems, *ns, "'metadata.namespace'").value_or("");
  return object;
}

}  // namespace

std::vector<PolicyObject> read_policy_file(Problems& problems, const std::string& path, const Location& named_at) {
  std::vector<PolicyObject> objects;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  const std::string cannot = "policy file '" + path + "' cannot be read: ";
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    problems.add(named_at, cannot + "not a regular file");
    return objects;
  }
  auto text = read_file(path);
  if (!text) {
    const std::string& reason = text.error().message;
    problems.add(named_at, cannot + reason.substr(reason.rfind(": ") + 2));
    return objects;
  }
  ParsedYaml parsed = parse_yaml(path, std::move(*text));
  for (Diagnostic& problem : parsed.problems) problems.add(std::move(problem));
  for (const Document& document : parsed.documents) {
    if (document.root.kind == Node::Kind::null) continue;  // comments alone; kubectl skips it too
    objects.push_back(
        read_object(problems, document.root, parsed.text.substr(document.begin, document.end - document.begin)));
  }
  if (objects.empty() && parsed.problems.empty())
    problems.add(named_at, "policy file '" + path + "' holds no Kubernetes manifest");
  return objects;
}

}  // namespace egressproof::scenario
