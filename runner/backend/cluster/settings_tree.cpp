#include "runner/backend/cluster/settings_tree.h"

#include <algorithm>
#include <cstdlib>

namespace egressproof::backend::cluster {
namespace {

using scenario::Entry;
using scenario::Node;

Node scalar(const std::string& origin, const std::string& text, bool quoted) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.plain = !quoted;
  node.at = {origin, 0, 0};
  return node;
}

void place_all(Node& node, const std::string& origin) {
  node.at = {origin, 0, 0};
  for (Node& item : node.items) place_all(item, origin);
  for (Entry& entry : node.entries) {
    place_all(entry.key, origin);
    place_all(entry.value, origin);
  }
}

Node value_node(scenario::Problems& problems, const std::string& origin, const std::string& value, bool quoted) {
  if (value.empty() || (value.front() != '[' && value.front() != '{')) return scalar(origin, value, quoted);
  scenario::ParsedYaml parsed = scenario::parse_yaml(origin, value);
  for (const Diagnostic& problem : parsed.problems) problems.add({{origin, 0, 0}, problem.message, problem.hint, ""});
  if (!parsed.problems.empty() || parsed.documents.size() != 1) return scalar(origin, value, quoted);
  place_all(parsed.documents.front().root, origin);
  return std::move(parsed.documents.front().root);
}

Json plain_value(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (text.empty() || text == "null" || text == "~") return nullptr;
  const bool number = text.find_first_not_of("+-.0123456789eE") == std::string::npos &&
                      std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!number) return text;
  Json value = Json::parse(text, nullptr, false);
  if (!value.is_discarded() && value.is_number()) return value;
  char* end = nullptr;
  const double read = std::strtod(text.c_str(), &end);
  return *end == '\0' ? Json(read) : Json(text);
}

}  // namespace

void lay_over(Node& below, const Node& above) {
  if (below.kind != Node::Kind::map || above.kind != Node::Kind::map) {
    below = above;
    return;
  }
  for (const Entry& entry : above.entries) {
    const auto same = std::find_if(below.entries.begin(), below.entries.end(),
                                   [&](const Entry& one) { return one.key.text == entry.key.text; });
    // A key that `above` itself gives twice must stay twice, or nobody tells.
    const auto twice = std::count_if(above.entries.begin(), above.entries.end(),
                                     [&](const Entry& one) { return one.key.text == entry.key.text; });
    if (same == below.entries.end() || twice > 1)
      below.entries.push_back(entry);
    else
      lay_over(same->value, entry.value);
  }
}

Node assignment(scenario::Problems& problems, const std::string& origin, const std::vector<std::string>& path,
                const std::string& value, bool quoted) {
  Node node = value_node(problems, origin, value, quoted);
  for (auto key = path.rbegin(); key != path.rend(); ++key) {
    Node map;
    map.kind = Node::Kind::map;
    map.at = {origin, 0, 0};
    map.entries.push_back({scalar(origin, *key, true), std::move(node)});
    node = std::move(map);
  }
  return node;
}

Json json_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::scalar:
      return node.plain ? plain_value(node.text) : Json(node.text);
    case Node::Kind::sequence: {
      Json list = Json::array();
      for (const Node& item : node.items) list.push_back(json_of(item));
      return list;
    }
    case Node::Kind::map: {
      Json object = Json::object();
      for (const Entry& entry : node.entries) object[entry.key.text] = json_of(entry.value);
      return object;
    }
  }
  return nullptr;
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

}  // namespace egressproof::backend::cluster
