#include "runner/report/html.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <tuple>

#include "runner/report/explain.h"
#include "runner/report/grid.h"
#include "runner/report/json_parts.h"
#include "runner/report/markup.h"
#include "runner/report/outcome.h"
#include "runner/report/page.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

const char* tone_name(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "plain";
    case Tone::good:
      return "good";
    case Tone::warning:
      return "warning";
    case Tone::bad:
      return "bad";
    case Tone::unsure:
      return "unsure";
    case Tone::faint:
      return "faint";
    case Tone::title:
      return "title";
  }
  return "plain";
}

// Many cells share their control; each is in the page once.
class Controls {
 public:
  std::size_t number_of(Json control) {
    const auto [place, added] = numbers_.try_emplace(control.dump(), list_.size());
    if (added) list_.push_back(std::move(control));
    return place->second;
  }
  Json take() { return std::move(list_); }

 private:
  std::map<std::string, std::size_t> numbers_;
  Json list_ = Json::array();
};

Json page_cell(const CellView& view, Controls& controls) {
  Json cell = cell_json(*view.row, *view.finding);
  cell["control"] = controls.number_of(std::move(cell["control"]));
  const Mark mark = mark_of(*view.finding);
  cell["mark"] = {{"text", mark.text}, {"tone", tone_name(mark.tone)}};
  cell["repro"] = valid_utf8(repro_line(*view.finding));
  cell["curl"] = valid_utf8(curl_line(view.row->probe.attempt));
  return cell;
}

// Where each cell stands, so that the page has the rows and columns of all other forms.
Json groups_json(const Report& report, const Cells& cells, const Grid& grid) {
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> numbers;
  for (std::size_t i = 0; i < cells.list.size(); ++i) {
    const verdict::Finding& finding = *cells.list[i].finding;
    numbers.emplace(std::tuple{finding.scenario, finding.case_id, finding.profile}, i);
  }
  const auto place = [&](const std::string& scenario, const std::string& id, const std::string& profile) -> Json {
    if (const auto number = numbers.find({scenario, id, profile}); number != numbers.end())
      return {{"cell", number->second}};
    const auto skip = std::find_if(report.skips.begin(), report.skips.end(), [&](const plan::Skip& one) {
      return one.scenario == scenario && covers(one, id) && (one.profile.empty() || one.profile == profile);
    });
    return skip == report.skips.end() ? Json() : Json{{"skip", valid_utf8(skip->reason)}};
  };
  Json groups = Json::array();
  for (const Group& group : grid.groups) {
    Json rows = Json::array();
    for (const std::string& id : group.cases) {
      Json line = Json::array();
      for (const std::string& profile : grid.profiles) line.push_back(place(group.scenario.name, id, profile));
      rows.push_back({{"id", valid_utf8(id)}, {"cells", std::move(line)}});
    }
    groups.push_back({{"name", valid_utf8(group.scenario.name)},
                      {"title", valid_utf8(group.scenario.title)},
                      {"requirement", valid_utf8(group.scenario.requirement)},
                      {"rows", std::move(rows)}});
  }
  return groups;
}

Json page_data(const Report& report) {
  const Cells cells = cells_of(report);
  const Grid grid = grid_of(report, cells);
  Json data = Json::object();
  data["report"] = head_json(report);
  data["tone"] = tone_name(outcome_of(report).tone);
  data["receipts_complete"] = report.evidence.receipts_complete;
  data["lost"] = !report.evidence.receipts_complete && !cells.list.empty();
  data["profiles"] = texts_json(grid.profiles);
  data["groups"] = groups_json(report, cells, grid);
  Json marks = Json::array();
  for (const Mark& mark : used_marks(grid))
    marks.push_back({{"key", mark.key}, {"tone", tone_name(mark.tone)}, {"meaning", mark.meaning}});
  data["marks"] = std::move(marks);
  Controls controls;
  Json list = Json::array();
  for (const CellView& view : cells.list) list.push_back(page_cell(view, controls));
  data["cells"] = std::move(list);
  data["controls"] = controls.take();
  return data;
}

// JSON in a script element: neither "</script" nor "<!--" may stand in it, whatever the report holds.
std::string in_script(const Json& json) {
  std::string out;
  for (const char c : json.dump(-1, ' ', true)) switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  return out;
}

// 'sha256-...' of an inline element, as a content security policy names it.
std::string policy_hash(std::string_view content) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data());
  std::array<unsigned char, 4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), digest.data(), SHA256_DIGEST_LENGTH);
  return "'sha256-" + std::string(text.begin(), text.begin() + length) + "'";
}

// One pass: what is put in is never looked through for names again.
void fill(std::string_view page, const std::map<std::string, std::string>& values, std::ostream& out) {
  for (;;) {
    const std::size_t begin = page.find("{{");
    out << page.substr(0, begin);
    if (begin == std::string_view::npos) return;
    page.remove_prefix(begin + 2);
    const std::size_t end = page.find("}}");
    out << values.at(std::string(page.substr(0, end)));
    page.remove_prefix(end + 2);
  }
}

}  // namespace

void write_html(const Report& report, std::ostream& out) {
  const std::string script(page_js());
  const std::string style(page_css());
  const std::string outcome =
      "result: " + printable(outcome_of(report).text) + " (exit code " + std::to_string(report.exit_code) + ")";
  fill(page_html(),
       {{"policy", "default-src 'none'; style-src " + policy_hash(style) + "; script-src " + policy_hash(script) +
                       "; base-uri 'none'; form-action 'none'"},
        {"title", markup_escaped(printable("egressproof " + report.run_id + ": " + outcome_of(report).text))},
        {"outcome", markup_escaped(outcome)},
        {"totals", markup_escaped(totals_text(report))},
        {"style", style},
        {"data", in_script(page_data(report))},
        {"script", script}},
       out);
}

}  // namespace egressproof::report
