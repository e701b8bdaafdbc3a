#include "runner/report/json_reader.h"

#include "base/bytes.h"
#include "base/nearest.h"

namespace egressproof::report {
namespace {

const Json& no_members() {
  static const Json empty = Json::object();
  return empty;
}

// A value made by a program may be a signed integer where a parsed one is unsigned.
bool counts_to(const Json& value, std::uint64_t max) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= max;
  return value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
         static_cast<std::uint64_t>(value.get<std::int64_t>()) <= max;
}

constexpr std::uint64_t max_int = std::numeric_limits<int>::max();

std::string in_quotes(const std::string& key) { return "'" + key + "'"; }

}  // namespace

JsonReader::JsonReader(const Json& value, std::string path, std::string& problem)
    : value_(value.is_object() ? value : no_members()), path_(std::move(path)), problem_(problem) {
  if (!value.is_object()) complain("must be an object");
}

void JsonReader::complain(const std::string& message) {
  if (problem_.empty()) problem_ = path_.empty() ? message : path_ + ": " + message;
}

bool JsonReader::has(const char* key) const { return value_.contains(key); }

const Json* JsonReader::value(const char* key) {
  taken_.insert(key);
  const auto found = value_.find(key);
  if (found != value_.end()) return &*found;
  complain("missing key " + in_quotes(key));
  return nullptr;
}

void JsonReader::text(const char* key, std::string& value) {
  const Json* found = this->value(key);
  if (found == nullptr) return;
  if (found->is_string())
    value = found->get<std::string>();
  else
    complain(in_quotes(key) + " must be a string");
}

void JsonReader::bytes(const char* key, std::string& value) {
  std::string utf8;
  text(key, utf8);
  if (!utf8_to_bytes(utf8, value)) complain(in_quotes(key) + " has a code point above U+00FF; it stands for bytes");
}

void JsonReader::texts(const char* key, std::vector<std::string>& value) {
  const Json* found = this->value(key);
  if (found == nullptr) return;
  if (!found->is_array()) return complain(in_quotes(key) + " must be a list of strings");
  for (const Json& one : *found) {
    if (!one.is_string()) return complain(in_quotes(key) + " must be a list of strings");
    value.push_back(one.get<std::string>());
  }
}

void JsonReader::flag(const char* key, bool& value) {
  const Json* found = this->value(key);
  if (found == nullptr) return;
  if (found->is_boolean())
    value = found->get<bool>();
  else
    complain(in_quotes(key) + " must be true or false");
}

void JsonReader::number(const char* key, int& value) {
  const Json* found = this->value(key);
  if (found == nullptr) return;
  if (counts_to(*found, max_int))
    value = found->get<int>();
  else
    complain(in_quotes(key) + " must be a whole number from 0");
}

void JsonReader::micros(const char* key, std::chrono::microseconds& value) {
  const Json* found = this->value(key);
  if (found == nullptr) return;
  if (counts_to(*found, INT64_MAX))
    value = std::chrono::microseconds(found->get<std::int64_t>());
  else
    complain(in_quotes(key) + " must be whole microseconds from 0");
}

template <class Take>
void JsonReader::members(const char* key, Take take) {
  const Json* found = value(key);
  if (found == nullptr) return;
  if (!found->is_object()) return complain(in_quotes(key) + " must be an object");
  for (const auto& [name, one] : found->items())
    if (!take(name, one)) complain(in_quotes(key) + ": the value of " + in_quotes(name) + " has the wrong type");
}

void JsonReader::seconds(const char* key, std::map<std::string, double>& value) {
  members(key, [&](const std::string& name, const Json& one) {
    if (one.is_number()) value[name] = one.get<double>();
    return one.is_number();
  });
}

void JsonReader::strings(const char* key, std::map<std::string, std::string>& value) {
  members(key, [&](const std::string& name, const Json& one) {
    if (one.is_string()) value[name] = one.get<std::string>();
    return one.is_string();
  });
}

void JsonReader::counts(const char* key, std::map<std::string, int>& value) {
  members(key, [&](const std::string& name, const Json& one) {
    const bool fits = counts_to(one, max_int);
    if (fits) value[name] = one.get<int>();
    return fits;
  });
}

JsonReader JsonReader::object(const char* key) {
  const Json* found = value(key);
  return {found == nullptr ? no_members() : *found, below(key), problem_};
}

void JsonReader::finish() {
  const std::vector<std::string> known(taken_.begin(), taken_.end());
  for (const auto& [key, value] : value_.items()) {
    if (taken_.count(key) != 0) continue;
    const auto close = nearest(key, known);
    complain("unknown key " + in_quotes(key) + (close ? " (did you mean " + in_quotes(*close) + "?)" : ""));
  }
}

}  // namespace egressproof::report
