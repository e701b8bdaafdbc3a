#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "base/files.h"
#include "runner/backend/cluster/rights.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {
namespace {

namespace cluster = backend::cluster;
using cluster::Right;
using cluster::Weight;

struct RightsOptions {
  std::vector<std::string> tenants;
  std::string kubectl = "kubectl", kubeconfig, context, json;
  bool all = false;
};

Result<cluster::Tenant> tenant_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  cluster::Tenant tenant;
  tenant.ns = text.substr(0, slash);
  if (slash != std::string::npos) tenant.account = text.substr(slash + 1);
  if (tenant.ns.empty() || tenant.account.empty() || tenant.account.find('/') != std::string::npos)
    return fail(ErrorKind::usage, "'" + text + "' is not NAMESPACE or NAMESPACE/SERVICE-ACCOUNT");
  return tenant;
}

Json json_of(const std::vector<Right>& rights) {
  Json list = Json::array();
  for (const Right& right : rights)
    list.push_back({{"namespace", right.tenant.ns},
                    {"service_account", right.tenant.account},
                    {"question", cluster::name_of(right.question)},
                    {"weight", right.question.weight == Weight::undoes ? "undoes" : "evades"},
                    {"effect", right.question.effect},
                    {"allowed", right.allowed},
                    {"reason", right.reason}});
  return {{"schema", "egressproof.rights/v1"}, {"rights", list}};
}

void show(const std::vector<Right>& rights, bool all) {
  std::string tenant;
  for (const Right& right : rights) {
    const std::string whose = right.tenant.ns + "/" + right.tenant.account;
    if (whose != tenant) {
      tenant = whose;
      const auto may = [&](Weight weight) {
        return std::count_if(rights.begin(), rights.end(), [&](const Right& one) {
          return one.allowed && one.question.weight == weight && one.tenant.ns + "/" + one.tenant.account == whose;
        });
      };
      const auto undoes = may(Weight::undoes), evades = may(Weight::evades);
      fmt::print("{}: {}\n", whose,
                 undoes > 0   ? fmt::format("MAY UNDO the policy in {} ways", undoes)
                 : evades > 0 ? "may not undo the policy, but writes pods: only admission keeps them captured"
                              : "may neither undo the policy nor write pods");
    }
    if (!right.allowed && !all) continue;
    fmt::print("  {:<8}  {:<52}  {}\n",
               !right.allowed                            ? "no"
               : right.question.weight == Weight::undoes ? "MAY"
                                                         : "may",
               cluster::name_of(right.question), right.question.effect);
  }
}

int ask(const RightsOptions& options) {
  const cluster::Kubectl kubectl(options.kubectl, options.kubeconfig, options.context);
  std::vector<Right> rights;
  for (const std::string& text : options.tenants) {
    const auto tenant = tenant_of(text);
    if (!tenant) return fail_with(tenant.error());
    const auto some = cluster::ask_rights(kubectl, *tenant);
    if (!some) return fail_with(some.error());
    rights.insert(rights.end(), some->begin(), some->end());
  }
  if (!options.json.empty())
    if (auto written = write_file_atomically(options.json, json_of(rights).dump(1) + "\n"); !written)
      return fail_with(written.error());
  show(rights, options.all);
  const bool undone = std::any_of(rights.begin(), rights.end(), [](const Right& right) {
    return right.allowed && right.question.weight == Weight::undoes;
  });
  return undone ? run::exit_mismatch : run::exit_matched;
}

}  // namespace

Verb add_rights(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("rights", "Ask a cluster whether tenants may undo their policies");
  auto options = std::make_shared<RightsOptions>();
  verb->add_option("tenants", options->tenants, "NAMESPACE or NAMESPACE/SERVICE-ACCOUNT (default: default)")
      ->type_name("TENANT")
      ->required();
  verb->add_option("--kubectl", options->kubectl, "the program")->type_name("FILE")->capture_default_str();
  verb->add_option("--kubeconfig", options->kubeconfig, "default: kubectl's own choice")->type_name("FILE");
  verb->add_option("--context", options->context, "default: the current one")->type_name("NAME");
  verb->add_option("--json", options->json, "answers as JSON")->type_name("FILE");
  verb->add_flag("--all", options->all, "show what they may not, too");
  verb->footer(
      "Asked as the service account (SelfSubjectAccessReview), nothing is tried. Exit code 1: one of them may undo "
      "it.\n"
      "Examples:\n"
      "  egressproof rights payments\n"
      "  egressproof rights payments/checkout orders --all\n"
      "  egressproof rights payments --context staging --json rights.json");
  return [options] { return ask(*options); };
}

}  // namespace egressproof::cli
