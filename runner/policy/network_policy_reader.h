// Strict access to a Kubernetes manifest that knows where it is: "spec.egress[0].to[1].ipBlock".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/scenario/reader.h"

namespace egressproof::policy {

// A node and the path to it; the tree must outlive it.
struct Field {
  const scenario::Node* node = nullptr;
  std::string path;
};

// Collects the problems of one manifest, each with its field's path. As in the API, a null value is an absent key.
class ManifestReader {
 public:
  class Mapping {
   public:
    [[nodiscard]] std::optional<Field> find(const std::string& key) const;

   private:
    friend class ManifestReader;
    std::vector<std::pair<std::string, Field>> fields_;
  };
  // Problems: not a mapping; unknown keys (with the nearest known one), repeated keys, merge keys.
  Mapping mapping(const Field& field, const std::vector<std::string>& known) { return read(field, &known); }
  // The same with keys that the user chooses and values that are text.
  std::vector<std::pair<std::string, std::string>> texts_by_key(const Field& field);

  std::vector<Field> sequence(const Field& field);
  // A plain scalar that the API's decoder takes for a number, a truth value or a date is a problem.
  std::optional<std::string> text(const Field& field);
  std::optional<std::uint16_t> port_number(const Field& field);
  // Of the two that an IntOrString can be.
  static bool is_integer(const Field& field);

  void complain(const Field& field, const std::string& message);
  void missing(const Field& parent, const std::string& key);
  std::vector<Diagnostic> take_problems() { return problems_.take(); }

 private:
  Mapping read(const Field& field, const std::vector<std::string>* known);
  scenario::Problems problems_;
};

}  // namespace egressproof::policy
