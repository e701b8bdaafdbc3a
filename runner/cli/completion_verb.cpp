// `completion` and `man`: what is made of the parser itself.
#include <iostream>
#include <memory>

#include "runner/cli/completion.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/man_page.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {
namespace {

struct CompletionOptions {
  std::string shell, words;
};

int write_words(const std::string& which) {
  const auto suite = load_suite({});
  if (!suite) return fail_with(suite.error());
  if (which == "profiles")
    for (const scenario::Profile& profile : suite->profiles) std::cout << profile.name << '\n';
  else
    for (const scenario::Scenario& scenario : suite->scenarios)
      for (const scenario::Case& one : scenario.cases) std::cout << scenario.name << '/' << one.id << '\n';
  return run::exit_matched;
}

int write_completion(const CLI::App& root, const CompletionOptions& options) {
  if (!options.words.empty()) return write_words(options.words);
  if (options.shell.empty()) return fail_with({ErrorKind::usage, "a shell is needed: bash, zsh or fish", {}});
  const auto verbs = syntax_of(root);
  std::cout << (options.shell == "bash"  ? bash_completion(verbs)
                : options.shell == "zsh" ? zsh_completion(verbs)
                                         : fish_completion(verbs));
  return run::exit_matched;
}

}  // namespace

Verb add_completion(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("completion", "Write a completion script for bash, zsh or fish");
  verb->group("");
  auto options = std::make_shared<CompletionOptions>();
  verb->add_option("SHELL", options->shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("bash|zsh|fish");
  verb->add_option("--words", options->words, "for the scripts: the names in the suite at hand")
      ->check(CLI::IsMember({"cases", "profiles"}).description(""))
      ->type_name("cases|profiles");
  verb->footer(
      "Examples:\n"
      "  egressproof completion bash > /etc/bash_completion.d/egressproof\n"
      "  egressproof completion zsh > /usr/local/share/zsh/site-functions/_egressproof\n"
      "  egressproof completion fish > ~/.config/fish/completions/egressproof.fish");
  return [options, &app] { return write_completion(app, *options); };
}

Verb add_man(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("man", "Write the man page");
  verb->group("");
  verb->footer(
      "Examples:\n"
      "  egressproof man > egressproof.1\n"
      "  egressproof man | man -l -\n"
      "  egressproof man | gzip > /usr/local/share/man/man1/egressproof.1.gz");
  return [&app] {
    std::cout << man_page(syntax_of(app), EGRESSPROOF_VERSION);
    return static_cast<int>(run::exit_matched);
  };
}

}  // namespace egressproof::cli
