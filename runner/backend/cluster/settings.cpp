#include "runner/backend/cluster/settings.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <regex>

#include "base/files.h"
#include "runner/backend/cluster/settings_tree.h"
#include "runner/scenario/loader.h"
#include "runner/scenario/scalars.h"

namespace egressproof::backend::cluster {
namespace {

using scenario::MapReader;
using scenario::Node;
using scenario::Problems;

constexpr const char* variable_prefix = "EGRESSPROOF_KIND_";

constexpr const char* names[] = {"cluster.name",
                                 "cluster.node-image",
                                 "cluster.config",
                                 "cluster.kind",
                                 "cluster.node-files",
                                 "cluster.manifests",
                                 "cluster.corefile",
                                 "images.prefix",
                                 "images.load",
                                 "images.archives",
                                 "istio.hub",
                                 "istio.tag",
                                 "istio.operators",
                                 "istio.set",
                                 "istio.manifests",
                                 "knative.version",
                                 "knative.serving",
                                 "knative.ingress",
                                 "knative.net-istio-version",
                                 "knative.net-istio",
                                 "knative.replace",
                                 "knative.skip-kinds",
                                 "knative.config",
                                 "knative.requests",
                                 "deadlines.cluster",
                                 "deadlines.network",
                                 "deadlines.images",
                                 "deadlines.istio",
                                 "deadlines.knative",
                                 "deadlines.ready"};

std::string variable_of(std::string name) {
  for (char& c : name) c = c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable_prefix + name;
}

// Reads one tree to settings; all problems are collected.
class Reading {
 public:
  Reading(Problems& problems, const std::map<std::string, std::string>& environment)
      : problems_(problems), environment_(environment) {}

  KindSettings all(const Node& root) {
    KindSettings settings;
    MapReader map(problems_, root, "the settings");
    if (const Node* node = map.take("cluster")) cluster(*node, settings.cluster);
    if (const Node* node = map.take("images")) images(*node, settings.images);
    if (const Node* node = map.take("istio")) istio(*node, settings.istio);
    if (const Node* node = map.take("knative")) knative(*node, settings.knative);
    if (const Node* node = map.take("deadlines")) deadlines(*node, settings.deadlines);
    map.finish();
    return settings;
  }

 private:
  // "${NAME}" by the environment, then made absolute from the folder of the file that says it.
  std::optional<std::string> place(const Node& node, const std::string& what) {
    auto text = scenario::read_text(problems_, node, what);
    if (!text) return std::nullopt;
    std::string out;
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t open = text->find("${", at), close = open == std::string::npos ? open : text->find('}', open);
      if (close == std::string::npos) {
        out += text->substr(at);
        break;
      }
      const std::string name = text->substr(open + 2, close - open - 2);
      const auto found = environment_.find(name);
      if (found == environment_.end() || found->second.empty()) {
        problems_.add(node.at, what + " needs the environment variable " + name + ", which is not set");
        return std::nullopt;
      }
      out += text->substr(at, open - at) + found->second;
      at = close + 1;
    }
    if (out.empty() || is_url(out)) return out;
    const std::filesystem::path path(out);
    if (path.is_absolute()) return path.lexically_normal().string();
    const std::filesystem::path folder = node.at.line > 0 ? std::filesystem::path(node.at.file).parent_path() : "";
    return std::filesystem::absolute(folder / path).lexically_normal().string();
  }
  template <class T>
  void places(MapReader& map, const std::string& key, std::vector<T>& into) {
    const Node* node = map.take(key);
    if (node == nullptr) return;
    into.clear();
    for (const Node& item : scenario::read_list(problems_, *node, "'" + key + "'"))
      if (auto one = place(item, "each item of '" + key + "'")) into.emplace_back(std::move(*one));
  }
  void texts(MapReader& map, const std::string& key, std::vector<std::string>& into) {
    const Node* node = map.take(key);
    if (node == nullptr) return;
    into.clear();
    for (auto& one : scenario::read_texts(problems_, *node, "'" + key + "'")) into.push_back(std::move(one.text));
  }
  std::map<std::string, std::string> pairs(const Node& node, const std::string& what) {
    std::map<std::string, std::string> read;
    for (const scenario::Entry* entry : scenario::read_entries(problems_, node, what))
      if (auto text = scenario::read_text(problems_, entry->value, "'" + entry->key.text + "'"))
        read[entry->key.text] = std::move(*text);
    return read;
  }

