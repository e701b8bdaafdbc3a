// Help that fits a screen.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace egressproof::cli {

// Leaves out the groups of which each concerns one backend alone, and those of only_in_full_help(), unless told to show
// all.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  void show_all() { all_ = true; }
  std::string make_group(std::string group, bool is_positional, std::vector<const CLI::Option*> opts) const override;
  std::string make_option_desc(const CLI::Option* option) const override;  // in lines that fit
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;

 private:
  bool all_ = false;
};

// Moves the options that few need out of the short help; those that the verb has not are left out.
void only_in_full_help(CLI::App& verb, const std::vector<std::string>& options);

// Of `run`, `repro` and whatever takes the same.
void shorten_run_help(CLI::App& verb);

// Name as on the command line, "--until-failure[=N]" where a value may be left out.
std::string shown_name(const CLI::Option& option);

// Without the formatter's double empty lines.
std::string squeezed(std::string text);

}  // namespace egressproof::cli
