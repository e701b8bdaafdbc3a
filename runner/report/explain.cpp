#include "runner/report/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

constexpr std::size_t label_width = 10;
constexpr std::size_t margin = 4;
constexpr std::size_t most_lines = 6;  // of receipts or records that are told one by one

std::string named(const std::string& name, const std::string& value) { return value.empty() ? "" : name + " " + value; }

// Those that say something, with commas.
std::string listed(std::vector<std::string> parts) {
  parts.erase(std::remove(parts.begin(), parts.end(), ""), parts.end());
  return joined(parts, ", ");
}

std::string expected_text(const evidence::Row& row, const verdict::Finding& finding) {
  const std::string target = row.cell.target.fixture.empty() ? "the target" : row.cell.target.fixture;
  const std::string host = row.cell.target.host.empty() ? "" : " with Host " + printable_bytes(row.cell.target.host);
  std::string text = to_string(finding.expectation.expect) + ": ";
  switch (finding.expectation.expect) {
    case scenario::Expect::allow:
      text += "arrives at " + target + host + (row.cell.via.empty() ? "" : " by way of " + row.cell.via) +
              (row.via_addresses.empty() ? "" : " (" + joined(row.via_addresses, " ") + ")");
      break;
    case scenario::Expect::deny:
      text += "nothing at " + target + host;
      break;
    case scenario::Expect::reroute:
      text += "arrives at " + (row.cell.rerouted_to.empty() ? "another fixture" : row.cell.rerouted_to) +
              ", nothing at " + target + host;
      break;
    case scenario::Expect::leak:
      text += "arrives at " + target + host +
              (plan::relay_of(row.cell.via).empty() ? "" : " by way of " + row.cell.via) + ", although it must not";
      break;
    case scenario::Expect::outage:
      text += target + " is down, which must not be taken for a deny";
      break;
  }
  text += " (" + to_string(finding.expectation.stance) + ")";
  const std::string at = to_string(finding.expectation.at);
  return at.empty() ? text : text + ", " + at;
}

std::string observed_text(const verdict::Finding& finding) {
  std::string text = to_string(finding.verdict);
  if (!finding.stage.empty()) text += " at stage " + finding.stage;
  if (finding.layer != verdict::Layer::none) text += ", by " + to_string(finding.layer);
  if (!finding.mechanism.empty()) text += ": " + finding.mechanism;
  if (!finding.reached.empty()) text += "; arrived at " + joined(finding.reached, ", ");
  return text;
}

std::string answer_text(const evidence::Witnesses& seen) {
  const auto& answer = seen.observed->answer;
  if (!answer) return "no answer of a fixture";
  return fmt::format("answer of {} (receipt #{}, {})", printable_bytes(answer->fixture), answer->receipt,
                     seen.genuine_answer ? "genuine" : "NOT GENUINE");
}

std::string outcome_text(const evidence::Witnesses& seen) {
  if (!seen.observed) return "nothing was told by the probe";
  const auto& observed = *seen.observed;
  const std::string status = observed.http_status ? fmt::format("HTTP {}", *observed.http_status) : "";
  return listed({to_string(observed.code) + " in stage " + to_string(observed.reached), status, answer_text(seen)});
}

void write_client(const evidence::Witnesses& seen, std::size_t width, std::ostream& out) {
  write_field("client", outcome_text(seen), width, out);
  if (!seen.observed) return;
  const auto& observed = *seen.observed;
  std::vector<std::string> stages;
  for (const auto& stage : observed.stages)
    stages.push_back(to_string(stage.stage) + " " + std::to_string(stage.took.count()) + " us" +
                     (stage.code == probe::Code::ok ? "" : " (" + to_string(stage.code) + ")"));
  write_field("", joined(stages, ", "), width, out);
  write_field("",
              listed({named("dialled", printable_bytes(observed.peer)), named("from", printable_bytes(observed.local)),
                      named("resolved", printable_bytes(joined(observed.addresses, " "))),
                      named("ALPN", printable_bytes(observed.alpn)), printable_bytes(observed.tls_version),
                      named("certificate", printable_bytes(observed.certificate)),
                      named("server:", printable_bytes(observed.server_header)),
                      named("redirected to", printable_bytes(joined(observed.redirects, " "))),
                      named("DNS answer", printable_bytes(joined(observed.dns_answers, " ")))}),
              width, out);
  if (observed.code != probe::Code::ok) write_field("", printable_bytes(observed.detail), width, out);
}

// `label` before the first line; at most most_lines and a line that counts the rest.
template <class List, class Text>
void write_list(const std::string& label, const List& list, const std::string& none, Text text, std::size_t width,
                std::ostream& out) {
  if (list.empty()) write_field(label, none, width, out);
  for (std::size_t i = 0; i < std::min(list.size(), most_lines); ++i)
    write_field(i == 0 ? label : "", text(list[i]), width, out);
  if (list.size() > most_lines) write_field("", fmt::format("and {} more", list.size() - most_lines), width, out);
}

std::string nothing_logged(const evidence::Row& row) {
  if (!row.meshed) return "no proxy in this profile";
  return row.proxy_seen_around ? "nothing logged, though the proxy logged before and after"
                               : "nothing logged, and the proxy is not known to have logged before and after";
}

