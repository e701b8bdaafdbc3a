#include "runner/backend/cluster/redact.h"

#include <algorithm>
#include <boost/regex.hpp>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "runner/backend/cluster/readiness.h"

namespace egressproof::backend::cluster {
namespace {

// Boost's, for std::regex recurses for every character of a match.
using boost::regex;
const auto options = regex::perl | regex::icase;

// A name ends in one of these words, or is one: "clientSecret", "access_token", "client-key-data".
constexpr const char* secret_words =
    "(?:tokens?|password|passwd|secret|secret[-_]?key|secret[-_]?access[-_]?key|api[-_]?key|private[-_]?key|client[-_]?"
    "key|"
    "client[-_]?key[-_]?data|client[-_]?certificate[-_]?data|agent[-_]?key|bearer|auth|credentials?|cookie)";

struct Rule {
  regex pattern;
  std::string with;
};

const std::vector<Rule>& rules() {
  const std::string word = secret_words, gone = redacted;
  static const std::vector<Rule> all{
      // base64 of "-----BEGIN": a key or certificate within a Secret, a kubeconfig or a caBundle
      {regex("LS0tLS1CRUdJT[A-Za-z0-9+/=]{16,}"), gone},
      // header.payload.signature; the payload may be detached
      {regex(R"(eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*)"), gone},
      {regex(R"(\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,})", options), "$1 " + gone},
      {regex(R"(([a-z][a-z0-9+.-]*://)[^/\s:@"]+:[^/\s@"]+@)", options), "$1" + gone + "@"},
      {regex(R"(\b(AKIA|ASIA)[A-Z0-9]{16}\b)"), gone},
      // "key": "value", with its escapes
      {regex("(\\\\?\"[\\w.-]*" + word + "\\\\?\"\\s*:\\s*)\\\\?\"[^\"]+\"", options), "$1\"" + gone + "\""},
      // key: value of YAML takes the rest of the line, within a sentence the next word; KEY=VALUE
      {regex("^([ \\t-]*[\\w.-]*" + word + ":[ \\t]+)[^\\s\\[{|>].*", options), "$1" + gone},
      {regex("\\b([\\w.-]*" + word + ":[ \\t]+)[^\\s\\[{|>\"][^\\s]{3,}", options), "$1" + gone},
      {regex("\\b([\\w.-]*" + word + "=)[^\\s&\"']{4,}", options), "$1" + gone}};
  return all;
}

// Not by a regular expression: the body has many lines, and its end may be cut off.
std::string without_private_keys(std::string text) {
  constexpr std::string_view begin = "-----BEGIN ", end = "-----END ";
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
    const std::size_t label_end = text.find("-----", at + begin.size());
    if (label_end == std::string::npos) break;
    if (text.substr(at, label_end - at).find("PRIVATE KEY") == std::string::npos) continue;
    const std::size_t tail = text.find(end, label_end);
    const std::size_t stop = tail == std::string::npos ? std::string::npos : text.find("-----", tail + end.size());
    const std::size_t last =
        stop == std::string::npos ? text.size() : stop + 5;  // cut off: all that is left is the key
    text.replace(at, last - at, redacted);
  }
  return text;
}

bool is_secret_name(const std::string& name) {
  static const regex pattern("[\\w.-]*" + std::string(secret_words), options);
  return boost::regex_match(name, pattern);
}

}  // namespace

std::string without_secrets(std::string text) {
  text = without_private_keys(std::move(text));
  // Line by line: no match spans lines.
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    constexpr std::size_t longest = 32768;  // beyond it the line is data of no use to a reader
    if (line.size() > longest) line = line.substr(0, longest) + "... [cut]";
    try {
      for (const Rule& rule : rules()) line = boost::regex_replace(line, rule.pattern, rule.with);
    } catch (const std::runtime_error&) {  // too much backtracking
      line = redacted;
    }
    out += line;
    if (end < text.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

Json without_secrets(const Json& tree) {
  if (tree.is_string()) return without_secrets(tree.get<std::string>());
  if (tree.is_array()) {
    Json list = Json::array();
    for (const Json& item : tree) list.push_back(without_secrets(item));
    return list;
  }
  if (!tree.is_object()) return tree;
  const bool secret = text_of(tree, "kind") == "Secret";
  // {"name": "API_TOKEN", "value": "..."}: an environment variable of a container
  const bool variable = is_secret_name(text_of(tree, "name"));
  Json object = Json::object();
  for (const auto& [key, value] : tree.items()) {
    if (secret && (key == "data" || key == "stringData") && value.is_object()) {
      for (const auto& [name, ignored] : value.items()) object[key][name] = redacted;
    } else if ((is_secret_name(key) || (variable && key == "value")) && value.is_string()) {
      object[key] = redacted;
    } else {
      object[key] = without_secrets(value);
    }
  }
  return object;
}

}  // namespace egressproof::backend::cluster
