#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "runner/report/explain.h"
#include "runner/report/marks.h"
#include "runner/report/matrix.h"
#include "runner/report/names.h"
#include "runner/report/outcome.h"
#include "runner/report/printable.h"
#include "runner/report/times.h"

namespace egressproof::report {
namespace {

using verdict::Status;

class TextWriter {
 public:
  TextWriter(const Report& report, const TextOptions& options, std::ostream& out)
      : report_(report), options_(options), cells_(cells_of(report)), out_(out) {
    options_.width = std::max(options_.width, 40);
  }

  void write() {
    head();
    alarm();
    write_matrix(report_, cells_, options_, out_);
    for (const Status status : {Status::fail, Status::news, Status::inconclusive, Status::error}) explained(status);
    if (options_.verbose)
      for (const Status status : {Status::known_leak, Status::recorded, Status::pass}) explained(status);
    known_leaks();
    recorded_otherwise();
    skips();
    run_errors();
    write_times(report_, width(), out_);
    result();
  }

 private:
  [[nodiscard]] std::size_t width() const { return static_cast<std::size_t>(options_.width); }

  void paragraph(const std::string& text, std::size_t first, std::size_t hanging) {
    const auto lines = wrapped(text, width() - hanging);
    for (std::size_t i = 0; i < lines.size(); ++i)
      out_ << std::string(i == 0 ? first : hanging, ' ') << lines[i] << '\n';
  }

  void heading(const std::string& text, Tone tone) { out_ << '\n' << painted(text, tone, options_.colour) << '\n'; }

  void head() {
    std::vector<std::string> parts = {"egressproof " + report_.tool_version};
    const auto add = [&](const std::string& name, const std::string& value) {
      if (!value.empty()) parts.push_back(name + value);
    };
    add("backend ", report_.backend);
    add("run ", report_.run_id);
    add("seed ", report_.seed);
    add("", report_.started_at);
    paragraph(joined(parts, ", "), 0, 2);
    std::vector<std::string> versions;
    for (const auto& [name, version] : report_.versions) versions.push_back(joined({name, version}, " "));
    paragraph(joined(versions, ", "), 0, 2);
  }

  // What no reader may miss: before the matrix, and again in the result.
  void alarm() {
    if (report_.aborted.empty()) return;
    const std::string bar(std::min<std::size_t>(width(), 78), '!');
    heading(bar, Tone::bad);
    for (const auto& line : wrapped("RUN ABORTED: " + report_.aborted, width()))
      out_ << painted(line, Tone::bad, options_.colour) << '\n';
    out_ << "What follows is incomplete and proves nothing that it does not show.\n"
         << painted(bar, Tone::bad, options_.colour) << '\n';
  }

  void explained(Status status) {
    const auto count = std::count_if(cells_.list.begin(), cells_.list.end(),
                                     [&](const CellView& cell) { return cell.finding->status == status; });
    if (count == 0) return;
    const auto title = [&]() -> std::pair<const char*, Tone> {
      switch (status) {
        case Status::fail:
          return {"MISMATCHES", Tone::bad};
        case Status::news:
          return {"NEWS: documented holes that did not show", Tone::warning};
        case Status::inconclusive:
          return {"INCONCLUSIVE", Tone::unsure};
        case Status::error:
          return {"ERRORS of the harness, no verdict", Tone::unsure};
        case Status::known_leak:
          return {"KNOWN LEAKS, explained", Tone::warning};
        case Status::recorded:
          return {"RECORDED, explained", Tone::plain};
        case Status::pass:
          break;
      }
      return {"PASSES, explained", Tone::good};
    }();
    heading(fmt::format("{} ({})", title.first, count), title.second);
    for (const CellView& cell : cells_.list) {
      if (cell.finding->status != status) continue;
      const CaseText* text = case_text(report_, cell.finding->scenario, cell.finding->case_id);
      out_ << '\n'
           << "  " << painted(mark_of(*cell.finding).text, mark_of(*cell.finding).tone, options_.colour) << "  "
           << painted(cell_name(*cell.finding), Tone::title, options_.colour) << '\n';
      if (text != nullptr) paragraph(text->title, 4, 4);
      explain(report_, cell, width(), out_);
    }
  }

  // By case and place of arrival: profiles in one line.
  void known_leaks() {
    const auto groups = known_leaks_of(cells_);
    if (groups.empty()) return;
    heading("known leaks: documented holes, each proven again by a receipt", Tone::warning);
    for (const auto& [finding, profiles] : groups) {
      const CaseText* text = case_text(report_, finding->scenario, finding->case_id);
      paragraph(
          finding->scenario + "/" + finding->case_id + " [" + joined(profiles, " ") + "] " +
              (finding->reached.empty() ? "no receipt was kept" : "arrived at " + joined(finding->reached, ", ")) +
              (text == nullptr || text->why.empty() ? "" : ": " + text->why),
          2, 4);
      if (text != nullptr && !text->fix.empty()) paragraph("fix: " + text->fix, 4, 9);
    }
  }

  void recorded_otherwise() {
    bool any = false;
    for (const auto& [row, finding] : cells_.list) {
      if (finding->status != Status::recorded || as_expected(finding->expectation.expect, finding->verdict)) continue;
      if (!any) heading("implementation-defined, other than written down", Tone::plain);
      any = true;
      paragraph(cell_name(*finding) + ": " + to_string(finding->expectation.expect) + " was written down, " +
                    to_string(finding->verdict) + " was seen. " + finding->because,
                2, 4);
    }
  }

  void skips() {
    if (report_.skips.empty()) return;
    std::vector<std::string> reasons;
    for (const auto& skip : report_.skips)
      if (std::find(reasons.begin(), reasons.end(), skip.reason) == reasons.end()) reasons.push_back(skip.reason);
    heading("skipped", Tone::plain);
    for (const auto& reason : reasons) {
      std::vector<std::string> names;
      for (const auto& skip : report_.skips)
        if (skip.reason == reason)
          names.push_back(skip.scenario + (skip.case_id.empty() ? "" : "/" + skip.case_id) +
                          (skip.profile.empty() ? "" : " [" + skip.profile + "]"));
      paragraph(reason + ": " + joined(names, ", "), 2, 4);
    }
  }

  void run_errors() {
    const auto& evidence = report_.evidence;
    const bool lost = !evidence.receipts_complete && !cells_.list.empty();
    if (lost || !evidence.errors.empty()) heading("ERRORS of the run", Tone::bad);
    if (lost) paragraph("the receipts are incomplete: what did not arrive is not proven", 2, 4);
    for (const auto& error : evidence.errors) paragraph(error, 2, 4);
    std::vector<std::string> counts;
    for (const auto& [fixture, count] : evidence.unattributed)
      if (count > 0) counts.push_back(fixture + " " + std::to_string(count));
    if (counts.empty()) return;
    heading("connections that carried no nonce", Tone::plain);
    paragraph(joined(counts, ", "), 2, 4);
  }

  void result() {
    out_ << '\n';
    paragraph(totals_text(report_), 0, 2);
    const auto [text, tone] = outcome_of(report_);
    for (const auto& line : wrapped(fmt::format("result: {} (exit code {})", text, report_.exit_code), width()))
      out_ << painted(line, tone, options_.colour) << '\n';
  }

  const Report& report_;
  TextOptions options_;
  Cells cells_;
  std::ostream& out_;
};

}  // namespace

void write_text(const Report& report, const TextOptions& options, std::ostream& out) {
  TextWriter(report, options, out).write();
}

}  // namespace egressproof::report