void write_control(const evidence::ControlEvidence& control, std::size_t width, std::ostream& out) {
  if (control.id.empty()) return write_field("control", "none", width, out);
  const auto side = [](bool allowed, const evidence::Witnesses& seen) {
    return (allowed ? "allowed (" : "NOT ALLOWED (") + outcome_text(seen) + ")";
  };
  write_field("control", "before: " + side(control.allowed_before, control.before), width, out);
  write_field("", "after: " + side(control.allowed_after, control.after), width, out);
  write_field("", control.why_not, width, out);
}

void write_in_force(const Report& report, const evidence::Row& row, const std::string& profile, std::size_t width,
                    std::ostream& out) {
  const std::string began =
      row.began_in_force ? "the attempt began in force" : "the attempt DID NOT BEGIN IN FORCE, or no canary proved it";
  if (report.evidence.policies.empty()) {
    write_field("in force", "no policies were applied", width, out);
  } else {
    const auto& policies = report.evidence.policies;
    const auto& its = policies[std::min(static_cast<std::size_t>(row.world), policies.size() - 1)];
    write_field("in force", fmt::format("generation {}: {}; {}", its.generation, its.because, began), width, out);
  }
  const auto found = report.policies.find(profile);
  if (found == report.policies.end()) return;
  std::vector<std::string> objects;
  for (const auto& one : found->second)
    objects.push_back(one.kind + " " + one.name + (one.at.file.empty() ? "" : " (" + to_string(one.at) + ")"));
  write_field("policies", joined(objects, ", "), width, out);
}

}  // namespace

std::string receipt_text(const target::Receipt& receipt) {
  const std::string sni = receipt.sni                                ? "SNI " + printable_bytes(*receipt.sni)
                          : receipt.kind == target::ReceiptKind::tls ? "no SNI"
                                                                     : "";
  return listed(
      {fmt::format("{} #{} {} at {} from {}", printable_bytes(receipt.fixture), receipt.number,
                   verdict::words_of(receipt.kind), printable_bytes(receipt.local), printable_bytes(receipt.peer)),
       sni, named("Host", printable_bytes(receipt.host)),
       printable_bytes(receipt.method + (receipt.method.empty() ? "" : " ") + receipt.path),
       named("name", printable_bytes(receipt.name)), named("payload", printable_bytes(receipt.payload))});
}

std::string record_text(const policy::MeshRecord& record) {
  return listed({record.proxy + ": " + (record.code > 0 ? "code " + std::to_string(record.code) : "no HTTP code"),
                 named("flags", record.flags), named("cluster", record.cluster), named("route", record.route),
                 named("upstream", record.upstream), record.details, record.termination, record.transport_failure,
                 named("dialled", record.destination), named("SNI", record.sni), named("authority", record.authority),
                 named("filter chain", record.chain)});
}

std::string joined(const std::vector<std::string>& texts, const std::string& between) {
  std::string all;
  for (std::size_t i = 0; i < texts.size(); ++i) all += (i == 0 ? "" : between) + texts[i];
  return all;
}

std::string duration_text(std::chrono::microseconds took) {
  const double us = static_cast<double>(took.count());
  if (us < 1e3) return fmt::format("{} us", took.count());
  if (us < 1e4) return fmt::format("{:.1f} ms", us / 1e3);
  if (us < 1e6) return fmt::format("{:.0f} ms", us / 1e3);
  return fmt::format("{:.2f} s", us / 1e6);
}

void write_field(const std::string& label, const std::string& text, std::size_t width, std::ostream& out) {
  const std::size_t start = margin + label_width;
  const auto lines = wrapped(text, width > start + 20 ? width - start : 20);
  for (std::size_t i = 0; i < lines.size(); ++i)
    out << std::string(margin, ' ') << padded(i == 0 ? label : "", label_width) << lines[i] << '\n';
}

std::string repro_line(const verdict::Finding& finding) {
  return "egressproof repro " + shell_quoted(finding.scenario + "/" + finding.case_id) + " --profile " +
         shell_quoted(finding.profile);
}

void explain(const Report& report, const CellView& cell, std::size_t width, std::ostream& out) {
  const auto& [row, finding] = cell;
  write_field("expected", expected_text(*row, *finding), width, out);
  write_field("observed", observed_text(*finding), width, out);
  write_field("because", finding->because, width, out);
  for (const auto& error : row->errors) write_field("error", error, width, out);
  write_client(row->probe, width, out);
  write_list("target", row->probe.received,
             report.evidence.receipts_complete ? "nothing received" : "nothing received, but RECEIPTS ARE INCOMPLETE",
             receipt_text, width, out);
  if (!row->unattributed.empty()) write_list("no nonce", row->unattributed, "", receipt_text, width, out);
  write_list("mesh", row->probe.logged, nothing_logged(*row), record_text, width, out);
  write_control(row->control, width, out);
  write_in_force(report, *row, finding->profile, width, out);
  if (const CaseText* text = case_text(report, finding->scenario, finding->case_id)) {
    write_field("why", text->why, width, out);
    write_field("reference", text->reference, width, out);
    write_field("fix", text->fix, width, out);
  }
  const auto command = [&](const char* label, const std::string& line) {
    if (!line.empty()) out << std::string(margin, ' ') << padded(label, label_width) << line << '\n';
  };
  command("repro", repro_line(*finding));
  command("curl", curl_line(row->probe.attempt));
}

}  // namespace egressproof::report
