#include "runner/cli/help.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "runner/report/printable.h"

namespace egressproof::cli {
namespace {

constexpr const char* more_group = "More";
constexpr std::size_t description_width = 84;  // with the names 118 columns
constexpr std::array<std::string_view, 3> full_only = {"Cluster", "Kind", more_group};

}  // namespace

HelpFormatter::HelpFormatter() { column_width(34); }

std::string HelpFormatter::make_group(std::string group, bool is_positional,
                                      std::vector<const CLI::Option*> opts) const {
  if (!all_ && std::find(full_only.begin(), full_only.end(), group) != full_only.end()) return "";
  return CLI::Formatter::make_group(std::move(group), is_positional, std::move(opts));
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  std::string text;
  for (const std::string& line : report::wrapped(CLI::Formatter::make_option_desc(option), description_width))
    text += (text.empty() ? "" : "\n") + line;
  return text;
}

std::string HelpFormatter::make_option_name(const CLI::Option* option, bool is_positional) const {
  return is_positional ? CLI::Formatter::make_option_name(option, is_positional) : shown_name(*option);
}

void only_in_full_help(CLI::App& verb, const std::vector<std::string>& options) {
  for (const std::string& name : options)
    if (CLI::Option* option = verb.get_option_no_throw(name); option != nullptr) option->group(more_group);
}

void shorten_run_help(CLI::App& verb) {
  only_in_full_help(verb, {"--scenario", "--ndjson", "--text", "--openmetrics", "--sarif", "--fake", "--toolchain",
                           "--in-force-within", "--deadline", "--colour", "--default-namespace", "--seed", "--markdown",
                           "--verbose", "--keep", "--config", "--pods-at-once"});
}

std::string shown_name(const CLI::Option& option) {
  std::string name = option.get_name(false, true);
  if (const std::size_t brace = name.find("{0}"); brace != std::string::npos) name.replace(brace, 3, "[=N]");
  return name;
}

std::string squeezed(std::string text) {
  for (std::size_t at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at)) text.erase(at, 1);
  return text;
}

}  // namespace egressproof::cli
