#include "runner/backend/cluster/objects.h"

#include <algorithm>
#include <map>
#include <set>

namespace egressproof::backend::cluster {
namespace {

constexpr int target_id = 65532;  // "nonroot" of images without a user database
constexpr const char* system_trust_store = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* folder = "/etc/egressproof";

// One worker, as in the lab; records are written as they come, as the verdict waits for them; a probe does not have to
// wait for connections to drain.
constexpr const char* proxy_config =
    R"({"concurrency": 1, "fileFlushInterval": "0.05s", "drainDuration": "1s", "terminationDrainDuration": "1s"})";

Json labels_of(const Common& common) {
  return {{run_label, common.run_id}, {"app.kubernetes.io/managed-by", "egressproof"}};
}

Json merged(Json base, const Json& more) {
  base.update(more);
  return base;
}

Json metadata(const std::string& ns, const std::string& name, const Common& common) {
  return {{"namespace", ns}, {"name", name}, {"labels", labels_of(common)}};
}

// A world of some dozens of pods has to fit on a node of two processors; other identities of a pod send few attempts.
Json requests(const char* cpu = "5m") { return {{"requests", {{"cpu", cpu}, {"memory", "16Mi"}}}}; }

// No more than an ordinary process may: what a restricted namespace admits, but for root.
Json confined(int uid, int gid) {
  return {{"runAsUser", uid},
          {"runAsGroup", gid},
          {"runAsNonRoot", uid != 0},
          {"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", {"ALL"}}}},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

// Small requests, so that a whole matrix of sidecars fits on one node.
Json sidecar_annotations() {
  return {{"proxy.istio.io/config", proxy_config},
          {"sidecar.istio.io/proxyCPU", "5m"},
          {"sidecar.istio.io/proxyMemory", "64Mi"}};
}

Json mount(const char* name, const std::string& path) {
  return {{"name", name}, {"mountPath", path}, {"readOnly", true}};
}

Json agent_container(const ProbePlace& probe, const Common& common) {
  const std::string ca = std::string(folder) + "/ca";
  const std::string key = std::string(folder) + "/agent";
  const bool own = probe.name == probe.pod;
  const std::string& named = probe.tenant.container;
  Json container = {
      {"name", !named.empty() ? named
               : own          ? "probe"
                              : "probe-" + std::to_string(probe.uid) + "-" + std::to_string(probe.gid)},
      {"image", common.image},
      {"imagePullPolicy", "IfNotPresent"},
      {"command", {"egressproof-probe"}},
      // Apart from the command: what an injector merges with the container would bring arguments of its own.
      {"args",
       {"agent", "--listen", "0.0.0.0:" + std::to_string(probe.port), "--key-file", key + "/key", "--run",
        common.run_id, "--ca", ca + "/ca.pem", "--port-share", probe.port_share}},
      {"securityContext", confined(probe.uid, probe.gid)},
      {"resources", requests(own ? "5m" : "1m")},
      {"volumeMounts", {mount("ca", ca), mount("agent", key)}}};
  if (own) {  // Knative takes port and probe of one container alone
    container["ports"] = {{{"containerPort", probe.port}}};
    container["readinessProbe"] = {{"httpGet", {{"path", "/healthz"}, {"port", probe.port}}}, {"periodSeconds", 1}};
    // Of the container that it is merged with there may be one that would never succeed.
    if (!named.empty()) container["startupProbe"] = container["readinessProbe"];
  }
  return container;
}

Json agent_volumes() {
  return Json::array({{{"name", "ca"}, {"configMap", {{"name", "egressproof-ca"}}}},
                      {{"name", "agent"}, {"secret", {{"secretName", "egressproof-agent"}}}}});
}

std::string account_of(const ProbePlace& place) {
  return place.tenant.service_account.empty() ? place.service_account : place.tenant.service_account;
}

// A pod of a case's own is one.
int pods_of(const ProbePlace& own, const Common& common) { return own.name == own.profile ? common.agents : 1; }

// The pod of a profile: labels, annotations and spec, for a Knative Service's template as well as for a Deployment's.
Json probe_template(const std::vector<ProbePlace>& probes, const Common& common) {
  const ProbePlace& own = probes.front();
  Json annotations = own.meshed ? sidecar_annotations() : Json::object();
  Json containers = Json::array();
  for (const ProbePlace& probe : probes) containers.push_back(agent_container(probe, common));
  Json spec = {{"containers", containers},
               {"volumes", agent_volumes()},
               {"enableServiceLinks", false},
               {"automountServiceAccountToken", false}};
  if (own.knative) {
    // A pod that stays for the whole run; the scale to zero has cases of its own.
    const std::string count = std::to_string(pods_of(own, common));
    annotations.update({{"autoscaling.knative.dev/min-scale", own.tenant.from_zero ? "0" : count},
                        {"autoscaling.knative.dev/max-scale", count},
                        {"queue.sidecar.serving.knative.dev/cpu-resource-request", "5m"}});
    // Once there it stays until its log was read.
    if (own.tenant.from_zero)
      annotations.update({{"autoscaling.knative.dev/initial-scale", "0"},
                          {"autoscaling.knative.dev/scale-to-zero-pod-retention-period", "10m"}});
    spec["timeoutSeconds"] = 60;
  } else {
    spec["terminationGracePeriodSeconds"] = 1;
  }
  if (const std::string account = account_of(own); !account.empty()) spec["serviceAccountName"] = account;
  if (own.tenant.host_network) spec.update({{"hostNetwork", true}, {"dnsPolicy", "ClusterFirstWithHostNet"}});
  Json labels = merged(labels_of(common), {{probe_label, name_of(own.name)}});
  // A Knative Service with a name of its own has the labels that Knative gives it.
  if (!own.knative || own.workload.empty() || own.name != own.profile) labels["app"] = "probe";
  for (const auto& [key, value] : own.labels) labels[key] = value;
  if (pods_of(own, common) > 1)
    spec["topologySpreadConstraints"] = {{{"maxSkew", 1},
                                          {"topologyKey", "kubernetes.io/hostname"},
                                          {"whenUnsatisfiable", "ScheduleAnyway"},
                                          {"labelSelector", {{"matchLabels", {{probe_label, name_of(own.name)}}}}}}};
  for (const auto& [key, value] : own.tenant.labels) labels[key] = value;
  for (const auto& [key, value] : own.tenant.annotations) annotations[key] = value;
  return {{"metadata", {{"labels", labels}, {"annotations", annotations}}}, {"spec", spec}};
}

Json deployment(const std::string& ns, const std::string& name, const Json& selector, const Json& pod,
                const Common& common, int replicas = 1) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", metadata(ns, name, common)},
          {"spec",
           {{"replicas", replicas},
            {"strategy", {{"type", "Recreate"}}},
            {"selector", {{"matchLabels", selector}}},
            {"template", pod}}}};
}

}  // namespace

