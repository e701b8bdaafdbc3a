#include "runner/verdict/mesh.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"
#include "runner/policy/network_drop.h"

namespace egressproof::verdict {
namespace {

using policy::MeshRecord;

// Response flags, short names as in Envoy's access log.
constexpr std::array<std::string_view, 16> failure_flags{"UH",  "UF", "UO", "URX", "UC", "UT", "LR",    "UR",
                                                         "UPE", "NC", "DF", "LH",  "OM", "DO", "UMSDR", "RL"};
// Response code details of requests that the HTTP connection manager refuses by itself.
constexpr std::array<std::string_view, 10> refusals{"missing_host_header",
                                                    "low_version",
                                                    "invalid_path",
                                                    "missing_path_rejected",
                                                    "absolute_path_rejected",
                                                    "path_normalization_failed",
                                                    "upgrade_failed",
                                                    "request_headers_failed_strict_check",
                                                    "request_payload_too_large",
                                                    "request_header_timeout"};
constexpr std::array<std::string_view, 4> codec_prefixes{"http1.", "http2.", "http3.", "codec_error"};

bool starts_with(const std::string& text, std::string_view prefix) { return text.rfind(prefix, 0) == 0; }

bool has_flag(const MeshRecord& record, std::string_view flag) {
  std::string_view rest = record.flags;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (rest.substr(0, comma) == flag) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

std::string in_brackets(const std::string& text) { return text.empty() ? "" : " (" + text + ")"; }

std::string code_and(const MeshRecord& record, const std::string& text) {
  return record.code == 0 ? text : std::to_string(record.code) + " " + text;
}

// A rule that let nothing through, in words; "" for any other record.
std::string refused_by(const MeshRecord& record) {
  if (record.cluster == "BlackHoleCluster") return record.cluster + in_brackets(record.flags);
  // What follows the head is no HTTP: the request ends, and with it the connection; its head may be on its way by then.
  const bool broken_off =
      has_flag(record, "DPE") && starts_with(record.details, "http1.") && record.code >= 400 && record.code < 500;
  if (!record.upstream.empty() && !broken_off) return "";
  // block_all of REGISTRY_ONLY, or a VirtualService's directResponse.
  if (record.details == "direct_response" && record.code >= 400)
    return (record.route.empty() ? "" : "route " + record.route + ", ") + code_and(record, record.details);
  const bool no_match =
      record.details.empty() || record.details == "route_not_found" || record.details == "filter_chain_not_found";
  if (has_flag(record, "NR") && record.cluster.empty() && no_match)
    return code_and(record, record.details.empty() ? "NR" : "NR " + record.details);
  // The codec answers a transfer coding that it does not know as RFC 9112 (6.1) has it.
  const bool unknown_coding = record.code == 501 && record.details == "http1.invalid_transfer_encoding";
  const bool no_answer_or_client_error =
      record.code == 0 || (record.code >= 400 && record.code < 500) || unknown_coding;
  const bool by_details = std::find(refusals.begin(), refusals.end(), record.details) != refusals.end() ||
                          std::any_of(codec_prefixes.begin(), codec_prefixes.end(),
                                      [&](std::string_view prefix) { return starts_with(record.details, prefix); });
  const bool by_client = starts_with(record.details, "http2.remote");  // the client took its request back
  if (no_answer_or_client_error && !by_client && (by_details || (has_flag(record, "DPE") && record.cluster.empty())))
    return code_and(record, record.details) + in_brackets(record.flags);
  return "";
}

std::string rbac_of(const MeshRecord& record) {
  static constexpr std::string_view mark = "rbac_access_denied";
  for (const std::string* text : {&record.details, &record.termination})
    if (text->find(mark) != std::string::npos) return code_and(record, *text);
  return "";
}

// A proxy's own connection is told by its upstream, the client's by both ends.
std::string dropped_ends(const MeshRecord& record) {
  return record.upstream.empty() ? record.downstream + " to " + record.destination : "on the way to " + record.upstream;
}

// A listener of the proxy's own: nobody outside of it has seen a connection.
bool is_internal(const std::string& upstream) { return starts_with(upstream, "envoy://"); }

bool failed(const MeshRecord& record) {
  if (std::any_of(failure_flags.begin(), failure_flags.end(),
                  [&](std::string_view flag) { return has_flag(record, flag); }))
    return true;
  const bool own_answer = record.details != "via_upstream" && record.details != "direct_response";
  return !record.transport_failure.empty() || (own_answer && (record.code == 503 || record.code == 504)) ||
         record.details == "route_configuration_not_found";
}

std::string failure_of(const MeshRecord& record) {
  std::string text = record.cluster.empty() ? "no cluster" : record.cluster;
  text += in_brackets(record.flags);
  if (record.code != 0) text += ", " + code_and(record, record.details);
  if (!record.transport_failure.empty()) text += ", " + record.transport_failure;
  return text;
}

}  // namespace

MeshSay read(const MeshRecord& record, const std::string& pod, const std::string& inbound) {
  if (record.details == policy::network_policy_drop)
    return {Say::denied, Layer::network_policy, "NetworkPolicy, " + dropped_ends(record)};
  if (record.details == policy::capture_refusal)
    return {Say::denied, Layer::capture,
            "the capture rules, which led " + dropped_ends(record) + " to a proxy that does not listen"};
  if (record.details == policy::capture_taken)
    return {
        Say::denied, Layer::capture,
        "the capture rules, which led " + dropped_ends(record) + " to a listener of the tenant in the proxy's place"};
  if (record.details == policy::capture_hold)
    return {Say::held, Layer::sidecar,
            "the sidecar, which held " + dropped_ends(record) + " until the client ended it"};
  const bool answered = record.code != 0;
  const bool at_target = !inbound.empty() && record.proxy == inbound;
  const std::string where = at_target ? " at the sidecar of " + inbound : "";
  if (const std::string rbac = rbac_of(record); !rbac.empty())
    return {Say::denied, Layer::authorization, rbac + where, answered,
            record.upstream_local.empty() || is_internal(record.upstream) ? "" : record.upstream};
  if (const std::string refused = refused_by(record); !refused.empty())
    return {Say::denied, record.proxy == pod || at_target ? Layer::sidecar : Layer::gateway, refused + where, answered};
  if (failed(record)) return {Say::failed, Layer::none, failure_of(record)};
  if (!record.upstream.empty())
    return {Say::forwarded, Layer::none,
            "upstream " + record.upstream + " by " + (record.cluster.empty() ? "no cluster" : record.cluster)};
  return {Say::unclear, Layer::none, code_and(record, record.details) + in_brackets(record.flags)};
}

MeshSay read(const std::vector<MeshRecord>& records, const std::string& pod, const std::string& inbound) {
  std::map<std::string, const MeshRecord*> last;
  for (const MeshRecord& record : records) last[record.proxy] = &record;
  MeshSay best;
  for (const auto& [proxy, record] : last)
    if (MeshSay said = read(*record, pod, inbound); said.say > best.say) best = std::move(said);
  return best;
}

}  // namespace egressproof::verdict