  void cluster(const Node& node, ClusterSettings& into) {
    MapReader map(problems_, node, "'cluster'");
    map.text("name", into.name);
    if (!scenario::is_dns_label(into.name))
      problems_.add(map.key_at("name"), "'name' must be a DNS label, it becomes part of the nodes' names");
    map.text("node-image", into.node_image);
    Node config;
    config.kind = Node::Kind::map;
    if (const Node* file = map.take("config"))
      if (const auto path = place(*file, "'config'"); path && !path->empty()) read_config(*file, *path, config);
    if (const Node* over = map.take("kind")) {
      if (over->kind == Node::Kind::map)
        lay_over(config, *over);
      else
        problems_.add(over->at, "'kind' must be a map: what is laid over the kind configuration");
    }
    into.kind_config = json_of(config);
    if (const Node* files = map.take("node-files"))
      for (const Node& item : scenario::read_list(problems_, *files, "'node-files'")) node_file(item, into.node_files);
    places(map, "manifests", into.manifests);
    if (const Node* file = map.take("corefile"))
      if (const auto path = place(*file, "'corefile'")) into.corefile = *path;
    map.finish();
  }
  void read_config(const Node& at, const std::string& path, Node& into) {
    auto text = read_file(path);
    if (!text) return problems_.add(at.at, text.error().message);
    scenario::ParsedYaml parsed = scenario::parse_yaml(path, std::move(*text));
    for (const Diagnostic& problem : parsed.problems) problems_.add(problem);
    if (parsed.documents.size() == 1 && parsed.documents.front().root.kind == Node::Kind::map)
      into = std::move(parsed.documents.front().root);
    else if (parsed.problems.empty())
      problems_.add(at.at, "'" + path + "' must be one map, a kind configuration");
  }
  void node_file(const Node& node, std::vector<NodeFile>& into) {
    NodeFile file;
    MapReader map(problems_, node, "a node file");
    if (const Node* from = map.take("from", scenario::Need::required))
      if (const auto path = place(*from, "'from'")) file.from = *path;
    map.text("to", file.to, scenario::Need::required);
    if (!file.to.empty() && file.to.front() != '/')
      problems_.add(map.key_at("to"), "'to' must be an absolute path in the node");
    map.finish();
    into.push_back(std::move(file));
  }

  void images(const Node& node, ImageSettings& into) {
    MapReader map(problems_, node, "'images'");
    map.text("prefix", into.prefix);
    texts(map, "load", into.load);
    places(map, "archives", into.archives);
    map.finish();
  }

  void istio(const Node& node, IstioSettings& into) {
    MapReader map(problems_, node, "'istio'");
    map.text("hub", into.hub);
    map.text("tag", into.tag);
    places(map, "operators", into.operators);
    texts(map, "set", into.set);
    places(map, "manifests", into.manifests);
    map.finish();
  }

  void knative(const Node& node, KnativeSettings& into) {
    MapReader map(problems_, node, "'knative'");
    std::string version, net_istio_version, ingress = to_string(into.ingress);
    map.text("version", version);
    map.text("net-istio-version", net_istio_version);
    places(map, "serving", into.serving);
    places(map, "net-istio", into.net_istio);
    put_version(into.serving, version);
    put_version(into.net_istio, net_istio_version);
    map.text("ingress", ingress);
    const Ingress known[] = {Ingress::net_istio, Ingress::stand_in, Ingress::none};
    const auto found =
        std::find_if(std::begin(known), std::end(known), [&](Ingress i) { return to_string(i) == ingress; });
    if (found == std::end(known))
      problems_.add(map.key_at("ingress"), "'ingress' must be 'net-istio', 'stand-in' or 'none', not '" + ingress + "'",
                    scenario::did_you_mean(ingress, {"net-istio", "stand-in", "none"}));
    else
      into.ingress = *found;
    if (const Node* list = map.take("replace"))
      for (const Node& item : scenario::read_list(problems_, *list, "'replace'")) replacement(item, into.replace);
    texts(map, "skip-kinds", into.skip_kinds);
    if (const Node* config = map.take("config"))
      for (const scenario::Entry* entry : scenario::read_entries(problems_, *config, "'config'"))
        into.config[entry->key.text] = pairs(entry->value, "'" + entry->key.text + "'");
    if (const Node* requests = map.take("requests")) {
      MapReader amounts(problems_, *requests, "'requests'");
      for (const char* resource : {"cpu", "memory"}) {
        std::string amount;
        amounts.text(resource, amount);
        if (!amount.empty()) into.requests[resource] = amount;
      }
      amounts.finish();
    }
    map.finish();
  }
  static void put_version(std::vector<std::string>& places, const std::string& version) {
    for (std::string& place : places)
      for (std::size_t at = place.find("{version}"); at != std::string::npos; at = place.find("{version}"))
        place.replace(at, 9, version);
  }
  void replacement(const Node& node, std::vector<TextReplacement>& into) {
    TextReplacement one;
    MapReader map(problems_, node, "a replacement");
    map.text("match", one.match, scenario::Need::required);
    map.text("with", one.with, scenario::Need::required);
    map.finish();
    try {
      const std::regex checked(one.match);
    } catch (const std::regex_error& error) {
      problems_.add(map.key_at("match"), "'" + one.match + "' is no regular expression: " + error.what());
    }
    into.push_back(std::move(one));
  }

