#include "base/object_reader.h"

#include "base/bytes.h"
#include "base/nearest.h"

namespace egressproof {

ObjectReader::ObjectReader(std::string_view text) : text_(text) {
  try {
    object_ = Json::parse(text);
    if (!object_.is_object()) complain("", "not a JSON object");
  } catch (const Json::parse_error& error) {
    failed_ = true;
    problem_ = {static_cast<int>(error.byte), "not JSON"};
  } catch (const Json::exception& error) {  // a number beyond all bounds
    failed_ = true;
    problem_ = {0, error.what()};
  }
  if (!object_.is_object()) object_ = Json::object();
}

ObjectReader::ObjectReader(const Json& object, std::string_view text) : object_(object), text_(text) {}

void ObjectReader::complain(const std::string& key, const std::string& message) {
  if (failed_) return;
  failed_ = true;
  const std::size_t at = key.empty() ? std::string_view::npos : text_.find("\"" + key + "\"");
  problem_ = {at == std::string_view::npos ? 0 : static_cast<int>(at) + 1, message};
}

const Json* ObjectReader::take(const char* key, bool required) {
  taken_.insert(key);
  const auto found = object_.find(key);
  if (found != object_.end()) return &*found;
  if (required) complain("", "missing key '" + std::string(key) + "'");
  return nullptr;
}

bool ObjectReader::has(const char* key) const { return object_.contains(key); }

void ObjectReader::text(const char* key, std::string& value, bool required) {
  const Json* found = take(key, required);
  if (found == nullptr) return;
  if (!found->is_string())
    complain(key, "'" + std::string(key) + "' must be a string");
  else if (!utf8_to_bytes(found->get_ref<const std::string&>(), value))
    complain(key, "'" + std::string(key) + "' has a code point above U+00FF; it stands for bytes");
}

void ObjectReader::flag(const char* key, bool& value) {
  const Json* found = take(key, false);
  if (found == nullptr) return;
  if (!found->is_boolean())
    complain(key, "'" + std::string(key) + "' must be true or false");
  else
    value = found->get<bool>();
}

void ObjectReader::number(const char* key, std::uint64_t& value, std::uint64_t max, bool required) {
  const Json* found = take(key, required);
  if (found == nullptr) return;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > max)
    complain(key, "'" + std::string(key) + "' must be a whole number from 0 to " + std::to_string(max));
  else
    value = found->get<std::uint64_t>();
}

void ObjectReader::texts(const char* key, std::vector<std::string>& value) {
  const Json* found = array(key);
  if (found == nullptr) return;
  value.clear();
  for (const Json& one : *found) {
    std::string bytes;
    if (!one.is_string() || !utf8_to_bytes(one.get_ref<const std::string&>(), bytes)) {
      complain(key, "'" + std::string(key) + "' must be a list of strings");
      return;
    }
    value.push_back(std::move(bytes));
  }
}

void ObjectReader::micros(const char* key, std::chrono::microseconds& value, bool required) {
  std::uint64_t count = static_cast<std::uint64_t>(value.count());
  number(key, count, INT64_MAX, required);
  value = std::chrono::microseconds(static_cast<std::int64_t>(count));
}

const Json* ObjectReader::object(const char* key) {
  const Json* found = take(key, false);
  if (found == nullptr || found->is_object()) return found;
  complain(key, "'" + std::string(key) + "' must be an object");
  return nullptr;
}

const Json* ObjectReader::array(const char* key) {
  const Json* found = take(key, false);
  if (found == nullptr || found->is_array()) return found;
  complain(key, "'" + std::string(key) + "' must be a list");
  return nullptr;
}

bool ObjectReader::finish() {
  const std::vector<std::string> known(taken_.begin(), taken_.end());
  for (const auto& [key, value] : object_.items()) {
    if (taken_.count(key) != 0) continue;
    const auto close = nearest(key, known);
    complain(key, "unknown key '" + key + "'" + (close ? " (did you mean '" + *close + "'?)" : ""));
  }
  return !failed_;
}

}  // namespace egressproof
