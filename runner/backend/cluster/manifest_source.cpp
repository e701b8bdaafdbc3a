#include "runner/backend/cluster/manifest_source.h"

#include <curl/curl.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <regex>
#include <set>

#include "base/files.h"
#include "base/nearest.h"
#include "runner/backend/cluster/readiness.h"
#include "runner/backend/yaml_objects.h"

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

Result<std::string> fetch(const std::string& url) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return fail(ErrorKind::internal, "curl_easy_init() failed");
  std::string body;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) return fail(ErrorKind::environment, "cannot fetch '" + url + "': " + curl_easy_strerror(code));
  if (status != 200)
    return fail(ErrorKind::environment, "cannot fetch '" + url + "': HTTP status " + std::to_string(status));
  return body;
}

Result<std::string> read_folder(const fs::path& folder) {
  std::set<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".yaml" || entry.path().extension() == ".yml") files.insert(entry.path());
  if (error) return fail(ErrorKind::environment, "cannot read folder '" + folder.string() + "': " + error.message());
  if (files.empty()) return fail(ErrorKind::environment, "folder '" + folder.string() + "' holds no *.yaml");
  std::string all;
  for (const fs::path& file : files) {
    auto text = read_file(file);
    if (!text) return text;
    all += "\n---\n" + *text;
  }
  return all;
}

bool in_knative(const Json& object, const char* kind) {
  return text_of(object, "kind") == kind && text_of(object, "metadata/namespace") == "knative-serving";
}

}  // namespace

Result<std::string> read_manifests(const std::string& place) {
  if (is_url(place)) return fetch(place);
  std::error_code error;
  return fs::is_directory(place, error) ? read_folder(place) : read_file(place);
}

Result<std::vector<Json>> manifest_objects(const std::vector<std::string>& places,
                                           const std::vector<TextReplacement>& replace,
                                           const std::vector<std::string>& skip_kinds) {
  std::vector<Json> objects;
  for (const std::string& place : places) {
    auto text = read_manifests(place);
    if (!text) return tl::unexpected(text.error());
    for (const TextReplacement& one : replace) {
      try {
        *text = std::regex_replace(*text, std::regex(one.match), one.with);
      } catch (const std::regex_error& error) {
        return fail(ErrorKind::usage, "replacement '" + one.match + "': " + error.what());
      }
    }
    auto parsed = parse_objects(*text);
    if (!parsed) {
      parsed.error().kind = ErrorKind::environment;
      parsed.error().context.push_back("while reading '" + place + "'");
      return tl::unexpected(parsed.error());
    }
    for (Json& object : *parsed)
      if (std::find(skip_kinds.begin(), skip_kinds.end(), text_of(object, "kind")) == skip_kinds.end())
        objects.push_back(std::move(object));
  }
  return objects;
}

Phases in_phases(std::vector<Json> objects) {
  Phases phases;
  std::set<std::string> seen;  // releases bring their definitions in two files
  for (Json& object : objects) {
    const std::string kind = text_of(object, "kind");
    auto& phase = kind == "CustomResourceDefinition" ? phases.definitions
                  : kind == "Namespace"              ? phases.namespaces
                                                     : phases.rest;
    if (seen.insert(identity_of(object)).second) phase.push_back(std::move(object));
  }
  return phases;
}

Result<void> apply_phases(const Kubectl& kubectl, const Phases& phases) {
  for (const auto* phase : {&phases.definitions, &phases.namespaces, &phases.rest}) {
    if (const auto applied = kubectl.apply(*phase); !applied) return tl::unexpected(applied.error());
    if (phase != &phases.definitions || phase->empty()) continue;
    const auto established =
        kubectl.run({"wait", "--for", "condition=Established", "--timeout", "60s", "--filename", "-"},
                    list_of(*phase).dump(), std::chrono::seconds(90));
    if (!established) return tl::unexpected(established.error());
  }
  return {};
}

Result<void> configure(std::vector<Json>& objects, const KnativeSettings& settings) {
  std::vector<std::string> names;
  for (Json& object : objects) {
    if (in_knative(object, "ConfigMap")) {
      names.push_back(text_of(object, "metadata/name"));
      const auto found = settings.config.find(names.back());
      if (found == settings.config.end()) continue;
      for (const auto& [key, value] : found->second) object["data"][key] = value;
    } else if (in_knative(object, "Deployment")) {
      Json& spec = object["spec"]["template"]["spec"];
      for (Json& container : spec["containers"])
        for (const auto& [resource, amount] : settings.requests) container["resources"]["requests"][resource] = amount;
    }
  }
  for (const auto& [name, ignored] : settings.config) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const auto close = nearest(name, names);
    return fail(ErrorKind::usage, "knative.config: Knative's manifests have no ConfigMap '" + name + "'" +
                                      (close ? " (did you mean '" + *close + "'?)" : ""));
  }
  return {};
}

}  // namespace egressproof::backend::cluster
