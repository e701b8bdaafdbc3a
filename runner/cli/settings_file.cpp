#include "runner/cli/settings_file.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

#include "base/files.h"
#include "runner/scenario/loader.h"
#include "runner/scenario/reader.h"

namespace egressproof::cli {
namespace {

using scenario::Entry;
using scenario::Node;
using scenario::Problems;

struct Value {
  std::vector<std::string> texts;
  Location at;
};
using Values = std::map<const CLI::Option*, Value>;

std::vector<CLI::App*> verbs_of(const CLI::App& app) {
  return const_cast<CLI::App&>(app).get_subcommands([](CLI::App*) { return true; });
}

CLI::App& parsed_leaf(CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : parsed_leaf(*chosen.front());
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool takes_many(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

// All options that the section of `app` may set: its own, and those of the verbs below it.
void collect(const CLI::App& app, std::multimap<std::string, const CLI::Option*>& options) {
  for (const CLI::Option* option : app.get_options())
    if (const std::string key = settings_key(*option); !key.empty()) options.emplace(key, option);
  for (const CLI::App* verb : verbs_of(app)) collect(*verb, options);
}

std::vector<std::string> texts_of(Problems& problems, const Node& node, const std::string& what) {
  if (node.kind == Node::Kind::scalar) return {node.text};
  std::vector<std::string> texts;
  if (node.kind != Node::Kind::sequence) {
    problems.add(node.at, what + " must be a value or a list of values, not a map");
    return texts;
  }
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::scalar)
      texts.push_back(item.text);
    else
      problems.add(item.at, "each item of " + what + " must be a value");
  }
  return texts;
}

class SettingsReader {
 public:
  SettingsReader(Problems& problems, const CLI::App& leaf) : problems_(problems), leaf_(leaf) {}

  void read(const Node& node, const CLI::App& app, const std::string& what) {
    std::multimap<std::string, const CLI::Option*> options;
    collect(app, options);
    const auto entries = scenario::read_entries(problems_, node, what);
    std::vector<std::pair<const Entry*, const CLI::App*>> sections;
    for (const Entry* entry : entries) {
      const std::string& key = entry->key.text;
      const CLI::App* verb = verb_named(app, key);
      if (verb != nullptr && entry->value.kind == Node::Kind::map)
        sections.emplace_back(entry, verb);
      else if (options.count(key) != 0)
        take(*entry, options);
      else
        problems_.add(entry->key.at, "unknown key '" + key + "'", scenario::did_you_mean(key, known(app, options)));
    }
    // Later, so that they go before what holds for all verbs.
    for (const auto& [entry, verb] : sections) read(entry->value, *verb, "'" + entry->key.text + "'");
  }

  Values values;

 private:
  static const CLI::App* verb_named(const CLI::App& app, const std::string& name) {
    for (const CLI::App* verb : verbs_of(app))
      if (verb->get_name() == name) return verb;
    return nullptr;
  }

  static std::vector<std::string> known(const CLI::App& app,
                                        const std::multimap<std::string, const CLI::Option*>& options) {
    std::vector<std::string> keys;
    for (const auto& [key, option] : options) keys.push_back(key);
    for (const CLI::App* verb : verbs_of(app)) keys.push_back(verb->get_name());
    return keys;
  }

  void take(const Entry& entry, const std::multimap<std::string, const CLI::Option*>& options) {
    const std::string what = "'" + entry.key.text + "'";
    const Value value{texts_of(problems_, entry.value, what), entry.value.at};
    const auto [begin, end] = options.equal_range(entry.key.text);
    const CLI::Option& first = *begin->second;
    if (is_flag(first) && (value.texts.size() != 1 || (value.texts[0] != "true" && value.texts[0] != "false")) &&
        first.get_name(false, true).find('{') == std::string::npos)
      return problems_.add(entry.value.at, what + " must be true or false");
    if (!takes_many(first) && value.texts.size() != 1)
      return problems_.add(entry.value.at, what + " must be one value");
    for (auto option = begin; option != end; ++option)
      if (leaf_.get_option_no_throw(option->second->get_name()) == option->second) values[option->second] = value;
  }

