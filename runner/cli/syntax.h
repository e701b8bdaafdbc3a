// The command line's syntax as data, read from the parser itself: for completion scripts and the man page. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace egressproof::cli {

enum class Takes { nothing, file, folder, choice, profile, case_name, other };

struct SyntaxOption {
  std::vector<std::string> names;  // "-q", "--quiet"; empty: a positional
  std::string type, help, group, fallback;
  std::string positional;  // "PATHS"
  Takes takes = Takes::nothing;
  std::vector<std::string> choices;
};

struct SyntaxVerb {
  std::vector<std::string> path;  // {"lab", "up"}; empty: the program itself
  std::string help, footer;
  bool hidden = false;  // from the short list of verbs
  std::vector<SyntaxOption> options;
  std::vector<std::string> verbs;  // names of those below
};

// The program first, each verb before those below it.
std::vector<SyntaxVerb> syntax_of(const CLI::App& root);

// Words separated by `between`.
std::string joined_words(const std::vector<std::string>& words, const std::string& between);

}  // namespace egressproof::cli
