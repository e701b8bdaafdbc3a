#include "runner/cli/syntax.h"

#include <algorithm>

#include "runner/cli/help.h"

namespace egressproof::cli {
namespace {

Takes takes_of(const SyntaxOption& option, const CLI::Option& from) {
  if (from.get_items_expected_max() == 0) return Takes::nothing;
  if (!option.choices.empty()) return Takes::choice;
  const bool named = !option.names.empty();
  if (option.type == "DIR") return Takes::folder;
  if (option.type.rfind("FILE", 0) == 0 || option.positional == "PATHS" || option.positional == "A" ||
      option.positional == "B" || option.positional == "INPUT")
    return Takes::file;
  if (named && option.names.back() == "--profile") return Takes::profile;
  if ((named && option.type == "GLOB") || option.positional == "CASE") return Takes::case_name;
  return Takes::other;
}

std::vector<std::string> choices_in(const std::string& type) {
  std::vector<std::string> choices;
  if (type.find('|') == std::string::npos) return choices;
  for (std::size_t begin = 0; begin <= type.size();) {
    const std::size_t end = std::min(type.find('|', begin), type.size());
    choices.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return choices;
}

SyntaxOption option_of(const CLI::Option& from) {
  SyntaxOption option;
  for (const std::string& name : from.get_snames()) option.names.push_back("-" + name);
  for (const std::string& name : from.get_lnames()) option.names.push_back("--" + name);
  option.help = from.get_description();
  option.group = from.get_group();
  option.fallback = from.get_default_str();
  option.type = from.get_type_name();
  if (option.names.empty()) option.positional = from.get_name();
  option.choices = choices_in(option.type);
  option.takes = takes_of(option, from);
  return option;
}

void add(std::vector<SyntaxVerb>& verbs, const CLI::App& app, std::vector<std::string> path) {
  SyntaxVerb verb;
  verb.path = path;
  verb.help = app.get_description();
  verb.footer = app.get_footer();
  verb.hidden = !path.empty() && app.get_group().empty();
  for (const CLI::Option* option : app.get_options()) verb.options.push_back(option_of(*option));
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* one : below) verb.verbs.push_back(one->get_name());
  verbs.push_back(std::move(verb));
  for (const CLI::App* one : below) {
    path.push_back(one->get_name());
    add(verbs, *one, path);
    path.pop_back();
  }
}

}  // namespace

std::vector<SyntaxVerb> syntax_of(const CLI::App& root) {
  std::vector<SyntaxVerb> verbs;
  add(verbs, root, {});
  return verbs;
}

std::string joined_words(const std::vector<std::string>& words, const std::string& between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

}  // namespace egressproof::cli