Json namespace_object(const std::string& ns, bool injected, const Common& common) {
  Json labels = labels_of(common);
  if (!injected)
    labels["istio-injection"] = "disabled";
  else if (common.istio_revision.empty())
    labels["istio-injection"] = "enabled";
  else
    labels["istio.io/rev"] = common.istio_revision;
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns}, {"labels", labels}}}};
}

std::vector<Json> shared_objects(const std::string& ns, const Common& common) {
  return {{{"apiVersion", "v1"},
           {"kind", "ConfigMap"},
           {"metadata", metadata(ns, "egressproof-ca", common)},
           {"data", {{"ca.pem", common.ca}}}},
          {{"apiVersion", "v1"},
           {"kind", "Secret"},
           {"metadata", metadata(ns, "egressproof-agent", common)},
           {"stringData", {{"key", common.agent_key}}}}};
}

Json probe_object(const std::vector<ProbePlace>& probes, const Common& common) {
  const ProbePlace& own = probes.front();
  const Json pod = probe_template(probes, common);
  const std::string name = object_name(own);
  if (!own.knative)
    return deployment(own.ns, name, {{probe_label, name_of(own.name)}}, pod, common, pods_of(own, common));
  // Not reachable from outside the cluster: the agent is no service to anybody.
  Json meta = metadata(own.ns, name, common);
  meta["labels"]["networking.knative.dev/visibility"] = "cluster-local";
  for (const auto& [key, value] : own.service_labels) meta["labels"][key] = value;
  return {
      {"apiVersion", "serving.knative.dev/v1"}, {"kind", "Service"}, {"metadata", meta}, {"spec", {{"template", pod}}}};
}

