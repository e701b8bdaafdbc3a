#include "runner/scenario/reader.h"

#include <algorithm>
#include <utility>

#include "base/nearest.h"
#include "runner/scenario/scalars.h"

namespace egressproof::scenario {
namespace {

std::string kind_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "'" + node.text + "'";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "";
}

void wrong_type(Problems& problems, const Node& node, const std::string& what, const std::string& wanted) {
  problems.add(node.at, what + " must be " + wanted + ", not " + kind_of(node));
}

void refuse_tag(Problems& problems, const Node& node) {
  if (!node.tag.empty()) problems.add(node.at, "a tag ('" + node.tag + "'); types follow from the keys");
}

}  // namespace

void Problems::add(const Location& at, std::string message, std::string hint) {
  add(Diagnostic{at, std::move(message), std::move(hint), context_});
}

void Problems::add(Diagnostic diagnostic) {
  const bool told = std::any_of(all_.begin(), all_.end(), [&](const Diagnostic& one) {
    return one.message == diagnostic.message && to_string(one.at) == to_string(diagnostic.at);
  });
  if (!told) all_.push_back(std::move(diagnostic));
}

Problems::Context::Context(Problems& problems, const std::string& what, const Location& at)
    : problems_(problems), outer_(std::exchange(problems.context_, "in " + what + " (" + to_string(at) + ")")) {}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const auto best = nearest(word, candidates);
  return best ? "did you mean '" + *best + "'?" : "";
}

std::string one_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

std::optional<std::string> read_text(Problems& problems, const Node& node, const std::string& what) {
  refuse_tag(problems, node);
  if (node.kind != Node::Kind::scalar) {
    wrong_type(problems, node, what, "a text");
    return std::nullopt;
  }
  const std::string other = node.plain ? other_meaning(node.text) : "";
  if (!other.empty()) {
    problems.add(node.at, what + " must be a text, but " + node.text + " is " + other + " in YAML",
                 "write \"" + node.text + "\"");
    return std::nullopt;
  }
  return node.text;
}

std::optional<bool> read_flag(Problems& problems, const Node& node, const std::string& what) {
  refuse_tag(problems, node);
  if (node.kind == Node::Kind::scalar && node.plain && (node.text == "true" || node.text == "false"))
    return node.text == "true";
  wrong_type(problems, node, what, "true or false");
  return std::nullopt;
}

