// What `kind up` provisions: every version, image and manifest, as data (docs/kind.md has the table).
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace egressproof::backend::cluster {

// A file that every node gets before it can be Ready: a CNI configuration.
struct NodeFile {
  std::filesystem::path from;  // on this machine
  std::string to;              // absolute path in the node
};

struct ClusterSettings {
  std::string name = "egressproof";
  std::string node_image;              // empty: the one that this version of kind brings
  Json kind_config = Json::object();   // kind.x-k8s.io/v1alpha4
  std::vector<NodeFile> node_files;    // placed in their order
  std::vector<std::string> manifests;  // of another network plugin: URLs, files, folders
  std::filesystem::path corefile;      // CoreDNS's; empty: as kubeadm made it
};

struct ImageSettings {
  std::string prefix;             // of the product's own image
  std::vector<std::string> load;  // from the engine into the nodes; all others the nodes pull
  std::vector<std::filesystem::path> archives;
};

struct IstioSettings {
  std::string hub, tag;                          // each empty: as istioctl was built with
  std::vector<std::filesystem::path> operators;  // IstioOperator files, a later one lies over an earlier one
  std::vector<std::string> set;                  // istioctl's own --set
  std::vector<std::string> manifests;            // applied before it: the Gateway API's definitions, for waypoints
};

enum class Ingress {
  net_istio,  // Knative's own ingress for Istio
  stand_in,   // IngressStandIn marks ingresses ready; nothing routes from outside to a Knative Service
  none,       // Knative Services stay unready until somebody else brings an ingress
};
std::string to_string(Ingress ingress);

struct TextReplacement {
  std::string match;  // ECMAScript regular expression
  std::string with;   // $1 is its first group
};

struct KnativeSettings {
  std::vector<std::string> serving;    // URLs, files, folders of *.yaml
  std::vector<std::string> net_istio;  // the same; only with Ingress::net_istio
  Ingress ingress = Ingress::net_istio;
  std::vector<TextReplacement> replace;                              // in all of these manifests
  std::vector<std::string> skip_kinds;                               // objects of these kinds are left out
  std::map<std::string, std::map<std::string, std::string>> config;  // ConfigMap of knative-serving: key: value
  std::map<std::string, std::string> requests;                       // of every Deployment: "cpu", "memory"
};

// Of each step; what was awaited is told when it passes.
struct Deadlines {
  std::chrono::milliseconds cluster = std::chrono::seconds(300), network = std::chrono::seconds(180),
                            images = std::chrono::seconds(300), istio = std::chrono::seconds(300),
                            knative = std::chrono::seconds(300), ready = std::chrono::seconds(120);
};

struct KindSettings {
  ClusterSettings cluster;
  ImageSettings images;
  IstioSettings istio;
  KnativeSettings knative;
  Deadlines deadlines;
};

// From the weakest to the strongest. Maps are merged key by key, everything else is replaced.
// Of the same prefix as the variables of settings, but none of them: a list of files, as PATH is one of folders.
inline constexpr const char* files_variable = "EGRESSPROOF_KIND_SETTINGS";

struct SettingsSources {
  std::filesystem::path defaults;                  // kind/versions.yaml
  std::vector<std::filesystem::path> files;        // each over the one before
  std::map<std::string, std::string> environment;  // EGRESSPROOF_KIND_CLUSTER_NAME is cluster.name; others are ignored,
                                                   // but for ${NAME} within paths
  std::vector<std::string> assignments;            // "cluster.name=value"
};

// Paths in a file count from its folder, those of assignments and environment from the working directory; URLs stay.
// Error kind usage: every mistake with its place and the nearest key.
Result<KindSettings> load_settings(const SettingsSources& sources);

// "cluster.name" and its like, and the variable of each: what docs/kind.md must list.
std::vector<std::pair<std::string, std::string>> setting_names();

inline bool is_url(const std::string& place) { return place.find("://") != std::string::npos; }

}  // namespace egressproof::backend::cluster
