// Strict, typed reading of nodes: every key known, every value of its type, all problems collected.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/location.h"
#include "probe/attempt.h"
#include "runner/scenario/yaml_tree.h"

namespace egressproof::scenario {

// Collects; the same problem at the same place is told once.
class Problems {
 public:
  void add(const Location& at, std::string message, std::string hint = "");
  void add(Diagnostic diagnostic);
  [[nodiscard]] std::size_t count() const { return all_.size(); }
  std::vector<Diagnostic> take() { return std::move(all_); }

  // While it lives, problems are told as "in case 'x' (file:line:column)". The innermost one counts.
  class Context {
   public:
    Context(Problems& problems, const std::string& what, const Location& at);
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { problems_.context_ = std::move(outer_); }

   private:
    Problems& problems_;
    std::string outer_;
  };

 private:
  std::vector<Diagnostic> all_;
  std::string context_;
};

// "did you mean 'x'?", or "".
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

// "'a', 'b' or 'c'".
std::string one_of(const std::vector<std::string>& names);

// Each reads one value; nullopt: a problem was added. `what` names the value: "'title'".
// A plain scalar that YAML readers may take for a boolean, a number or a date is no text.
std::optional<std::string> read_text(Problems& problems, const Node& node, const std::string& what);
std::optional<bool> read_flag(Problems& problems, const Node& node, const std::string& what);
std::optional<std::uint64_t> read_number(Problems& problems, const Node& node, const std::string& what,
                                         std::uint64_t min, std::uint64_t max);
// "500ms" or "2s", from 1 ms to 10 min.
std::optional<std::chrono::milliseconds> read_duration(Problems& problems, const Node& node, const std::string& what);
std::optional<probe::Fields> read_fields(Problems& problems, const Node& node, const std::string& what);

// The items of a sequence; anything else is a problem and gives none.
const std::vector<Node>& read_list(Problems& problems, const Node& node, const std::string& what);

struct PlacedText {
  std::string text;
  Location at;
};
// Items that are no text are problems and left out.
std::vector<PlacedText> read_texts(Problems& problems, const Node& node, const std::string& what);

// The entries of a map whose keys the user chooses; duplicate keys, merge keys, keys that are no text and keys without
// value are problems and left out.
std::vector<const Entry*> read_entries(Problems& problems, const Node& node, const std::string& what);

enum class Need { optional, required };

// A map with known keys. finish() must be called last: what nobody asked for is unknown.
class MapReader {
 public:
  MapReader(Problems& problems, const Node& node, const std::string& what);

  // nullptr: absent, or a problem was added. Absent but required is a problem, told by finish().
  const Node* take(const std::string& key, Need need = Need::optional);
  // Place of the key (not of its value); of the map if it is absent.
  [[nodiscard]] Location key_at(const std::string& key) const;
  [[nodiscard]] bool has(const std::string& key) const;
  void finish();

  // `value` stays as it is where nothing valid is given. A required text must not be empty.
  void text(const std::string& key, std::string& value, Need need = Need::optional);
  void text(const std::string& key, std::optional<std::string>& value);
  void flag(const std::string& key, bool& value);
  void flag(const std::string& key, std::optional<bool>& value);

 private:
  Problems& problems_;
  const Node& node_;
  std::vector<const Entry*> entries_;
  std::vector<std::string> known_;
  std::vector<std::string> missing_;
};

// The value of `key`, if it is there, which must be able to name an object of Kubernetes (RFC 1123).
void read_kubernetes_name(Problems& problems, MapReader& map, const char* key, std::string& name);

}  // namespace egressproof::scenario