Json ephemeral_container(const ProbePlace& probe, const Common& common) {
  Json container = agent_container(probe, common);
  container["name"] = "debug-" + std::to_string(probe.port);
  container.erase("resources");  // such a container has none
  return container;
}

std::vector<Json> init_pod_objects(const ProbePlace& probe, const std::string& batch, const Common& common) {
  const std::string name = object_name(probe);
  Json pod = probe_template({probe}, common);
  Json before = agent_container(probe, common);
  for (const char* key : {"ports", "readinessProbe", "startupProbe"}) before.erase(key);
  before["name"] = init_container;
  before["args"] = {"--ca",         std::string(folder) + "/ca/ca.pem",
                    "--batches",    std::string(folder) + "/batch/batch.ndjson",
                    "--port-share", probe.port_share};
  before["volumeMounts"] = {mount("ca", std::string(folder) + "/ca"), mount("batch", std::string(folder) + "/batch")};
  Json& spec = pod["spec"];
  spec["initContainers"] = {before};
  spec["restartPolicy"] = "Never";  // a second try would be no first one
  spec["volumes"].push_back({{"name", "batch"}, {"configMap", {{"name", name}}}});
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"].update({{"name", name}, {"namespace", probe.ns}});
  return {{{"apiVersion", "v1"},
           {"kind", "ConfigMap"},
           {"metadata", metadata(probe.ns, name, common)},
           {"data", {{"batch.ndjson", batch}}}},
          pod};
}

std::vector<Json> account_objects(const std::vector<ProbePlace>& probes, const Common& common) {
  std::set<std::pair<std::string, std::string>> named;  // by namespace
  for (const ProbePlace& probe : probes)
    if (const std::string account = account_of(probe); !account.empty()) named.insert({probe.ns, account});
  std::vector<Json> objects;
  for (const auto& [ns, name] : named)
    objects.push_back({{"apiVersion", "v1"},
                       {"kind", "ServiceAccount"},
                       {"metadata", metadata(ns, name, common)},
                       {"automountServiceAccountToken", false}});
  return objects;
}

std::vector<Json> gateway_objects(const GatewayPlace& gateway, const Common& common) {
  const Json selector = {{"app", "istio-egressgateway"}, {"istio", gateway.ns}};
  Json annotations = sidecar_annotations();
  annotations["inject.istio.io/templates"] = "gateway";
  Json labels = merged(merged(labels_of(common), selector),
                       {{"sidecar.istio.io/inject", "true"}, {probe_label, name_of(gateway.name)}});
  if (!common.istio_revision.empty()) labels["istio.io/rev"] = common.istio_revision;
  Json trust_store = mount("ca", system_trust_store);
  trust_store["subPath"] = "ca.pem";
  const Json pod = {{"metadata", {{"labels", labels}, {"annotations", annotations}}},
                    {"spec",
                     {{"containers",
                       {{{"name", "istio-proxy"},
                         {"image", "auto"},                    // of the injection template
                         {"imagePullPolicy", "IfNotPresent"},  // of "auto", without a tag, it would be Always
                         {"resources", requests()},
                         {"volumeMounts", {trust_store}}}}},
                      {"volumes", {{{"name", "ca"}, {"configMap", {{"name", "egressproof-ca"}}}}}},
                      {"terminationGracePeriodSeconds", 1}}}};
  const Json ports = {{{"name", "http2"}, {"port", 80}, {"targetPort", 8080}},
                      {{"name", "https"}, {"port", 443}, {"targetPort", 8443}}};
  return {deployment(gateway.ns, "istio-egressgateway", selector, pod, common),
          {{"apiVersion", "v1"},
           {"kind", "Service"},
           {"metadata", metadata(gateway.ns, "istio-egressgateway", common)},
           {"spec", {{"selector", selector}, {"ports", ports}}}}};
}

