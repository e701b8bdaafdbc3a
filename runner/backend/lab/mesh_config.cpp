#include "runner/backend/lab/mesh_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "runner/backend/mesh/access_log.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* access_log_file = "access.log";  // in the proxy's working directory

// Of the access log: the default of 1 s would be most of a run. It costs each Envoy 20 wake-ups a second.
constexpr std::chrono::milliseconds flush_interval{50};

// Of connections whose listener or filter chain was replaced; Istio's default of 45 s would be twice a run. Long enough
// to be told from the time that a change takes to reach a proxy (scenarios/lifecycle.yaml).
constexpr std::chrono::seconds drain_duration{2};

Json mesh_settings() {
  return {
      {"rootNamespace", "istio-system"},
      {"trustDomain", "cluster.local"},
      {"outboundTrafficPolicy", {{"mode", "ALLOW_ANY"}}},
      {"enableTracing", false},
      {"ingressControllerMode", "OFF"},
      {"dnsRefreshRate", "1s"},
      {"accessLogFile", access_log_file},
      {"accessLogEncoding", "JSON"},
      {"accessLogFormat", mesh::access_log_format},
  };
}

Json proxy_config(const SidecarFiles& files) {
  return {{"binaryPath", files.envoy.string()},
          {"configPath", "./envoy"},
          {"discoveryAddress", std::string(istiod_address) + ":15010"},
          {"controlPlaneAuthPolicy", "NONE"},
          {"statusPort", 15020},
          {"concurrency", 1},
          {"fileFlushInterval", fmt::format("{}s", flush_interval.count() / 1000.0)},
          {"drainDuration", fmt::format("{}s", drain_duration.count())},
          {"terminationDrainDuration", "0s"}};
}

}  // namespace

std::string mesh_config(int bump) {
  Json mesh = mesh_settings();
  mesh["defaultConfig"] = {{"proxyMetadata", {{"EGRESSPROOF_BUMP", std::to_string(bump)}}}};
  return mesh.dump(2) + "\n";  // JSON is YAML
}

std::string injection_mesh_config(const SidecarFiles& files) {
  Json mesh = mesh_settings();
  mesh["defaultConfig"] = proxy_config(files);
  return mesh.dump(2) + "\n";
}

std::map<std::string, std::string> istiod_environment() {
  return {{"PILOT_ENABLE_METADATA_EXCHANGE", "false"},
          {"PILOT_ENABLE_ALPN_FILTER", "false"},
          {"PILOT_DISABLE_MX_ALPN", "true"},
          {"PILOT_ENABLE_AMBIENT", "false"},
          {"PILOT_ENABLE_IP_AUTOALLOCATE", "false"},
          {"PILOT_DEBOUNCE_AFTER", "10ms"},
          {"PILOT_DEBOUNCE_MAX", "1s"},
          {"POD_NAMESPACE", "istio-system"},
          {"CLUSTER_ID", "Kubernetes"},
          {"HOME", "/nonexistent"}};
}

std::vector<std::string> agent_arguments(const PodPlace& pod, const SidecarFiles& files) {
  return {files.agent.string(), "proxy", pod.router ? "router" : "sidecar", "--domain", pod.ns + ".svc.cluster.local"};
}

std::map<std::string, std::string> agent_environment(const PodPlace& pod, const SidecarFiles& files) {
  const Json labels(labels_of(pod));
  return {{"ISTIO_BOOTSTRAP", files.bootstrap_template.string()},
          {"POD_NAME", pod_name(pod)},
          {"POD_NAMESPACE", pod.ns},
          {"INSTANCE_IP", pod.address},
          {"SERVICE_ACCOUNT", pod.service_account},
          {"ISTIO_META_CLUSTER_ID", "Kubernetes"},
          {"ISTIO_META_ISTIO_VERSION", "1.31.0"},
          {"ISTIO_META_INTERCEPTION_MODE", "REDIRECT"},
          {"TRUST_DOMAIN", "cluster.local"},
          {"CLOUD_PLATFORM", "none"},
          {"ISTIO_METAJSON_LABELS", labels.dump()},
          {"ISTIO_DELTA_XDS", "false"},
          {"PROXY_CONFIG", proxy_config(files).dump()},
          // A plugin whose fetch the network drops keeps its listeners warming until the agent gives up; it would be
          // five times 15 s.
          {"WASM_HTTP_REQUEST_TIMEOUT", "500ms"},
          {"WASM_HTTP_REQUEST_MAX_RETRIES", "1"},
          {"HOME", "/nonexistent"}};
}

std::map<std::string, std::string> image_environment(const SidecarFiles& files) {
  return {{"ISTIO_BOOTSTRAP", files.bootstrap_template.string()},
          {"ISTIO_META_ISTIO_VERSION", "1.31.0"},
          {"CLOUD_PLATFORM", "none"},
          {"ISTIO_DELTA_XDS", "false"},
          {"HOME", "/nonexistent"}};
}

std::vector<std::string> capture_arguments(const SidecarFiles& files) {
  return {files.agent.string(),
          "istio-iptables",
          "-p",
          std::to_string(capture_port),
          "-z",
          "15006",
          "-u",
          "1337",
          "-m",
          "REDIRECT",
          "-i",
          "*",
          "-x",
          "",
          "-b",
          "*",
          "-d",
          "15090,15021,15020"};
}

