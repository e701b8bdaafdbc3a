#include "base/endpoint.h"

#include <string_view>

namespace egressproof {

std::string without_v4_mapping(const std::string& end) {
  static constexpr std::string_view mapped = "[::ffff:";
  const std::size_t close = end.find(']');
  if (!end.starts_with(mapped) || close == std::string::npos) return end;
  const std::string address = end.substr(mapped.size(), close - mapped.size());
  return address.find('.') == std::string::npos ? end : address + end.substr(close + 1);
}

}  // namespace egressproof
