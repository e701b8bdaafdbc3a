#include "runner/backend/lab/access_log.h"

#include <cmath>
#include <cstdlib>

#include "base/json.h"

namespace egressproof::backend::lab {
namespace {

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  auto text = found->is_string() ? found->get<std::string>() : found->dump();
  return text == "-" ? std::string() : text;
}

policy::MeshRecord record_of(std::string_view proxy, const Json& object, std::string_view line) {
  policy::MeshRecord record;
  record.proxy = proxy;
  const double seconds = std::strtod(text_of(object, "t").c_str(), nullptr);
  record.at = std::chrono::microseconds(std::llround(seconds * 1e6));
  record.nonce = text_of(object, "nonce");
  record.downstream = text_of(object, "downstream");
  record.destination = text_of(object, "destination");
  record.upstream = text_of(object, "upstream");
  record.upstream_local = text_of(object, "upstream_local");
  record.cluster = text_of(object, "cluster");
  record.route = text_of(object, "route");
  record.code = std::atoi(text_of(object, "code").c_str());
  record.flags = text_of(object, "flags");
  record.details = text_of(object, "details");
  record.termination = text_of(object, "termination");
  record.transport_failure = text_of(object, "transport_failure");
  record.sni = text_of(object, "sni");
  record.authority = text_of(object, "authority");
  record.chain = text_of(object, "chain");
  record.line = line;
  return record;
}

}  // namespace

AccessLog parse_access_log(std::string_view proxy, std::string_view content) {
  AccessLog log;
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    if (end == std::string_view::npos) break;  // still being written
    const std::string_view line = content.substr(0, end);
    content.remove_prefix(end + 1);
    if (line.substr(0, 2) != R"({")") continue;
    const Json object = Json::parse(line, nullptr, false);
    if (object.is_discarded())
      ++log.malformed;
    else
      log.records.push_back(record_of(proxy, object, line));
  }
  return log;
}

}  // namespace egressproof::backend::lab
