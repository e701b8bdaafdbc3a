#include "runner/backend/mesh/access_log.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "base/json.h"
#include "base/unique_fd.h"

namespace egressproof::backend::mesh {
namespace {

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  auto text = found->is_string() ? found->get<std::string>() : found->dump();
  return text == "-" ? std::string() : text;
}

// Our name of a field, else the one that Istio's own JSON format has.
std::string text_of(const Json& object, const char* ours, const char* istios) {
  return object.contains(ours) ? text_of(object, ours) : text_of(object, istios);
}

// "2026-11-24T23:40:07.668Z"
std::chrono::microseconds time_of(const std::string& rfc3339) {
  std::tm utc{};
  const char* rest = ::strptime(rfc3339.c_str(), "%FT%T", &utc);
  if (rest == nullptr) return {};
  const double fraction = *rest == '.' ? std::strtod(rest, nullptr) : 0;
  return std::chrono::seconds(::timegm(&utc)) + std::chrono::microseconds(std::llround(fraction * 1e6));
}

// The attempt's nonce where it stands in the path alone, as Istio's own format has no field for it.
std::string nonce_in(const std::string& path) {
  constexpr std::size_t digits = 32;
  std::size_t run = 0;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i < path.size() && std::string_view("0123456789abcdef").find(path[i]) != std::string_view::npos) {
      ++run;
      continue;
    }
    if (run == digits) return path.substr(i - digits, digits);
    run = 0;
  }
  return {};
}

policy::MeshRecord record_of(std::string_view proxy, const Json& object, std::string_view line) {
  policy::MeshRecord record;
  record.proxy = proxy;
  const double seconds = std::strtod(text_of(object, "t").c_str(), nullptr);
  record.at = object.contains("t") ? std::chrono::microseconds(std::llround(seconds * 1e6))
                                   : time_of(text_of(object, "start_time"));
  record.nonce = object.contains("nonce") ? text_of(object, "nonce") : nonce_in(text_of(object, "path"));
  record.downstream = text_of(object, "downstream", "downstream_remote_address");
  record.destination = text_of(object, "destination", "downstream_local_address");
  record.upstream = text_of(object, "upstream", "upstream_host");
  record.upstream_local = text_of(object, "upstream_local", "upstream_local_address");
  record.cluster = text_of(object, "cluster", "upstream_cluster");
  record.route = text_of(object, "route", "route_name");
  record.code = std::atoi(text_of(object, "code", "response_code").c_str());
  record.flags = text_of(object, "flags", "response_flags");
  record.details = text_of(object, "details", "response_code_details");
  record.termination = text_of(object, "termination", "connection_termination_details");
  record.transport_failure = text_of(object, "transport_failure", "upstream_transport_failure_reason");
  record.sni = text_of(object, "sni", "requested_server_name");
  record.authority = text_of(object, "authority");
  record.chain = text_of(object, "chain");
  record.line = line;
  return record;
}

}  // namespace

const char* const access_log_format =
    R"({"t":"%START_TIME(%s.%6f)%","nonce":"%REQ(EGRESSPROOF-NONCE)%",)"
    R"("downstream":"%DOWNSTREAM_REMOTE_ADDRESS%","destination":"%DOWNSTREAM_LOCAL_ADDRESS%",)"
    R"("upstream":"%UPSTREAM_HOST%","upstream_local":"%UPSTREAM_LOCAL_ADDRESS%","cluster":"%UPSTREAM_CLUSTER_RAW%","route":"%ROUTE_NAME%",)"
    R"("code":"%RESPONSE_CODE%","flags":"%RESPONSE_FLAGS%","details":"%RESPONSE_CODE_DETAILS%",)"
    R"("termination":"%CONNECTION_TERMINATION_DETAILS%",)"
    R"("transport_failure":"%UPSTREAM_TRANSPORT_FAILURE_REASON%",)"
    R"("sni":"%REQUESTED_SERVER_NAME%","authority":"%REQ(:AUTHORITY)%","chain":"%FILTER_CHAIN_NAME%"})";

AccessLog parse_access_log(std::string_view proxy, std::string_view content) {
  AccessLog log;
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    if (end == std::string_view::npos) break;  // still being written
    const std::string_view line = content.substr(0, end);
    content.remove_prefix(end + 1);
    log.consumed += end + 1;
    if (line.substr(0, 2) != R"({")") continue;
    const Json object = Json::parse(line, nullptr, false);
    if (object.is_discarded())
      ++log.malformed;
    else
      log.records.push_back(record_of(proxy, object, line));
  }
  return log;
}

int without_record(const ExpectedRecords& expected, const std::vector<policy::MeshRecord>& records) {
  ExpectedRecords missing = expected;
  std::map<std::string, int> unclaimed;  // records by destination
  for (const policy::MeshRecord& record : records) {
    const auto found = missing.find({record.downstream, record.destination});
    if (found == missing.end())
      ++unclaimed[record.destination];
    else if (found->second > 0)
      --found->second;
  }
  int left = 0;
  for (const auto& [connection, count] : missing) {
    int& spare = unclaimed[connection.second];
    const int taken = std::min(spare, count);
    spare -= taken;
    left += count - taken;
  }
  return left;
}

Result<void> AccessLogReader::read_on() {
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + path_.string() + "')"));
  std::string added;
  std::array<char, 65536> buffer{};
  for (;;) {
    const auto at = static_cast<off_t>(offset_ + added.size());
    const ssize_t got = ::pread(fd.get(), buffer.data(), buffer.size(), at);
    if (got < 0) return tl::unexpected(system_error(ErrorKind::environment, "pread('" + path_.string() + "')"));
    if (got == 0) break;
    added.append(buffer.data(), static_cast<std::size_t>(got));
  }
  AccessLog log = parse_access_log(proxy_, added);
  if (log.malformed > 0)
    return fail(ErrorKind::environment, "the access log of pod " + proxy_ + " has malformed records");
  offset_ += log.consumed;
  records_.insert(records_.end(), std::make_move_iterator(log.records.begin()),
                  std::make_move_iterator(log.records.end()));
  return {};
}

}  // namespace egressproof::backend::mesh
