#include "runner/backend/yaml_objects.h"

#include <yaml-cpp/yaml.h>

#include <array>

namespace egressproof::backend {
namespace {

bool is_one_of(const std::string& text, std::initializer_list<const char*> all) {
  for (const char* one : all)
    if (text == one) return true;
  return false;
}

// YAML 1.2 core schema, as go-yaml reads it for kubectl; yes, no, on and off are left as text, which no API field of
// type bool takes: an error there is better than a guess here.
Json plain_scalar(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE"})) return false;
  if (text.find_first_not_of("0123456789+-.eE") == std::string::npos) {
    const std::size_t digits = text.find_first_not_of("+-");
    const bool octal =
        digits != std::string::npos && text[digits] == '0' && text.size() > digits + 1 && text[digits + 1] != '.';
    const Json number = octal ? Json() : Json::parse(text[0] == '+' ? text.substr(1) : text, nullptr, false);
    if (number.is_number()) return number;
  }
  return text;
}

Json json_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Sequence: {
      Json array = Json::array();
      for (const YAML::Node& item : node) array.push_back(json_of(item));
      return array;
    }
    case YAML::NodeType::Map: {
      Json object = Json::object();
      for (const auto& entry : node) object[entry.first.Scalar()] = json_of(entry.second);
      return object;
    }
    case YAML::NodeType::Scalar:
      return node.Tag() == "!" ? Json(node.Scalar()) : plain_scalar(node.Scalar());
    default:
      return nullptr;
  }
}

}  // namespace

Result<std::vector<Json>> parse_objects(const std::string& manifests) {
  std::vector<Json> objects;
  try {
    for (const YAML::Node& document : YAML::LoadAll(manifests)) {
      const Json json = json_of(document);
      if (json.is_null()) continue;
      if (!json.is_object() || !json.contains("kind"))
        return fail(ErrorKind::scenario,
                    "line " + std::to_string(document.Mark().line + 1) + " of the manifests: not a Kubernetes object");
      if (json.at("kind") == "List")
        for (const Json& item : json.value("items", Json::array())) objects.push_back(item);
      else
        objects.push_back(json);
    }
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::scenario, std::string("the manifests cannot be read: ") + error.what());
  }
  return objects;
}

std::string identity_of(const Json& object) {
  const Json metadata = object.value("metadata", Json::object());
  return object.value("apiVersion", "") + " " + object.value("kind", "") + " " + metadata.value("namespace", "") + "/" +
         metadata.value("name", "");
}

}  // namespace egressproof::backend
