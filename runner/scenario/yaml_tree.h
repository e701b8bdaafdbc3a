// YAML text to a tree in which everything knows its place. Nothing is interpreted: scalars stay text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/location.h"

namespace egressproof::scenario {

struct Entry;

struct Node {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string text;            // of a scalar, unquoted
  bool plain = false;          // scalar without quotes, which other readers may take for a boolean or a number
  bool flow = false;           // map in braces
  std::string tag;             // written tag; empty: none
  std::size_t offset = 0;      // of its first byte in the parsed text
  Location at;                 // columns count characters, not bytes
  std::vector<Node> items;     // of a sequence
  std::vector<Entry> entries;  // of a map, as written: duplicates are still there
};

struct Entry {
  Node key;
  Node value;
};

// nullptr: not a map, or no such key; the first of duplicates.
const Node* find(const Node& map, std::string_view key);

struct Document {
  Node root;
  std::size_t begin = 0;  // its text is [begin, end) of the parsed text, without "---" if that stands alone
  std::size_t end = 0;
};

struct ParsedYaml {
  std::string text;  // without byte order mark; offsets count in it
  std::vector<Document> documents;
  std::vector<Diagnostic> problems;  // syntax; with any of them `documents` may lack some
};

// Anchors and aliases are resolved: an alias is a copy of its anchor's node, place included. Never throws.
ParsedYaml parse_yaml(const std::string& file, std::string text);

}  // namespace egressproof::scenario
