#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "runner/cli/exit_code.h"
#include "runner/cli/kind.h"
#include "runner/cli/verbs.h"
#include "runner/cli/worlds.h"
#include "runner/process/child.h"

namespace egressproof::cli {
namespace {

constexpr std::chrono::milliseconds answer_limit{10000};

// What a program says of its own version, in one line.
std::string version_told(const std::vector<std::string>& argv) {
  process::Command command;
  command.argv = argv;
  auto said = process::run_checked(command, answer_limit);
  if (!said) return "not there";
  std::string text = std::move(*said);
  text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
  const std::size_t label = text.find("version: ");
  return label == std::string::npos ? text : text.substr(label + 9);
}

}  // namespace

std::string versions_text() {
  std::ostringstream text;
  const std::filesystem::path toolchain = default_toolchain();
  text << "egressproof " << EGRESSPROOF_VERSION << "\ntoolchain " << toolchain.string() << '\n'
       << "lab: istio " << version_told({(toolchain / "pilot-agent").string(), "version", "--short"})
       << " (pinned: " << EGRESSPROOF_ISTIO_VERSION << ")\n"
       << "lab: envoy " << version_told({(toolchain / "envoy").string(), "--version"}) << '\n'
       << "lab: iptables " << version_told({"iptables", "--version"}) << '\n';
  utsname system{};
  if (::uname(&system) == 0) text << "lab: kernel " << system.release << '\n';
  if (const auto settings = kind_settings({})) {
    text << "kind: istio " << settings->istio.tag << '\n';
    for (const std::string& manifest : settings->knative.serving) text << "kind: knative " << manifest << '\n';
  }
  std::string all = text.str();
  all.pop_back();
  return all;
}

Verb add_version(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("version", "Show the version and all versions under test");
  verb->footer(
      "Examples:\n"
      "  egressproof version\n"
      "  egressproof --version\n"
      "  egressproof version | grep lab:");
  return [] {
    std::cout << versions_text() << '\n';
    return static_cast<int>(run::exit_matched);
  };
}

}  // namespace egressproof::cli
