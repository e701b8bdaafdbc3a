#include "runner/policy/network_policy_reader.h"

#include <algorithm>
#include <set>

namespace egressproof::policy {
namespace {

using scenario::Node;

std::string child(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

}  // namespace

std::optional<Field> ManifestReader::Mapping::find(const std::string& key) const {
  for (const auto& [name, field] : fields_)
    if (name == key) return field;
  return std::nullopt;
}

void ManifestReader::complain(const Field& field, const std::string& message) {
  problems_.add(field.node->at, (field.path.empty() ? "" : field.path + ": ") + message);
}

void ManifestReader::missing(const Field& parent, const std::string& key) {
  complain({parent.node, child(parent.path, key)}, "is missing");
}

ManifestReader::Mapping ManifestReader::read(const Field& field, const std::vector<std::string>* known) {
  Mapping mapping;
  if (field.node->kind != Node::Kind::map) {
    complain(field, "must be a mapping");
    return mapping;
  }
  std::set<std::string> seen;
  for (const scenario::Entry& entry : field.node->entries) {
    const auto key = text({&entry.key, child(field.path, entry.key.text)});
    if (!key) continue;
    const Field at_key{&entry.key, child(field.path, *key)};
    if (!seen.insert(*key).second)
      complain(at_key, "is there twice");
    else if (known != nullptr && std::find(known->begin(), known->end(), *key) == known->end())
      problems_.add(entry.key.at, at_key.path + ": unknown field", scenario::did_you_mean(*key, *known));
    else if (entry.value.kind != Node::Kind::null)
      mapping.fields_.emplace_back(*key, Field{&entry.value, at_key.path});
  }
  return mapping;
}

std::vector<std::pair<std::string, std::string>> ManifestReader::texts_by_key(const Field& field) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [key, value] : read(field, nullptr).fields_)
    if (const auto one = text(value)) texts.emplace_back(key, *one);
  return texts;
}

std::vector<Field> ManifestReader::sequence(const Field& field) {
  std::vector<Field> items;
  if (field.node->kind != Node::Kind::sequence) complain(field, "must be a list");
  for (const Node& item : field.node->items)
    items.push_back({&item, field.path + "[" + std::to_string(items.size()) + "]"});
  return items;
}

std::optional<std::string> ManifestReader::text(const Field& field) {
  return scenario::read_text(problems_, *field.node, field.path + ":");
}

bool ManifestReader::is_integer(const Field& field) {
  const std::string& text = field.node->text;
  return field.node->kind == Node::Kind::scalar && field.node->plain && !text.empty() &&
         text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string::npos;
}

std::optional<std::uint16_t> ManifestReader::port_number(const Field& field) {
  const auto number = scenario::read_number(problems_, *field.node, field.path + ":", 1, 65535);
  if (!number) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace egressproof::policy
