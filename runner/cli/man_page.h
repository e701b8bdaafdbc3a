// The man page, made of the parser's own syntax. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/cli/syntax.h"

namespace egressproof::cli {

// In roff, with the macros of man(7), section 1.
std::string man_page(const std::vector<SyntaxVerb>& verbs, const std::string& version);

}  // namespace egressproof::cli
