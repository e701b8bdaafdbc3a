#include "runner/backend/cluster/kubectl.h"

#include <cstdlib>

namespace egressproof::backend::cluster {
namespace {

// What kubectl and credential plugins read; nothing else of the caller's environment reaches them.
constexpr const char* passed_on[] = {"HOME",
                                     "KUBECONFIG",
                                     "HTTPS_PROXY",
                                     "HTTP_PROXY",
                                     "NO_PROXY",
                                     "https_proxy",
                                     "http_proxy",
                                     "no_proxy",
                                     "USER",
                                     "LANG",
                                     "XDG_CACHE_HOME",
                                     "AWS_PROFILE",
                                     "AWS_REGION",
                                     "KUBERNETES_SERVICE_HOST",
                                     "KUBERNETES_SERVICE_PORT",
                                     "GOOGLE_APPLICATION_CREDENTIALS"};

}  // namespace

Json list_of(const std::vector<Json>& objects) { return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}}; }

process::Command Kubectl::command(const std::vector<std::string>& args) const {
  process::Command command;
  command.argv = {program_.string()};
  if (!kubeconfig_.empty()) command.argv.insert(command.argv.end(), {"--kubeconfig", kubeconfig_.string()});
  if (!context_.empty()) command.argv.insert(command.argv.end(), {"--context", context_});
  command.argv.insert(command.argv.end(), args.begin(), args.end());
  for (const char* name : passed_on)
    if (const char* value = std::getenv(name)) command.env[name] = value;
  return command;
}

Result<std::string> Kubectl::run(const std::vector<std::string>& args, std::string_view input,
                                 std::chrono::milliseconds limit) const {
  return process::run_checked(command(args), limit, input);
}

Result<Json> Kubectl::get(const std::vector<std::string>& args) const {
  std::vector<std::string> all{"get"};
  all.insert(all.end(), args.begin(), args.end());
  all.insert(all.end(), {"--output", "json"});
  const auto told = run(all);
  if (!told) return tl::unexpected(told.error());
  Json json = Json::parse(*told, nullptr, false);
  if (json.is_discarded()) return fail(ErrorKind::environment, "kubectl get " + args.front() + " did not tell JSON");
  return json;
}

Result<std::vector<Json>> Kubectl::apply(const std::vector<Json>& objects) const {
  if (objects.empty()) return std::vector<Json>{};
  const auto told = run({"apply", "--server-side", "--force-conflicts", "--field-manager", field_manager, "--output",
                         "json", "--filename", "-"},
                        list_of(objects).dump(), std::chrono::seconds(120));
  if (!told) return tl::unexpected(told.error());
  const Json json = Json::parse(*told, nullptr, false);
  if (!json.is_object()) return fail(ErrorKind::environment, "kubectl apply did not tell JSON");
  if (!json.contains("items")) return std::vector<Json>{json};
  return json.at("items").get<std::vector<Json>>();
}

Result<void> Kubectl::remove(const std::vector<Json>& objects, bool wait) const {
  if (objects.empty()) return {};
  const auto done = run({"delete", "--ignore-not-found", wait ? "--wait=true" : "--wait=false", "--filename", "-"},
                        list_of(objects).dump(), std::chrono::seconds(180));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace egressproof::backend::cluster
