// Settings before they are typed: trees of nodes that know their places, laid over one another.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "runner/scenario/reader.h"

namespace egressproof::backend::cluster {

// Maps key by key, everything else as a whole; each node keeps the place that it came from.
void lay_over(scenario::Node& below, const scenario::Node& above);

// A tree that has `value` at "a.b.c". Text in [ ] or { } is YAML, anything else one scalar; `quoted`: it is text even
// if it looks like a number. `origin` stands for the file: "--set a.b.c".
scenario::Node assignment(scenario::Problems& problems, const std::string& origin, const std::vector<std::string>& path,
                          const std::string& value, bool quoted);

// Scalars as YAML 1.2's core schema reads them.
Json json_of(const scenario::Node& node);

// "a.b.c" to its parts.
std::vector<std::string> split_path(const std::string& path);

}  // namespace egressproof::backend::cluster