  void deadlines(const Node& node, Deadlines& into) {
    MapReader map(problems_, node, "'deadlines'");
    const std::pair<const char*, std::chrono::milliseconds*> all[] = {
        {"cluster", &into.cluster}, {"network", &into.network}, {"images", &into.images},
        {"istio", &into.istio},     {"knative", &into.knative}, {"ready", &into.ready}};
    for (const auto& [key, value] : all)
      if (const Node* one = map.take(key))
        if (const auto read = scenario::read_duration(problems_, *one, "'" + std::string(key) + "'")) *value = *read;
    map.finish();
  }

  Problems& problems_;
  const std::map<std::string, std::string>& environment_;
};

void lay_file(Problems& problems, Node& root, const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text) return problems.add({path.string(), 0, 0}, text.error().message);
  scenario::ParsedYaml parsed = scenario::parse_yaml(path.string(), std::move(*text));
  for (const Diagnostic& problem : parsed.problems) problems.add(problem);
  if (parsed.documents.size() > 1) problems.add({path.string(), 0, 0}, "one document is expected");
  for (const scenario::Document& document : parsed.documents)
    if (document.root.kind != Node::Kind::null) lay_over(root, document.root);
}

void lay_environment(Problems& problems, Node& root, const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> by_variable;
  std::vector<std::string> variables;
  for (const char* name : names) {
    by_variable[variable_of(name)] = name;
    variables.push_back(variable_of(name));
  }
  for (const auto& [variable, value] : environment) {
    if (variable.rfind(variable_prefix, 0) != 0 || variable == files_variable) continue;
    const std::string origin = "environment variable " + variable;
    if (const auto found = by_variable.find(variable); found != by_variable.end())
      lay_over(root, assignment(problems, origin, split_path(found->second), value, true));
    else
      problems.add({origin, 0, 0}, "there is no such setting", scenario::did_you_mean(variable, variables));
  }
}

void lay_assignment(Problems& problems, Node& root, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string path = text.substr(0, equals);
  if (equals == std::string::npos || path.empty())
    return problems.add({"--set " + text, 0, 0}, "KEY=VALUE is expected, for example cluster.name=mine");
  lay_over(root, assignment(problems, "--set " + path, split_path(path), text.substr(equals + 1),
                            path.rfind("cluster.kind.", 0) != 0));
}

}  // namespace

std::string to_string(Ingress ingress) {
  switch (ingress) {
    case Ingress::net_istio:
      return "net-istio";
    case Ingress::stand_in:
      return "stand-in";
    case Ingress::none:
      return "none";
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> setting_names() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const char* name : names) all.emplace_back(name, variable_of(name));
  return all;
}

Result<KindSettings> load_settings(const SettingsSources& sources) {
  Problems problems;
  Node root;
  root.kind = Node::Kind::map;
  lay_file(problems, root, sources.defaults);
  for (const std::filesystem::path& file : sources.files) lay_file(problems, root, file);
  lay_environment(problems, root, sources.environment);
  for (const std::string& one : sources.assignments) lay_assignment(problems, root, one);
  KindSettings settings = Reading(problems, sources.environment).all(root);
  if (problems.count() == 0) return settings;
  std::string told;
  for (const Diagnostic& one : problems.take()) told += (told.empty() ? "" : "\n") + scenario::render(one);
  while (told.ends_with('\n')) told.pop_back();
  return fail(ErrorKind::usage, "the settings of the kind cluster:\n" + told);
}

}  // namespace egressproof::backend::cluster