  Problems& problems_;
  const CLI::App& leaf_;
};

Result<Values> values_of_file(const std::string& file, const CLI::App& root, const CLI::App& leaf) {
  auto text = read_file(file);
  if (!text) return fail(ErrorKind::usage, text.error().message);
  const scenario::ParsedYaml yaml = scenario::parse_yaml(file, std::move(*text));
  Problems problems;
  for (const Diagnostic& problem : yaml.problems) problems.add(problem);
  SettingsReader reader(problems, leaf);
  if (yaml.problems.empty())
    for (const scenario::Document& document : yaml.documents)
      if (document.root.kind != Node::Kind::null) reader.read(document.root, root, "the settings file");
  const auto all = problems.take();
  if (all.empty()) return reader.values;
  for (const Diagnostic& problem : all) std::cerr << scenario::render(problem) << '\n';
  return fail(ErrorKind::usage,
              std::to_string(all.size()) + (all.size() == 1 ? " error" : " errors") + " in '" + file + "'");
}

Result<void> put(CLI::Option& option, const std::vector<std::string>& texts, const std::string& where) {
  if (is_flag(option) && texts == std::vector<std::string>{"false"}) return {};
  try {
    for (const std::string& text : texts) option.add_result(text);
    option.run_callback();
  } catch (const CLI::Error& error) {
    return fail(ErrorKind::usage, where + ": " + error.what());
  }
  return {};
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

void add_config_option(CLI::App& root, std::string& file) {
  for (CLI::App* verb : verbs_of(root)) {
    if (!verbs_of(*verb).empty()) {
      add_config_option(*verb, file);
      continue;
    }
    if (verb->get_option_no_throw("--config") == nullptr)
      verb->add_option("--config", file, "settings; default: egressproof.yaml here, if there is one")
          ->type_name("FILE");
  }
}

std::string settings_key(const CLI::Option& option) {
  if (option.get_lnames().empty()) return option.get_name() == "PATHS" ? "paths" : "";
  const std::string& name = option.get_lnames().front();
  const bool about_itself = name == "help" || name == "help-all" || name == "version" || name == "config";
  return about_itself ? "" : name;
}

std::string settings_variable(const CLI::Option& option) {
  std::string name = settings_key(option);
  // These have a meaning of their own in the environment, in the folders where they are read.
  if (name.empty() || name == "paths" || name == "toolchain" || name.rfind("kind-", 0) == 0) return "";
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "EGRESSPROOF_" + name;
}

Result<void> apply_settings(CLI::App& root, const std::string& given,
                            const std::map<std::string, std::string>& environment) {
  const auto variable = [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  CLI::App& leaf = parsed_leaf(root);
  std::string file = given.empty() ? variable("EGRESSPROOF_CONFIG") : given;
  std::error_code code;
  if (file.empty() && std::filesystem::exists(default_settings_file, code)) file = default_settings_file;
  Values values;
  if (!file.empty()) {
    auto read = values_of_file(file, root, leaf);
    if (!read) return tl::unexpected(read.error());
    values = std::move(*read);
  }
  for (CLI::Option* option : leaf.get_options()) {
    if (option->count() > 0 || settings_key(*option).empty()) continue;
    const std::string name = settings_variable(*option);
    if (const std::string text = name.empty() ? "" : variable(name); !text.empty()) {
      const auto texts = takes_many(*option) ? split(text) : std::vector<std::string>{text};
      if (auto done = put(*option, texts, name); !done) return done;
      continue;
    }
    const bool toolchain_of_environment =
        settings_key(*option) == "toolchain" && !variable("EGRESSPROOF_TOOLCHAIN").empty();
    const auto found = values.find(option);
    if (found == values.end() || toolchain_of_environment) continue;
    if (auto done = put(*option, found->second.texts, to_string(found->second.at)); !done) return done;
  }
  return {};
}

}  // namespace egressproof::cli
