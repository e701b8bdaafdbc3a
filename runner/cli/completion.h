// Completion scripts, made of the parser's own syntax. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/cli/syntax.h"

namespace egressproof::cli {

// What the scripts call to learn the names of the suite at hand: "egressproof completion --words profiles".
inline constexpr const char* words_command = "egressproof completion --words ";

std::string bash_completion(const std::vector<SyntaxVerb>& verbs);
std::string zsh_completion(const std::vector<SyntaxVerb>& verbs);
std::string fish_completion(const std::vector<SyntaxVerb>& verbs);

}  // namespace egressproof::cli
