// Strict reading of a JSON tree that tells the place of the first problem by its path. base/object_reader.h reads
// single lines of byte strings; a report is a deep tree whose texts are UTF-8 as well.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace egressproof::report {

// One object of the tree. Borrows the JSON value; shares the problem with all readers of the tree.
class JsonReader {
 public:
  // `problem`: empty until something is wrong; the first problem stays.
  JsonReader(const Json& value, std::string path, std::string& problem);

  void text(const char* key, std::string& value);   // UTF-8
  void bytes(const char* key, std::string& value);  // base/bytes.h
  void texts(const char* key, std::vector<std::string>& value);
  void flag(const char* key, bool& value);
  void micros(const char* key, std::chrono::microseconds& value);
  void seconds(const char* key, std::map<std::string, double>& value);
  void strings(const char* key, std::map<std::string, std::string>& value);
  void counts(const char* key, std::map<std::string, int>& value);
  void number(const char* key, int& value);  // 0 and more
  // A word of `parse`, which gives an optional.
  template <class Value, class Parse>
  void word(const char* key, Value& value, Parse parse) {
    std::string name;
    text(key, name);
    if (const auto parsed = parse(name))
      value = *parsed;
    else
      complain("'" + std::string(key) + "' must not be '" + name + "'");
  }
  [[nodiscard]] bool has(const char* key) const;
  JsonReader object(const char* key);
  const Json* value(const char* key);  // nullptr: missing, which is a problem
  // Each element of a list, which must be an object, with a reader of its own that is finished here.
  template <class Read>
  void each(const char* key, Read read) {
    const Json* list = value(key);
    if (list == nullptr) return;
    if (!list->is_array()) return complain("'" + std::string(key) + "' must be a list");
    for (std::size_t i = 0; i < list->size(); ++i) {
      JsonReader inner((*list)[i], below(key) + "[" + std::to_string(i) + "]", problem_);
      read(inner);
      inner.finish();
    }
  }

  void complain(const std::string& message);
  void finish();  // unknown keys are a problem
  [[nodiscard]] const Json& json() const { return value_; }
  [[nodiscard]] std::string below(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

 private:
  template <class Take>
  void members(const char* key, Take take);
  const Json& value_;
  std::string path_;
  std::string& problem_;
  std::set<std::string> taken_;
};

}  // namespace egressproof::report