std::vector<Json> target_objects(const std::string& name, target::Config config, const Common& common) {
  config.journal = "/var/lib/egressproof/receipts.ndjson";
  config.ca_certificate_file = std::string(folder) + "/ca.pem";
  config.ca_key_file = std::string(folder) + "/ca-key.pem";
  config.inspection_port = inspection_port;
  const std::string pod = target_pod(name);
  const Json container = {
      {"name", "target"},
      {"image", common.image},
      {"imagePullPolicy", "IfNotPresent"},
      {"command",
       {"egressproof-target", "--config", std::string(folder) + "/config.json", "--pod-address", "$(POD_IP)"}},
      {"env", {{{"name", "POD_IP"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "status.podIP"}}}}}}}},
      {"securityContext", confined(target_id, target_id)},
      {"resources", requests()},
      {"volumeMounts", {mount("config", folder), {{"name", "journal"}, {"mountPath", "/var/lib/egressproof"}}}}};
  Json meta = metadata(targets_namespace, pod, common);
  meta["labels"]["app"] = "egressproof-target";
  meta["annotations"] = {{"sidecar.istio.io/inject", "false"}};
  return {
      {{"apiVersion", "v1"},
       {"kind", "Secret"},
       {"metadata", metadata(targets_namespace, pod, common)},
       {"stringData", {{"config.json", target::encode(config)}, {"ca.pem", common.ca}, {"ca-key.pem", common.ca_key}}}},
      {{"apiVersion", "v1"},
       {"kind", "Pod"},
       {"metadata", meta},
       {"spec",
        {{"containers", {container}},
         {"volumes",
          {{{"name", "config"}, {"secret", {{"secretName", pod}}}},
           {{"name", "journal"}, {"emptyDir", Json::object()}}}},
         // One that started anew would have lost its receipts: better that it stays down.
         {"restartPolicy", "Never"},
         {"terminationGracePeriodSeconds", 1},
         {"enableServiceLinks", false},
         {"automountServiceAccountToken", false},
         {"securityContext",
          {{"fsGroup", target_id},
           {"sysctls", {{{"name", "net.ipv4.ip_unprivileged_port_start"}, {"value", "0"}}}}}}}}}};
}

std::vector<std::uint16_t> dialled_ports(const scenario::Suite& suite, const scenario::Fixture& fixture) {
  if (!fixture.every_port) return fixture.ports;
  std::set<std::uint16_t> ports(fixture.ports.begin(), fixture.ports.end());
  const auto add = [&](const scenario::AttemptSpec& attempt) {
    for (const auto* end : {&attempt.to, &attempt.dial}) {
      if (!*end || (*end)->find(':') == std::string::npos) continue;
      const unsigned long port = std::strtoul((*end)->c_str() + (*end)->rfind(':') + 1, nullptr, 10);
      if (port > 0 && port <= 65535) ports.insert(static_cast<std::uint16_t>(port));
    }
  };
  for (const scenario::Scenario& one : suite.scenarios)
    for (const scenario::Case& each : one.cases) {
      add(each.attempt);
      for (const scenario::Variant& variant : each.variants) add(variant.attempt);
      if (each.control) add(*each.control);
    }
  ports.erase(inspection_port);
  return {ports.begin(), ports.end()};
}

}  // namespace egressproof::backend::cluster
