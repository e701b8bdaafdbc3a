#include <algorithm>
#include <exception>
#include <iostream>
#include <map>

#include "base/nearest.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/help.h"
#include "runner/cli/kind.h"
#include "runner/cli/settings_file.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {
namespace {

// The subcommand that was being parsed, the innermost one.
const CLI::App* parsed_app(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? &app : parsed_app(*chosen.front());
}

std::string hint(const std::string& word, const std::vector<std::string>& known) {
  const auto close = nearest(word, known);
  return close ? " (did you mean '" + *close + "'?)" : "";
}

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(one->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* one : app.get_options())
    for (const std::string& name : one->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string told(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = parsed_app(app);
  const std::vector<std::string> left = app.remaining(true);
  if (!left.empty()) {
    const std::string& word = left.front();
    if (word.rfind("-", 0) == 0) {
      const std::string option = word.substr(0, word.find('='));
      return "no option '" + option + "'" + hint(option, options_of(*at));
    }
    if (at->get_require_subcommand_min() > 0) return "no verb '" + word + "'" + hint(word, verbs_of(*at));
    return "unexpected word '" + word + "'";
  }
  if (at->get_require_subcommand_min() > 0) {
    std::string verbs;
    for (const std::string& verb : verbs_of(*at)) verbs += (verbs.empty() ? "" : ", ") + verb;
    return "a verb is needed: " + verbs;
  }
  return error.what();
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  CLI::App app("egressproof: what leaves a Knative workload on Istio, by policy and in fact");
  app.name("egressproof");
  app.set_help_flag("-h,--help", "Show this, or with a verb what it takes");
  app.set_help_all_flag("--help-all", "Show every option");
  app.set_version_flag("--version", versions_text, "Show all versions under test");
  const auto formatter = std::make_shared<HelpFormatter>();
  app.formatter(formatter);
  app.require_subcommand(1);
  const std::map<std::string, Verb> verbs = {{"init", add_init(app)},       {"run", add_run(app)},
                                             {"list", add_list(app)},       {"validate", add_validate(app)},
                                             {"explain", add_explain(app)}, {"repro", add_repro(app)},
                                             {"report", add_report(app)},   {"diff", add_diff(app)},
                                             {"lab", add_lab(app)},         {"kind", add_kind(app)},
                                             {"rights", add_rights(app)},   {"image", add_image(app)},
                                             {"version", add_version(app)}, {"completion", add_completion(app)},
                                             {"man", add_man(app)}};
  std::string settings;
  add_config_option(app, settings);
  shorten_run_help(*app.get_subcommand("run"));
  shorten_run_help(*app.get_subcommand("repro"));
  // Known to scripts, of a cluster alone, or told by --version: the list of verbs should fit a screen.
  for (const char* name : {"rights", "image", "version"}) app.get_subcommand(name)->group("");
  app.footer(
      "Examples:\n"
      "  egressproof run\n"
      "  egressproof explain spoof/host-spoof-other-ip\n"
      "  egressproof repro spoof/host-spoof-other-ip --profile P4");
  try {
    app.parse(argc, argv);
    if (auto applied = apply_settings(app, settings, environment()); !applied) return fail_with(applied.error());
    return verbs.at(app.get_subcommands().front()->get_name())();
  } catch (const CLI::CallForAllHelp&) {
    formatter->show_all();
    std::cout << squeezed(app.help());
    return run::exit_matched;
  } catch (const CLI::CallForHelp&) {
    std::cout << squeezed(app.help());
    return run::exit_matched;
  } catch (const CLI::Success& asked) {  // --version
    app.exit(asked);
    return run::exit_matched;
  } catch (const CLI::ParseError& error) {
    complain(told(app, error));
    std::cerr << "'egressproof" << (parsed_app(app) == &app ? "" : " " + parsed_app(app)->get_name())
              << " --help' shows what there is\n";
    return run::exit_usage;
  } catch (const std::exception& error) {
    complain(std::string("internal error: ") + error.what());
    return run::exit_internal;
  }
}

}  // namespace egressproof::cli