std::optional<std::uint64_t> read_number(Problems& problems, const Node& node, const std::string& what,
                                         std::uint64_t min, std::uint64_t max) {
  refuse_tag(problems, node);
  if (node.kind == Node::Kind::scalar && node.plain)
    if (const auto number = parse_number(node.text, max); number && *number >= min) return number;
  wrong_type(problems, node, what, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> read_duration(Problems& problems, const Node& node, const std::string& what) {
  refuse_tag(problems, node);
  if (node.kind == Node::Kind::scalar)
    if (const auto duration = parse_duration(node.text)) return duration;
  wrong_type(problems, node, what, "a duration such as 500ms or 2s, at most 600s");
  return std::nullopt;
}

std::optional<probe::Fields> read_fields(Problems& problems, const Node& node, const std::string& what) {
  probe::Fields fields;
  bool good = node.kind == Node::Kind::sequence;
  if (!good) wrong_type(problems, node, what, "a list of [name, value]");
  for (const Node& item : node.items) {
    if (item.kind != Node::Kind::sequence || item.items.size() != 2) {
      wrong_type(problems, item, "each item of " + what, "[name, value]");
      good = false;
      continue;
    }
    const auto name = read_text(problems, item.items[0], "a field's name");
    const auto value = read_text(problems, item.items[1], "a field's value");
    good = good && name && value;
    if (name && value) fields.emplace_back(*name, *value);
  }
  if (!good) return std::nullopt;
  return fields;
}

const std::vector<Node>& read_list(Problems& problems, const Node& node, const std::string& what) {
  refuse_tag(problems, node);
  if (node.kind != Node::Kind::sequence) wrong_type(problems, node, what, "a list");
  return node.items;
}

std::vector<PlacedText> read_texts(Problems& problems, const Node& node, const std::string& what) {
  std::vector<PlacedText> texts;
  for (const Node& item : read_list(problems, node, what))
    if (auto text = read_text(problems, item, "each item of " + what)) texts.push_back({std::move(*text), item.at});
  return texts;
}

std::vector<const Entry*> read_entries(Problems& problems, const Node& node, const std::string& what) {
  std::vector<const Entry*> entries;
  refuse_tag(problems, node);
  if (node.kind != Node::Kind::map) wrong_type(problems, node, what, "a map");
  for (const Entry& entry : node.entries) {
    if (entry.key.kind == Node::Kind::scalar && entry.key.plain && entry.key.text == "<<") {
      problems.add(entry.key.at, "a merge key ('<<') hides where a value comes from", "write the keys out");
      continue;
    }
    const auto key = read_text(problems, entry.key, "a key");
    if (!key) continue;
    const auto first =
        std::find_if(entries.begin(), entries.end(), [&](const Entry* one) { return one->key.text == *key; });
    if (first != entries.end()) {
      problems.add(entry.key.at, "duplicate key '" + *key + "'; the first is at " + to_string((*first)->key.at));
      continue;
    }
    entries.push_back(&entry);
  }
  std::erase_if(entries, [&](const Entry* entry) {
    if (entry->value.kind != Node::Kind::null) return false;
    std::string hint;
    if (node.flow && entry != &node.entries.front()) hint = "within braces a text with a comma in it needs quotes";
    problems.add(entry->key.at, "'" + entry->key.text + "' has no value", hint);
    return true;
  });
  return entries;
}

MapReader::MapReader(Problems& problems, const Node& node, const std::string& what)
    : problems_(problems), node_(node), entries_(read_entries(problems, node, what)) {}

bool MapReader::has(const std::string& key) const { return find(node_, key) != nullptr; }

Location MapReader::key_at(const std::string& key) const {
  for (const Entry* entry : entries_)
    if (entry->key.text == key) return entry->key.at;
  return node_.at;
}

const Node* MapReader::take(const std::string& key, Need need) {
  known_.push_back(key);
  for (const Entry* entry : entries_)
    if (entry->key.text == key) return &entry->value;
  // A key that is there without value was already told, and so was a node that is no map.
  if (need == Need::required && !has(key) && node_.kind == Node::Kind::map) missing_.push_back(key);
  return nullptr;
}

void MapReader::finish() {
  for (const Entry* entry : entries_) {
    const std::string& key = entry->key.text;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    problems_.add(entry->key.at, "unknown key '" + key + "'", did_you_mean(key, known_));
    if (const auto meant = nearest(key, known_)) std::erase(missing_, *meant);  // misspelt rather than missing
  }
  for (const std::string& key : missing_) problems_.add(node_.at, "'" + key + "' is missing");
}

void MapReader::text(const std::string& key, std::string& value, Need need) {
  const Node* node = take(key, need);
  if (node == nullptr) return;
  auto text = read_text(problems_, *node, "'" + key + "'");
  if (!text) return;
  if (need == Need::required && text->empty()) problems_.add(node->at, "'" + key + "' must not be empty");
  value = std::move(*text);
}

void MapReader::text(const std::string& key, std::optional<std::string>& value) {
  if (const Node* node = take(key)) value = read_text(problems_, *node, "'" + key + "'");
}

void MapReader::flag(const std::string& key, bool& value) {
  if (const Node* node = take(key)) value = read_flag(problems_, *node, "'" + key + "'").value_or(value);
}

void MapReader::flag(const std::string& key, std::optional<bool>& value) {
  if (const Node* node = take(key)) value = read_flag(problems_, *node, "'" + key + "'");
}

void read_kubernetes_name(Problems& problems, MapReader& map, const char* key, std::string& name) {
  const Node* node = map.take(key);
  if (node == nullptr) return;
  name = read_text(problems, *node, std::string("'") + key + "'").value_or(name);
  if (!is_dns_label(name))
    problems.add(node->at, "'" + name + "' cannot be a name in Kubernetes: lower-case letters, digits and '-'");
}

}  // namespace egressproof::scenario
