#include "runner/cli/kind_verbs.h"

#include <algorithm>
#include <iomanip>
#include <iostream>

#include "runner/cli/exit_code.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/terminal.h"
#include "runner/cli/worlds.h"

namespace egressproof::cli {
namespace {

namespace cluster = backend::cluster;

int ended_by(const Error& error) {
  const int code = fail_with(error);
  return interrupted() == 0 ? code : run::exit_signal_base + interrupted();
}

void row(const std::string& name, bool there, const std::string& detail) {
  std::cout << "  " << std::left << std::setw(10) << name << std::setw(9) << (there ? "there" : "MISSING") << detail
            << '\n';
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

int kind_up(const KindOptions& options) {
  catch_interrupts();
  const auto site = kind_site(options);
  if (!site) return fail_with(site.error());
  const auto kubeconfig = bring_up_kind(*site, options.quiet);
  if (!kubeconfig) return ended_by(kubeconfig.error());
  std::cout << "cluster '" << site->options.settings.cluster.name << "' is up\n"
            << "look at it: export KUBECONFIG=" << kubeconfig->string() << '\n'
            << "end it: egressproof kind down --name " << site->options.settings.cluster.name << '\n';
  return run::exit_matched;
}

int kind_status(const KindOptions& options) {
  const auto settings = kind_settings(options);
  if (!settings) return fail_with(settings.error());
  const cluster::ToolSearch search{environment(), options.toolchain.empty() ? default_toolchain() : options.toolchain};
  const auto tools = cluster::look_for_tools(search);
  bool whole = true;
  std::cout << "programs\n";
  for (const cluster::Tool& tool : tools) {
    row(tool.name, !tool.path.empty(), tool.path.empty() ? tool.advice : tool.version + "  " + tool.path.string());
    whole = whole && !tool.path.empty();
  }
  const auto usable = cluster::Tools::from(search, tools);
  if (!usable) return run::exit_environment;
  const auto engine = cluster::ask_engine(*usable);
  row("engine", engine.has_value(),
      engine ? engine->version + "  cgroup v" + std::to_string(engine->cgroup) + "  " +
                   std::to_string(engine->memory >> 20U) + " MiB"
             : first_line(engine.error().message));
  if (!engine) return run::exit_environment;
  if (const auto problem = cluster::engine_problem(*engine, settings->cluster.kind_config)) {
    row("node", false, *problem);
    whole = false;
  }
  cluster::ProvisionOptions how;
  how.settings = *settings;
  how.state_folder = cluster::default_state_folder(search.environment, settings->cluster.name);
  const auto steps = cluster::provision_status(how, *usable);
  if (!steps) return fail_with(steps.error());
  std::cout << "cluster '" << settings->cluster.name << "' (" << how.state_folder.string() << ")\n";
  for (const cluster::StepStatus& step : *steps) {
    row(step.step, step.ready, first_line(step.detail));
    whole = whole && step.ready;
  }
  if (!whole) std::cout << "'egressproof kind up' makes what is missing\n";
  return whole ? run::exit_matched : run::exit_environment;
}

int kind_down(const KindOptions& options) {
  catch_interrupts();
  const auto site = kind_site(options);
  if (!site) return fail_with(site.error());
  const auto done = cluster::take_down(site->options, site->tools, options.force);
  if (!done) return ended_by(done.error());
  std::cout << "cluster '" << site->options.settings.cluster.name << "' " << (*done ? "is deleted" : "was not there")
            << '\n';
  return run::exit_matched;
}

int kind_diagnose(const KindOptions& options) {
  catch_interrupts();
  const auto site = kind_site(options);
  if (!site) return fail_with(site.error());
  const std::filesystem::path folder =
      options.out.empty() ? site->options.state_folder / "diagnostics" : std::filesystem::path(options.out);
  const auto files = write_kind_bundle(*site, folder);
  if (!files) return ended_by(files.error());
  if (*files == 0) return fail_with({ErrorKind::environment, "there is no cluster to tell of", {}});
  std::cout << *files << " files in " << folder.string() << '\n';
  return run::exit_matched;
}

}  // namespace egressproof::cli
