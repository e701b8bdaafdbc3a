#include "base/bytes.h"
#include "runner/report/json_parts.h"
#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

// The codecs' lines without what only a stream needs.
Json embedded(const std::string& line) {
  Json json = Json::parse(line);
  json.erase("type");
  return json;
}

// The codecs write these as they are; here nothing may depend on who filled them in.
Json attempt_json(probe::Attempt attempt) {
  attempt.nonce = bytes_to_utf8(attempt.nonce);
  attempt.query_type = bytes_to_utf8(attempt.query_type);
  return embedded(probe::encode(attempt));
}

Json observation_json(probe::Observation seen) {
  seen.nonce = bytes_to_utf8(seen.nonce);
  return embedded(probe::encode(seen));
}

Json receipt_json(target::Receipt receipt) {
  for (std::string* text : {&receipt.fixture, &receipt.nonce, &receipt.local, &receipt.peer})
    *text = bytes_to_utf8(*text);
  return embedded(target::encode(receipt));
}

Json receipts_json(const std::vector<target::Receipt>& receipts) {
  Json list = Json::array();
  for (const auto& one : receipts) list.push_back(receipt_json(one));
  return list;
}

Json record_json(const policy::MeshRecord& record) {
  Json json = {{"proxy", valid_utf8(record.proxy)}, {"at_us", record.at.count()}, {"code", record.code}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = valid_utf8(value);
  };
  put("nonce", record.nonce);
  put("downstream", record.downstream);
  put("destination", record.destination);
  put("upstream", record.upstream);
  put("upstream_local", record.upstream_local);
  put("cluster", record.cluster);
  put("route", record.route);
  put("flags", record.flags);
  put("details", record.details);
  put("termination", record.termination);
  put("transport_failure", record.transport_failure);
  put("sni", record.sni);
  put("authority", record.authority);
  put("chain", record.chain);
  put("line", record.line);
  return json;
}

Json witnesses_json(const evidence::Witnesses& seen) {
  Json json = Json::object();
  if (!seen.attempt.nonce.empty()) json["attempt"] = attempt_json(seen.attempt);
  if (seen.observed) json["observed"] = observation_json(*seen.observed);
  json["received"] = receipts_json(seen.received);
  Json logged = Json::array();
  for (const auto& one : seen.logged) logged.push_back(record_json(one));
  json["logged"] = std::move(logged);
  json["genuine_answer"] = seen.genuine_answer;
  return json;
}

}  // namespace

Json texts_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(valid_utf8(text));
  return list;
}

Json location_json(const Location& at) {
  return {{"file", valid_utf8(at.file)}, {"line", at.line}, {"column", at.column}};
}

namespace {

Json long_lived_json(const evidence::Row& row) {
  const evidence::LongLived& seen = *row.long_lived;
  return {{"cut_within_ms", row.cell.cut_within.count()},
          {"cut_from", row.cell.cut_from == scenario::CutFrom::applied ? "applied" : "in-force"},
          {"changed_at_us", seen.changed_at.count()},
          {"in_force_at_us", seen.in_force_at.count()},
          {"deadline_us", seen.deadline.count()},
          {"before", seen.before},
          {"after", seen.after},
          {"late", seen.late},
          {"last_us", seen.last.count()},
          {"last_sent_us", seen.last_sent.count()}};
}

}  // namespace

Json cell_json(const evidence::Row& row, const verdict::Finding& finding) {
  const auto& control = row.control;
  Json json = {
      {"scenario", valid_utf8(finding.scenario)},
      {"case", valid_utf8(finding.case_id)},
      {"profile", valid_utf8(finding.profile)},
      {"status", to_string(finding.status)},
      {"verdict", to_string(finding.verdict)},
      {"expected",
       {{"expect", to_string(finding.expectation.expect)},
        {"stance", to_string(finding.expectation.stance)},
        {"at", location_json(finding.expectation.at)}}},
      {"layer", to_string(finding.layer)},
      {"stage", valid_utf8(finding.stage)},
      {"mechanism", valid_utf8(finding.mechanism)},
      {"because", valid_utf8(finding.because)},
      {"reached", texts_json(finding.reached)},
      {"target", {{"fixture", valid_utf8(row.cell.target.fixture)}, {"host", bytes_to_utf8(row.cell.target.host)}}},
      {"rerouted_to", valid_utf8(row.cell.rerouted_to)},
      {"via", valid_utf8(row.cell.via)},
      {"via_addresses", texts_json(row.via_addresses)},
      {"meshed", row.meshed},
      {"proxy_seen_around", row.proxy_seen_around},
      {"began_in_force", row.began_in_force},
      {"probe", witnesses_json(row.probe)},
      {"control",
       {{"id", valid_utf8(control.id)},
        {"allowed_before", control.allowed_before},
        {"allowed_after", control.allowed_after},
        {"why_not", valid_utf8(control.why_not)},
        {"before", witnesses_json(control.before)},
        {"after", witnesses_json(control.after)}}},
      {"unattributed", receipts_json(row.unattributed)},
      {"errors", texts_json(row.errors)}};
  if (row.long_lived) json["long_lived"] = long_lived_json(row);
  if (row.world > 0) json["world"] = row.world;
  return json;
}

}  // namespace egressproof::report
