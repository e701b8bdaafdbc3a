// Strict reading of one JSON object: every key must be known, every value of its type. The first problem stays.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace egressproof {

struct ReadProblem {
  int column = 0;  // 1-based byte in the text; 0 = not known
  std::string message;
};

class ObjectReader {
 public:
  // `text` is kept by reference. A text that is not one JSON object is a problem.
  explicit ObjectReader(std::string_view text);
  // An object within another; problems are those of this one alone.
  ObjectReader(const Json& object, std::string_view text);

  // Each takes the key if it is there; absent keys leave `value` as it is, unless required.
  void text(const char* key, std::string& value, bool required = false);  // a byte string, see base/bytes.h
  void flag(const char* key, bool& value);
  void number(const char* key, std::uint64_t& value, std::uint64_t max, bool required = false);
  void texts(const char* key, std::vector<std::string>& value);
  void micros(const char* key, std::chrono::microseconds& value, bool required = false);
  const Json* object(const char* key);  // nullptr: absent or not an object
  const Json* array(const char* key);
  [[nodiscard]] bool has(const char* key) const;

  void complain(const std::string& key, const std::string& message);
  // Call last: unknown keys are problems. True: no problem at all.
  bool finish();
  [[nodiscard]] const ReadProblem& problem() const { return problem_; }

 private:
  const Json* take(const char* key, bool required);
  Json object_;
  std::string_view text_;
  std::set<std::string> taken_;
  ReadProblem problem_;
  bool failed_ = false;
};

}  // namespace egressproof
