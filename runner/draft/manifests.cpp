#include "runner/draft/manifests.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/json.h"
#include "runner/scenario/scalars.h"

namespace egressproof::draft {
namespace {

namespace fs = std::filesystem;
using scenario::Node;

constexpr std::string_view own_group = "egressproof/";

bool is_yaml(const fs::path& path) { return path.extension() == ".yaml" || path.extension() == ".yml"; }

bool is_draft(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_regular_file(folder / "fixtures.yaml", error)) return false;
  const auto text = read_file(folder / "fixtures.yaml");
  return text && text->find("apiVersion: egressproof/") != std::string::npos;
}

void walk(Manifests& read, const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    read.problems.push_back({{path, 0, 0}, "cannot be read: No such file or directory", "", ""});
    return;
  }
  if (!fs::is_directory(status)) {
    read.files.push_back(path);
    return;
  }
  bool any = false;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::string found = entry->path().lexically_normal().string();
    const bool hidden = entry->path().filename().string().starts_with(".");
    if (entry->is_directory(ignored)) {
      if (hidden || is_draft(entry->path())) entry.disable_recursion_pending();
    } else if (!hidden && is_yaml(entry->path())) {
      any = true;
      // What is left out without a word is a policy that nobody tried.
      if (!entry->exists(ignored))
        read.problems.push_back({{found, 0, 0}, "cannot be read: the link leads nowhere", "", ""});
      else if (entry->is_regular_file(ignored))
        read.files.push_back(found);
    }
  }
  if (error) read.problems.push_back({{path, 0, 0}, "cannot be walked: " + error.message(), "", ""});
  if (!error && !any) read.problems.push_back({{path, 0, 0}, "no *.yaml or *.yml file in this folder", "", ""});
  std::sort(read.files.begin(), read.files.end());
}

// As Kubernetes' own strict decoding does.
void check_duplicates(std::vector<Diagnostic>& problems, const Node& node) {
  for (const Node& item : node.items) check_duplicates(problems, item);
  std::map<std::string, Location> seen;
  for (const scenario::Entry& entry : node.entries) {
    check_duplicates(problems, entry.value);
    const auto [first, is_new] = seen.try_emplace(entry.key.text, entry.key.at);
    if (!is_new)
      problems.push_back({entry.key.at,
                          "duplicate key '" + entry.key.text + "'; the first is at " + to_string(first->second), "",
                          ""});
  }
}

class FileReader {
 public:
  FileReader(Manifests& read, const std::string& file) : read_(read), file_(file) {}

  void run() {
    auto text = read_file(file_);
    if (!text) {
      const std::string& reason = text.error().message;
      read_.problems.push_back({{file_, 0, 0}, "cannot be read: " + reason.substr(reason.rfind(": ") + 2), "", ""});
      return;
    }
    scenario::ParsedYaml parsed = scenario::parse_yaml(file_, std::move(*text));
    for (Diagnostic& problem : parsed.problems) read_.problems.push_back(std::move(problem));
    if (!parsed.problems.empty()) return;
    for (scenario::Document& document : parsed.documents) {
      if (document.root.kind == Node::Kind::null) continue;  // comments alone
      std::string own = parsed.text.substr(document.begin, document.end - document.begin);
      take(std::move(document.root), std::move(own), true);
    }
  }

 private:
  void take(Node root, std::string text, bool whole) {
    const std::string version = text_at(root, {"apiVersion"});
    const std::string kind = text_at(root, {"kind"});
    if (root.kind != Node::Kind::map || version.empty() || kind.empty()) {
      read_.asides.push_back({root.at, "a document", "no Kubernetes manifest: it has no apiVersion and kind"});
      return;
    }
    if (version.starts_with(own_group)) return;
    check_duplicates(read_.problems, root);
    if (kind == "Kustomization" || kind == "Component") {
      read_.asides.push_back({root.at, kind,
                              "read are the resources as they stand; for patches give the output of "
                              "`kustomize build`"});
      return;
    }
    if (kind == "List" || kind.ends_with("List")) {
      if (const Node* items = scenario::find(root, "items"); items != nullptr && items->kind == Node::Kind::sequence) {
        for (const Node& item : items->items) take(item, to_yaml(item), false);
        return;
      }
    }
    Manifest made;
    made.whole_document = whole;
    made.object = {
        version,         kind,   text_at(root, {"metadata", "name"}), text_at(root, {"metadata", "namespace"}),
        std::move(text), root.at};
    if (made.object.name.empty()) {
      read_.problems.push_back({root.at, "not a Kubernetes manifest: 'metadata.name' of this " + kind + " is missing",
                                node_at(root, {"metadata", "generateName"}) != nullptr
                                    ? "what `generateName` will be called is not known beforehand"
                                    : "",
                                ""});
      return;
    }
    made.root = std::move(root);
    read_.all.push_back(std::move(made));
  }

  Manifests& read_;
  const std::string& file_;
};

void check_twice(Manifests& read) {
  std::map<std::vector<std::string>, Location> seen;
  for (const Manifest& one : read.all) {
    const auto& object = one.object;
    const auto [first, is_new] =
        seen.try_emplace({group_of(object.api_version), object.kind, object.ns, object.name}, object.at);
    if (!is_new)
      read.problems.push_back({object.at,
                               "a second " + object.kind + " '" + object.name + "'" +
                                   (object.ns.empty() ? "" : " in namespace '" + object.ns + "'") +
                                   "; the first is at " + to_string(first->second),
                               "give one overlay (the output of `kustomize build`), not base and overlays", ""});
  }
}

void put_yaml(const Node& node, std::size_t indent, std::string& out) {
  const std::string inner(indent + 2, ' ');
  const auto list = [&](char open, char close, std::size_t count, const auto& put) {
    out += open;
    for (std::size_t i = 0; i < count; ++i) {
      out += (i == 0 ? "\n" : ",\n") + inner;
      put(i);
    }
    if (count > 0) out += '\n' + std::string(indent, ' ');
    out += close;
  };
  const auto quoted = [](const std::string& text) { return Json(text).dump(); };
  switch (node.kind) {
    case Node::Kind::null:
      out += "null";
      break;
    case Node::Kind::scalar:
      // A plain scalar keeps its type: 8443 stays a number, "8443" a text.
      out += node.plain && !scenario::other_meaning(node.text).empty() ? node.text : quoted(node.text);
      break;
    case Node::Kind::sequence:
      list('[', ']', node.items.size(), [&](std::size_t i) { put_yaml(node.items[i], indent + 2, out); });
      break;
    case Node::Kind::map:
      list('{', '}', node.entries.size(), [&](std::size_t i) {
        out += quoted(node.entries[i].key.text) + ": ";
        put_yaml(node.entries[i].value, indent + 2, out);
      });
      break;
  }
}

}  // namespace

Manifests read_manifests(const std::string& path) {
  Manifests read;
  walk(read, path);
  for (const std::string& file : read.files) FileReader(read, file).run();
  check_twice(read);
  return read;
}

std::string group_of(const std::string& api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

const Node* node_at(const Node& node, const std::vector<std::string>& keys) {
  const Node* found = &node;
  for (const std::string& key : keys) {
    found = scenario::find(*found, key);
    if (found == nullptr) return nullptr;
  }
  return found;
}

std::string text_at(const Node& node, const std::vector<std::string>& keys) {
  const Node* found = node_at(node, keys);
  return found != nullptr && found->kind == Node::Kind::scalar ? found->text : "";
}

std::string to_yaml(const Node& node) {
  std::string out;
  put_yaml(node, 0, out);
  return out + "\n";
}

}  // namespace egressproof::draft
