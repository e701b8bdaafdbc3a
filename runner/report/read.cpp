#include "runner/report/read.h"

#include <algorithm>

#include "runner/report/json_reader.h"
#include "runner/report/names.h"

namespace egressproof::report {
namespace {

constexpr const char* placeholder_nonce = "00000000000000000000000000000000";

void read_location(JsonReader reader, Location& at) {
  reader.text("file", at.file);
  reader.number("line", at.line);
  reader.number("column", at.column);
  reader.finish();
}

// The codec's line again.
std::string line_of(const Json& object, const char* type) {
  Json line = {{"type", type}};
  line.update(object);
  return line.dump();
}

void read_attempt(JsonReader& reader, probe::Attempt& attempt) {
  JsonReader inner = reader.object("attempt");
  Json json = inner.json();
  // A plan numbers its attempts only when they are sent; the codec reads what was sent.
  const bool numbered = json.value("sequence", Json(0)) != Json(0);
  if (!numbered) json["sequence"] = 1;
  const auto decoded = probe::decode_attempt(line_of(json, "attempt"));
  if (!decoded) return inner.complain(decoded.error().message);
  attempt = *decoded;
  if (!numbered) attempt.sequence = 0;
}

void read_receipt(JsonReader& reader, std::vector<target::Receipt>& receipts) {
  const auto decoded = target::decode_receipt(line_of(reader.json(), "receipt"));
  if (decoded)
    receipts.push_back(*decoded);
  else
    reader.complain(decoded.error().message);
}

// The elements are read by codecs that know their keys.
template <class Read>
void each_whole(JsonReader& reader, const char* key, Read read) {
  reader.each(key, [&](JsonReader& one) {
    read(one);
    for (const auto& [name, value] : one.json().items()) (void)one.value(name.c_str());
  });
}

void read_receipts(JsonReader& reader, const char* key, std::vector<target::Receipt>& receipts) {
  each_whole(reader, key, [&](JsonReader& one) { read_receipt(one, receipts); });
}

void read_record(JsonReader& reader, policy::MeshRecord& record) {
  reader.text("proxy", record.proxy);
  reader.micros("at_us", record.at);
  reader.number("code", record.code);
  const auto maybe = [&](const char* key, std::string& value) {
    if (reader.has(key)) reader.text(key, value);
  };
  maybe("nonce", record.nonce);
  maybe("downstream", record.downstream);
  maybe("destination", record.destination);
  maybe("upstream", record.upstream);
  maybe("upstream_local", record.upstream_local);
  maybe("cluster", record.cluster);
  maybe("route", record.route);
  maybe("flags", record.flags);
  maybe("details", record.details);
  maybe("termination", record.termination);
  maybe("transport_failure", record.transport_failure);
  maybe("sni", record.sni);
  maybe("authority", record.authority);
  maybe("chain", record.chain);
  maybe("line", record.line);
}

void read_witnesses(JsonReader reader, evidence::Witnesses& seen) {
  if (reader.has("attempt")) read_attempt(reader, seen.attempt);
  if (reader.has("observed")) {
    JsonReader inner = reader.object("observed");
    const auto decoded = probe::decode_observation(line_of(inner.json(), "observation"));
    if (decoded)
      seen.observed = *decoded;
    else
      inner.complain(decoded.error().message);
  }
  read_receipts(reader, "received", seen.received);
  reader.each("logged", [&](JsonReader& one) { read_record(one, seen.logged.emplace_back()); });
  reader.flag("genuine_answer", seen.genuine_answer);
  reader.finish();
}

void read_control(JsonReader reader, evidence::ControlEvidence& control) {
  reader.text("id", control.id);
  reader.flag("allowed_before", control.allowed_before);
  reader.flag("allowed_after", control.allowed_after);
  reader.text("why_not", control.why_not);
  read_witnesses(reader.object("before"), control.before);
  read_witnesses(reader.object("after"), control.after);
  reader.finish();
}

void read_expectation(JsonReader reader, scenario::Expectation& expectation) {
  reader.word("expect", expectation.expect, expect_from);
  reader.word("stance", expectation.stance, stance_from);
  read_location(reader.object("at"), expectation.at);
  reader.finish();
}

void read_long_lived(JsonReader reader, evidence::Row& row) {
  evidence::LongLived& seen = row.long_lived.emplace();
  int cut_within = 0;
  reader.number("cut_within_ms", cut_within);
  row.cell.cut_within = std::chrono::milliseconds(cut_within);
  // Reports of earlier versions do not say it.
  std::string from;
  if (reader.has("cut_from")) reader.text("cut_from", from);
  if (from == "applied") row.cell.cut_from = scenario::CutFrom::applied;
  reader.micros("changed_at_us", seen.changed_at);
  reader.micros("in_force_at_us", seen.in_force_at);
  reader.micros("deadline_us", seen.deadline);
  reader.number("before", seen.before);
  reader.number("after", seen.after);
  reader.number("late", seen.late);
  reader.micros("last_us", seen.last);
  reader.micros("last_sent_us", seen.last_sent);
  reader.finish();
}

void read_cell(JsonReader& reader, Report& report) {
  auto& row = report.evidence.rows.emplace_back();
  auto& finding = report.judged.findings.emplace_back();
  reader.text("scenario", finding.scenario);
  reader.text("case", finding.case_id);
  reader.text("profile", finding.profile);
  reader.word("status", finding.status, status_from);
  reader.word("verdict", finding.verdict, verdict_from);
  read_expectation(reader.object("expected"), finding.expectation);
  reader.word("layer", finding.layer, layer_from);
  reader.text("stage", finding.stage);
  reader.text("mechanism", finding.mechanism);
  reader.text("because", finding.because);
  reader.texts("reached", finding.reached);
  JsonReader target = reader.object("target");
  target.text("fixture", row.cell.target.fixture);
  target.bytes("host", row.cell.target.host);
  target.finish();
  reader.text("rerouted_to", row.cell.rerouted_to);
  reader.text("via", row.cell.via);
  reader.texts("via_addresses", row.via_addresses);
  reader.flag("meshed", row.meshed);
  reader.flag("proxy_seen_around", row.proxy_seen_around);
  reader.flag("began_in_force", row.began_in_force);
  read_witnesses(reader.object("probe"), row.probe);
  read_control(reader.object("control"), row.control);
  if (reader.has("long_lived")) read_long_lived(reader.object("long_lived"), row);
  if (reader.has("world")) reader.number("world", row.world);
  read_receipts(reader, "unattributed", row.unattributed);
  reader.texts("errors", row.errors);
  row.cell.scenario = finding.scenario;
  row.cell.case_id = finding.case_id;
  row.cell.profile = finding.profile;
  row.cell.expectation = finding.expectation;
  row.cell.attempt = row.probe.attempt;
}

void read_turns(JsonReader& reader, const char* key, std::vector<policy::CanaryTurn>& turns) {
  reader.each(key, [&](JsonReader& one) {
    auto& turn = turns.emplace_back();
    one.text("profile", turn.profile);
    one.flag("turned", turn.turned);
    one.micros("changed_at_us", turn.changed_at);
    one.micros("last_old_us", turn.last_old);
    one.micros("first_new_us", turn.first_new);
    one.micros("lost_at_us", turn.lost_at);
    one.number("attempts", turn.attempts);
  });
}

void read_applied(JsonReader& reader, policy::Applied& applied) {
  reader.number("generation", applied.generation);
  reader.micros("applied_at_us", applied.applied_at);
  reader.micros("acknowledged_at_us", applied.acknowledged_at);
  reader.micros("in_force_at_us", applied.in_force_at);
  reader.text("because", applied.because);
  read_turns(reader, "enforcement", applied.enforcement);
  read_turns(reader, "admission", applied.admission);
  read_turns(reader, "revocation", applied.revocation);
}

void read_profile(JsonReader& reader, Report& report) {
  auto& name = report.profiles.emplace_back();
  reader.text("name", name);
  reader.text("title", report.profile_titles[name]);
  auto& policies = report.policies[name];
  reader.each("policies", [&](JsonReader& one) {
    auto& policy = policies.emplace_back();
    one.text("kind", policy.kind);
    one.text("name", policy.name);
    read_location(one.object("at"), policy.at);
  });
}

void read_texts(JsonReader& reader, Report& report) {
  reader.each("scenarios", [&](JsonReader& one) {
    auto& scenario = report.scenarios.emplace_back();
    one.text("name", scenario.name);
    one.text("title", scenario.title);
    one.text("requirement", scenario.requirement);
  });
  reader.each("cases", [&](JsonReader& one) {
    auto& text = report.cases.emplace_back();
    one.text("scenario", text.scenario);
    one.text("id", text.id);
    one.text("title", text.title);
    one.text("reference", text.reference);
    one.text("why", text.why);
    one.text("fix", text.fix);
  });
  reader.each("skips", [&](JsonReader& one) {
    auto& skip = report.skips.emplace_back();
    one.text("scenario", skip.scenario);
    one.text("case", skip.case_id);
    one.text("profile", skip.profile);
    one.text("reason", skip.reason);
  });
}

}  // namespace

Result<Report> from_json(const Json& json) {
  Report report;
  std::string problem;
  JsonReader reader(json, "", problem);
  reader.number("schema", report.schema);
  if (problem.empty() && report.schema != 1)
    return fail(ErrorKind::usage,
                "a report of schema " + std::to_string(report.schema) + "; this program reads schema 1");
  reader.text("tool_version", report.tool_version);
  reader.text("run_id", report.run_id);
  reader.text("seed", report.seed);
  reader.text("backend", report.backend);
  reader.strings("versions", report.versions);
  reader.text("started_at", report.started_at);
  reader.each("profiles", [&](JsonReader& one) { read_profile(one, report); });
  read_texts(reader, report);
  reader.number("exit_code", report.exit_code);
  reader.text("aborted", report.aborted);
  std::map<std::string, int> told;
  reader.counts("totals", told);
  reader.seconds("seconds", report.seconds);
  reader.each("generations", [&](JsonReader& one) { read_applied(one, report.evidence.policies.emplace_back()); });
  reader.flag("receipts_complete", report.evidence.receipts_complete);
  reader.texts("errors", report.evidence.errors);
  reader.counts("unattributed", report.evidence.unattributed);
  reader.each("cells", [&](JsonReader& one) { read_cell(one, report); });
  reader.finish();
  if (problem.empty() && told != totals(report)) reader.complain("'totals' are not those of the cells");
  if (!problem.empty()) return fail(ErrorKind::usage, "not a report: " + problem);
  return report;
}

}  // namespace egressproof::report
