#include "runner/report/sarif.h"

#include <algorithm>

#include "runner/report/cells.h"
#include "runner/report/explain.h"
#include "runner/report/json_parts.h"
#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

using verdict::Status;

// Text of a SARIF message, in which "[a](b)" would be a link and "{0}" an argument (sections 3.11.5 and 3.11.6).
std::string message_text(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '[' || c == ']' || c == '\\') out += '\\';
    if (c == '{' || c == '}') out += c;
    out += c;
  }
  return out;
}

Json message(const std::string& text) { return {{"text", message_text(text)}}; }

// RFC 3986: paths as written by the user, absolute ones as file URIs.
std::string uri_of(const std::string& path) {
  static constexpr char digits[] = "0123456789ABCDEF";
  const bool absolute = !path.empty() && path.front() == '/';
  std::string out = absolute ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

Json location(const Location& at, const std::string& what) {
  Json physical = {{"artifactLocation", {{"uri", uri_of(at.file)}}}};
  if (at.line > 0) {
    physical["region"] = {{"startLine", at.line}};
    if (at.column > 0) physical["region"]["startColumn"] = at.column;
  }
  Json one = {{"physicalLocation", std::move(physical)}};
  if (!what.empty()) one["message"] = message(what);
  return one;
}

std::optional<std::string> level_of(const verdict::Finding& finding) {
  switch (finding.status) {
    case Status::fail:
    case Status::news:
      return "error";
    case Status::known_leak:
      return "warning";
    case Status::recorded:
      if (!as_expected(finding.expectation.expect, finding.verdict)) return "note";
      return std::nullopt;
    case Status::pass:
    case Status::inconclusive:
    case Status::error:
      break;
  }
  return std::nullopt;
}

bool went_through(const std::vector<policy::MeshRecord>& records, const char* cluster) {
  return std::any_of(records.begin(), records.end(),
                     [&](const policy::MeshRecord& one) { return one.cluster == cluster; });
}

// The policy that a reader should look at first; nullptr: the scenario file, where what is written down is at odds with
// what was seen. What went through PassthroughCluster, or was blocked for want of an
// entry, follows from the Sidecar; all else from the object that was added last.
const PolicyText* anchor(const std::vector<PolicyText>& policies, const evidence::Row& row,
                         const verdict::Finding& finding) {
  if (policies.empty() || finding.status == Status::news || finding.status == Status::recorded) return nullptr;
  const bool open = went_through(row.probe.logged, "PassthroughCluster");
  const bool blocked = finding.verdict == verdict::Verdict::false_deny;
  if (open || blocked)
    for (const PolicyText& one : policies)
      if (one.kind == "Sidecar") return &one;
  return &policies.back();
}

Json locations_of(const Report& report, const CellView& cell, Json& related) {
  const verdict::Finding& finding = *cell.finding;
  const auto found = report.policies.find(finding.profile);
  static const std::vector<PolicyText> none;
  const auto& policies = found == report.policies.end() ? none : found->second;
  const PolicyText* first = anchor(policies, *cell.row, finding);
  const Location& at = first == nullptr ? finding.expectation.at : first->at;
  Json list = Json::array();
  if (!at.file.empty()) list.push_back(location(at, ""));
  for (const PolicyText& one : policies)
    if (&one != first && !one.at.file.empty())
      related.push_back(location(one.at, one.kind + " " + one.name + " of profile " + finding.profile));
  if (first != nullptr && !finding.expectation.at.file.empty())
    related.push_back(location(finding.expectation.at, "what is expected"));
  return list;
}

std::string told(const verdict::Finding& finding) {
  std::string text = finding.scenario + "/" + finding.case_id + " in profile " + finding.profile + ": " +
                     (finding.status == Status::known_leak ? "KNOWN-LEAK" : to_string(finding.verdict)) +
                     ", expected " + to_string(finding.expectation.expect) + " (" +
                     to_string(finding.expectation.stance) + "). " + finding.because;
  if (!finding.mechanism.empty()) text += ". Mechanism: " + finding.mechanism;
  if (!finding.reached.empty()) text += ". Arrived at: " + joined(finding.reached, ", ");
  return text + ". To repeat: " + repro_line(finding);
}

Json rule_of(const Report& report, const verdict::Finding& finding) {
  Json rule = {{"id", printable(finding.scenario + "/" + finding.case_id)}};
  const CaseText* text = case_text(report, finding.scenario, finding.case_id);
  if (text == nullptr) return rule;
  if (!text->title.empty()) rule["shortDescription"] = message(text->title);
  if (!text->why.empty()) rule["fullDescription"] = message(text->why);
  std::vector<std::string> help;
  if (!text->why.empty()) help.push_back("Why: " + text->why);
  if (!text->fix.empty()) help.push_back("Fix: " + text->fix);
  if (!help.empty()) rule["help"] = message(joined(help, ". "));
  const bool link =
      text->reference.rfind("https://", 0) == 0 &&
      std::all_of(text->reference.begin(), text->reference.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (link) rule["helpUri"] = text->reference;
  rule["properties"] = {{"tags", {"security", "egress", printable(finding.scenario)}}};
  return rule;
}

Json notification(const std::string& text) { return {{"level", "error"}, {"message", message(text)}}; }

Json invocation_of(const Report& report, const Cells& cells) {
  Json notifications = Json::array();
  if (!report.aborted.empty()) notifications.push_back(notification("run aborted: " + report.aborted));
  if (report.aborted.empty() && cells.list.empty()) notifications.push_back(notification("nothing ran"));
  if (!report.evidence.receipts_complete && !cells.list.empty())
    notifications.push_back(notification("the receipts are incomplete: what did not arrive is not proven"));
  for (const auto& error : report.evidence.errors) notifications.push_back(notification(error));
  for (const CellView& cell : cells.list)
    if (cell.finding->status == Status::inconclusive || cell.finding->status == Status::error)
      notifications.push_back(notification(told(*cell.finding)));
  Json invocation = {{"executionSuccessful", report.exit_code == 0 || report.exit_code == 1},
                     {"exitCode", report.exit_code}};
  if (!report.started_at.empty()) invocation["startTimeUtc"] = valid_utf8(report.started_at);
  invocation["toolExecutionNotifications"] = std::move(notifications);
  return invocation;
}

}  // namespace

Json to_sarif(const Report& report) {
  const Cells cells = cells_of(report);
  Json rules = Json::array();
  Json results = Json::array();
  std::map<std::string, std::size_t> numbers;
  for (const CellView& cell : cells.list) {
    const verdict::Finding& finding = *cell.finding;
    const auto level = level_of(finding);
    if (!level) continue;
    const std::string id = printable(finding.scenario + "/" + finding.case_id);
    const auto [number, added] = numbers.try_emplace(id, rules.size());
    if (added) rules.push_back(rule_of(report, finding));
    Json related = Json::array();
    Json result = {{"ruleId", id},
                   {"ruleIndex", number->second},
                   {"level", *level},
                   {"message", message(told(finding))},
                   {"locations", locations_of(report, cell, related)}};
    if (!related.empty()) result["relatedLocations"] = std::move(related);
    result["partialFingerprints"] = {{"egressproofCell/v1", printable(id + "/" + finding.profile)}};
    result["properties"] = {{"profile", printable(finding.profile)},
                            {"status", to_string(finding.status)},
                            {"verdict", to_string(finding.verdict)}};
    results.push_back(std::move(result));
  }
  Json driver = {{"name", "egressproof"}, {"version", valid_utf8(report.tool_version)}, {"rules", std::move(rules)}};
  Json run = {{"tool", {{"driver", std::move(driver)}}},
              {"automationDetails", {{"id", printable("egressproof/" + report.backend + "/")}}},
              {"invocations", Json::array({invocation_of(report, cells)})},
              {"columnKind", "unicodeCodePoints"},
              {"results", std::move(results)}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({std::move(run)})}};
}

}  // namespace egressproof::report
