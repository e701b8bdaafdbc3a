// The steps within the cluster: istio, knative, ready.
#include "base/files.h"
#include "runner/backend/cluster/manifest_source.h"
#include "runner/backend/cluster/provision_steps.h"
#include "runner/backend/cluster/readiness.h"

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

Result<std::string> istio_inputs(const Site& site) {
  const IstioSettings& settings = site.settings().istio;
  Json all = {{"hub", settings.hub},
              {"tag", settings.tag},
              {"set", settings.set},
              {"manifests", settings.manifests},
              {"istioctl", site.tools().tool("istioctl").version}};
  for (const fs::path& file : settings.operators) {
    const auto text = read_file(file);
    if (!text) return text;
    all["operators"].push_back(*text);
  }
  return all.dump();
}

Result<void> act_istio(const Site& site) {
  const KindSettings& settings = site.settings();
  const auto objects = manifest_objects(settings.istio.manifests, {}, {});
  if (!objects) return tl::unexpected(objects.error());
  if (auto applied = apply_phases(site.kubectl(), in_phases(*objects)); !applied) return applied;
  const auto limit = std::chrono::ceil<seconds>(settings.deadlines.istio);
  std::vector<std::string> args{"install",
                                "--skip-confirmation",
                                "--kubeconfig",
                                kubeconfig_of(site.folder()).string(),
                                "--readiness-timeout",
                                std::to_string(limit.count()) + "s"};
  for (const fs::path& file : settings.istio.operators) args.insert(args.end(), {"--filename", file.string()});
  if (!settings.istio.hub.empty()) args.insert(args.end(), {"--set", "hub=" + settings.istio.hub});
  if (!settings.istio.tag.empty()) args.insert(args.end(), {"--set", "tag=" + settings.istio.tag});
  for (const std::string& one : settings.istio.set) args.insert(args.end(), {"--set", one});
  return site.carry_out(site.tools().istioctl(args), settings.deadlines.istio + seconds(30), "istio");
}

Result<Awaited> await_workloads(const Site& site, const std::string& ns, const std::vector<std::string>& names) {
  const auto workloads = site.kubectl().get({"deployments,daemonsets", "--namespace", ns});
  if (!workloads) return tl::unexpected(workloads.error());
  if (const auto missing = absent(*workloads, names); !missing.empty())
    return Awaited{false, "not there in namespace '" + ns + "': " + shortened(missing, 5)};
  return Awaited{true, shortened(not_ready(*workloads), 3)};
}

Result<std::vector<Json>> knative_objects(const Site& site) {
  const KnativeSettings& settings = site.settings().knative;
  auto objects = manifest_objects(settings.serving, settings.replace, settings.skip_kinds);
  if (!objects) return objects;
  if (settings.ingress == Ingress::net_istio) {
    auto ingress = manifest_objects(settings.net_istio, settings.replace, settings.skip_kinds);
    if (!ingress) return ingress;
    objects->insert(objects->end(), std::make_move_iterator(ingress->begin()), std::make_move_iterator(ingress->end()));
  }
  if (auto configured = configure(*objects, settings); !configured) return tl::unexpected(configured.error());
  return objects;
}

// Places, not what stands at URLs: a release does not change, and the second call must not need the network.
Result<std::string> knative_inputs(const Site& site) {
  const KnativeSettings& settings = site.settings().knative;
  Json all = {{"ingress", to_string(settings.ingress)},
              {"net-istio", settings.net_istio},
              {"skip", settings.skip_kinds},
              {"config", settings.config},
              {"requests", settings.requests}};
  for (const TextReplacement& one : settings.replace) all["replace"].push_back({one.match, one.with});
  for (const std::string& place : settings.serving) {
    const auto text = is_url(place) ? Result<std::string>(place) : read_manifests(place);
    if (!text) return text;
    all["serving"].push_back(*text);
  }
  return all.dump();
}

Result<void> act_knative(const Site& site) {
  auto objects = knative_objects(site);
  if (!objects) return tl::unexpected(objects.error());
  return apply_phases(site.kubectl(), in_phases(std::move(*objects)));
}

Result<Awaited> await_knative(const Site& site) {
  std::vector<std::string> names{"activator", "autoscaler", "controller", "webhook"};
  if (site.settings().knative.ingress == Ingress::net_istio) names.emplace_back("net-istio-controller");
  return await_workloads(site, "knative-serving", names);
}

// The webhooks answer and the API takes a Knative Service: what the first probe needs.
Result<Awaited> await_service(const Site& site) {
  const Json service = {
      {"apiVersion", "serving.knative.dev/v1"},
      {"kind", "Service"},
      {"metadata", {{"name", "egressproof-ready"}, {"namespace", "default"}}},
      {"spec", {{"template", {{"spec", {{"containers", {{{"image", "egressproof.invalid/none:1"}}}}}}}}}}};
  const auto taken = site.kubectl().run({"create", "--dry-run=server", "--output", "name", "--filename", "-"},
                                        service.dump(), seconds(30));
  if (!taken) return Awaited{true, "a Knative Service to be accepted (dry run): " + taken.error().message};
  std::vector<std::string> lines;
  for (const char* ns : {"istio-system", "knative-serving"}) {
    const auto pods = site.kubectl().get({"pods", "--namespace", ns});
    if (!pods) return tl::unexpected(pods.error());
    for (std::string& line : not_ready(*pods)) lines.push_back(std::move(line));
  }
  return Awaited{true, shortened(lines, 3)};
}

}  // namespace

Step istio_step(const Site& site) {
  return {"istio",
          site.settings().deadlines.istio,
          {"istio-system"},
          [&] { return istio_inputs(site); },
          [&] { return act_istio(site); },
          [&] { return await_workloads(site, "istio-system", {"istiod"}); }};
}

Step knative_step(const Site& site) {
  return {"knative",
          site.settings().deadlines.knative,
          {"knative-serving"},
          [&] { return knative_inputs(site); },
          [&] { return act_knative(site); },
          [&] { return await_knative(site); }};
}

Step ready_step(const Site& site) {
  return {"ready", site.settings().deadlines.ready, {"istio-system", "knative-serving"},
          nullptr, [] { return Result<void>(); },   [&] { return await_service(site); }};
}

}  // namespace egressproof::backend::cluster
