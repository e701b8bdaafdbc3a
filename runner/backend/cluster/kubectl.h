// kubectl as the way to the API server: the user's own kubeconfig, plugins and proxies hold without a word from us.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/process/child.h"

namespace egressproof::backend::cluster {

// Of everything that server-side apply writes; who owns which field can be asked of the API.
inline constexpr const char* field_manager = "egressproof";

class Kubectl {
 public:
  // `kubeconfig` and `context`: empty for kubectl's own choice (KUBECONFIG, current-context).
  Kubectl(std::filesystem::path program, std::filesystem::path kubeconfig, std::string context)
      : program_(std::move(program)), kubeconfig_(std::move(kubeconfig)), context_(std::move(context)) {}

  // "kubectl --kubeconfig ... --context ... ARGS", with the environment that it needs; for long-lived ones too.
  [[nodiscard]] process::Command command(const std::vector<std::string>& args) const;
  // Standard output of one that ends with exit code 0. Errors: kind environment, with kubectl's own words.
  [[nodiscard]] Result<std::string> run(const std::vector<std::string>& args, std::string_view input = {},
                                        std::chrono::milliseconds limit = std::chrono::seconds(60)) const;
  // `kubectl get ARGS --output json`.
  [[nodiscard]] Result<Json> get(const std::vector<std::string>& args) const;
  // Server-side apply of all objects in one call, in order, fields owned by `field_manager`, conflicts won. Returns
  // them as the API server has them now.
  [[nodiscard]] Result<std::vector<Json>> apply(const std::vector<Json>& objects) const;
  // Those that are there; waits until they are gone if told so.
  [[nodiscard]] Result<void> remove(const std::vector<Json>& objects, bool wait) const;

 private:
  std::filesystem::path program_, kubeconfig_;
  std::string context_;
};

// {"kind": "List"} of the objects.
Json list_of(const std::vector<Json>& objects);

}  // namespace egressproof::backend::cluster
