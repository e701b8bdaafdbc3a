#include "runner/backend/cluster/cluster.h"
#include "runner/backend/cluster/kubectl.h"
#include "runner/backend/cluster/network_check.h"
#include "runner/backend/cluster/world.h"

namespace egressproof::backend::cluster {
namespace {

class ClusterBackend : public Backend {
 public:
  explicit ClusterBackend(WorldSettings settings) : settings_(std::move(settings)) {}

  std::string name() const override { return settings_.name; }

  Result<plan::Capabilities> detect() override {
    const Kubectl kubectl(settings_.kubectl, settings_.kubeconfig, settings_.context);
    const auto resources = kubectl.run({"api-resources", "--output", "name", "--cached=false"});
    if (!resources) {
      Error error = resources.error();
      error.context.emplace_back("while asking the cluster what it knows");
      return tl::unexpected(error);
    }
    const auto knows = [&](const std::string& name) {
      return ("\n" + *resources).find("\n" + name + "\n") != std::string::npos;
    };
    if (!knows("serviceentries.networking.istio.io"))
      return fail(ErrorKind::environment, "the cluster has no Istio (no serviceentries.networking.istio.io)");
    plan::Capabilities capabilities{name(), {"kubernetes", "pod-template", "host-network", "workloads"}};
    if (knows("services.serving.knative.dev"))
      capabilities.features.insert("knative");
    else if (settings_.workload == Workload::knative)
      return fail(
          ErrorKind::environment,
          "the cluster has no Knative Serving (no services.serving.knative.dev); install it, or run the probes in "
          "plain Deployments with --workload deployment");
    check_scale_from_zero(kubectl, capabilities);
    if (auto checked = check_network_policy(capabilities); !checked) return tl::unexpected(checked.error());
    return capabilities;
  }

  Result<std::unique_ptr<World>> open(const Blueprint& blueprint, const Progress& progress) override {
    return ClusterWorld::open(settings_, blueprint, progress);
  }

 private:
  void check_scale_from_zero(const Kubectl& kubectl, plan::Capabilities& capabilities) const {
    if (settings_.workload != Workload::knative) {
      capabilities.why_not["scale-from-zero"] = "the probes run in Deployments";
      return;
    }
    const auto told = kubectl.get({"configmap", "config-autoscaler", "--namespace", knative_namespace});
    const std::string allowed =
        told ? told->value("data", Json::object()).value("allow-zero-initial-scale", "false") : "false";
    if (allowed == "true")
      capabilities.features.insert("scale-from-zero");
    else
      capabilities.why_not["scale-from-zero"] = "Knative's config-autoscaler has no allow-zero-initial-scale: \"true\"";
  }

  Result<void> check_network_policy(plan::Capabilities& capabilities) const {
    if (!settings_.check_network_policy) return {};
    const auto enforced = enforces_network_policy(settings_);
    if (!enforced) return tl::unexpected(enforced.error());
    // Even where it is enforced nobody tells of one connection that it was dropped, and without a witness of who denied
    // no denial is proven.
    capabilities.why_not["network-policy"] =
        *enforced ? "this cluster enforces NetworkPolicy, but its network plugin leaves no record of what it drops"
                  : "a NetworkPolicy that denies all egress did not block: this cluster's network plugin does not "
                    "enforce NetworkPolicy";
    return {};
  }

  WorldSettings settings_;
};

}  // namespace

std::unique_ptr<Backend> make(const WorldSettings& settings) { return std::make_unique<ClusterBackend>(settings); }

}  // namespace egressproof::backend::cluster