// The endpoint says no service account: istiod would take it for one that speaks mutual TLS, which the endpoints of a
// gateway's Service in a cluster do not (they have no security.istio.io/tlsMode label).
std::string gateway_manifests(const std::vector<PodPlace>& pods) {
  std::string text;
  const std::vector<GatewayService> services = gateway_services(pods);
  auto service = services.begin();
  for (const PodPlace& pod : pods) {
    if (!pod.router) continue;
    const Json entry = {
        {"apiVersion", "networking.istio.io/v1"},
        {"kind", "ServiceEntry"},
        {"metadata", {{"name", "istio-egressgateway"}, {"namespace", pod.ns}}},
        {"spec",
         {{"hosts", {gateway_host(pod.ns)}},
          {"exportTo", {".", pod.serves}},  // other profiles stay as if it were not there
          {"location", "MESH_INTERNAL"},
          {"resolution", "STATIC"},
          {"addresses", {(service++)->cluster_ip}},
          {"ports",
           {{{"number", 80}, {"name", "http2"}, {"protocol", "HTTP2"}, {"targetPort", 8080}},
            {{"number", 443}, {"name", "https"}, {"protocol", "HTTPS"}, {"targetPort", 8443}}}},
          {"endpoints", {{{"address", pod.address}, {"labels", labels_of(pod)}}}},
          {"subjectAltNames", {fmt::format("spiffe://cluster.local/ns/{}/sa/{}", pod.ns, pod.service_account)}}}}};
    text += "---\n" + entry.dump(2) + "\n";
  }
  return text;
}

namespace {

// Istio's chains for connections that are made to the capture ports themselves have no access log: nobody would say who
// denied. What they do stays as it is.
Json capture_port_log(int port, const std::string& listener, const std::string& context) {
  const Json log = {{"name", "envoy.access_loggers.file"},
                    {"typed_config",
                     {{"@type", "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"},
                      {"path", access_log_file},
                      {"log_format", {{"json_format", Json::parse(mesh::access_log_format)}}}}}};
  const std::string chain = listener + "-blackhole";
  return {{"apiVersion", "networking.istio.io/v1alpha3"},
          {"kind", "EnvoyFilter"},
          {"metadata", {{"name", fmt::format("log-of-{}", port)}, {"namespace", "istio-system"}}},
          {"spec",
           {{"configPatches",
             {{{"applyTo", "NETWORK_FILTER"},
               {"match",
                {{"context", context},
                 {"listener",
                  {{"name", listener},
                   {"filterChain", {{"name", chain}, {"filter", {{"name", "envoy.filters.network.tcp_proxy"}}}}}}}}},
               {"patch",
                {{"operation", "MERGE"},
                 {"value",
                  {{"typed_config",
                    {{"@type", "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"},
                     {"access_log", {log}}}}}}}}}}}}}};
}

}  // namespace

std::string platform_manifests(const std::vector<PodPlace>& pods) {
  const auto service = [](const char* name, const char* cluster_ip) {
    return Json{{"apiVersion", "networking.istio.io/v1"},
                {"kind", "ServiceEntry"},
                {"metadata", {{"name", name}, {"namespace", "istio-system"}}},
                {"spec",
                 {{"hosts", {std::string(name) + ".istio-system.svc.cluster.local"}},
                  {"location", "MESH_INTERNAL"},
                  {"resolution", "STATIC"},
                  {"addresses", {cluster_ip}},
                  {"ports",
                   {{{"number", 80}, {"name", "http2"}, {"protocol", "HTTP2"}},
                    {{"number", 443}, {"name", "https"}, {"protocol", "HTTPS"}}}}}}};
  };
  std::string text = "---\n" + service("istio-ingressgateway", "192.0.2.223").dump(2) + "\n";
  text += "---\n" + capture_port_log(capture_port, "virtualOutbound", "SIDECAR_OUTBOUND").dump(2) + "\n";
  text += "---\n" + capture_port_log(15006, "virtualInbound", "SIDECAR_INBOUND").dump(2) + "\n";
  const bool own =
      std::any_of(pods.begin(), pods.end(), [](const PodPlace& pod) { return pod.router && pod.ns == "istio-system"; });
  if (!own) text += "---\n" + service("istio-egressgateway", "192.0.2.224").dump(2) + "\n";
  return text;
}

std::string service_manifests(const std::vector<PodPlace>& pods) {
  std::string text;
  for (const PodPlace& pod : pods) {
    if (pod.fixture == nullptr) continue;
    Json ports = Json::array();
    for (const int port : pod.fixture->ports)
      ports.push_back({{"number", port}, {"name", fmt::format("http-{}", port)}, {"protocol", "HTTP"}});
    std::map<std::string, std::string> labels = labels_of(pod);
    labels["security.istio.io/tlsMode"] = "istio";
    const Json entry = {
        {"apiVersion", "networking.istio.io/v1"},
        {"kind", "ServiceEntry"},
        {"metadata", {{"name", pod.fixture->name + "-private"}, {"namespace", pod.ns}}},
        {"spec",
         {{"hosts", {fmt::format("{}-private.{}.svc.cluster.local", pod.fixture->name, pod.ns)}},
          {"location", "MESH_INTERNAL"},
          {"resolution", "STATIC"},
          {"addresses", {pod.address}},
          {"ports", ports},
          {"endpoints", {{{"address", pod.address}, {"labels", labels}, {"serviceAccount", pod.service_account}}}}}}};
    text += "---\n" + entry.dump(2) + "\n";
  }
  return text;
}

}  // namespace egressproof::backend::lab
