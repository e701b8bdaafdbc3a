#include "runner/backend/cluster/ingress_stand_in.h"

#include <ctime>

#include "runner/backend/cluster/readiness.h"

namespace egressproof::backend::cluster {
namespace {

constexpr const char* ingresses = "ingresses.networking.internal.knative.dev";

std::string rfc3339_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

long number_at(const Json& object, const char* path) {
  const Json& value = member(object, path);
  return value.is_number_integer() ? value.get<long>() : 0;
}

}  // namespace

Json ready_status(long generation, const std::string& now) {
  Json conditions = Json::array();
  for (const char* type : {"LoadBalancerReady", "NetworkConfigured", "Ready"})
    conditions.push_back({{"type", type}, {"status", "True"}, {"lastTransitionTime", now}});
  const Json balancer = {
      {"ingress", Json::array({{{"domainInternal", "knative-local-gateway.istio-system.svc.cluster.local"}}})}};
  return {{"status",
           {{"observedGeneration", generation},
            {"conditions", conditions},
            {"publicLoadBalancer", balancer},
            {"privateLoadBalancer", balancer}}}};
}

Result<std::vector<std::string>> mark_ingresses_ready(const Kubectl& kubectl) {
  const auto list = kubectl.get({ingresses, "--all-namespaces"});
  if (!list) return tl::unexpected(list.error());
  std::vector<std::string> marked;
  for (const Json& ingress : member(*list, "items")) {
    const long generation = number_at(ingress, "metadata/generation");
    if (number_at(ingress, "status/observedGeneration") == generation) continue;
    const std::string ns = text_of(ingress, "metadata/namespace"), name = text_of(ingress, "metadata/name");
    const auto patched = kubectl.run({"patch", ingresses, name, "--namespace", ns, "--subresource", "status", "--type",
                                      "merge", "--patch", ready_status(generation, rfc3339_now()).dump()});
    if (patched)
      marked.push_back(ns + "/" + name);
    else if (patched.error().message.find("NotFound") == std::string::npos)
      return tl::unexpected(patched.error());
  }
  return marked;
}

IngressStandIn::IngressStandIn(Kubectl kubectl, std::chrono::milliseconds every)
    : kubectl_(std::move(kubectl)), every_(every), thread_([this] { loop(); }) {}

IngressStandIn::~IngressStandIn() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::string IngressStandIn::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void IngressStandIn::loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    const auto marked = mark_ingresses_ready(kubectl_);
    lock.lock();
    problem_ = marked ? "" : marked.error().message;
    wake_.wait_for(lock, every_, [this] { return stop_; });
  }
}

}  // namespace egressproof::backend::cluster
