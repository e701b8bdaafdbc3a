#include "runner/report/html.h"

#include <gmock/gmock.h>

#include <sstream>

#include "base/json.h"
#include "runner/report/page.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string html_of(const Report& report) {
  std::ostringstream out;
  write_html(report, out);
  return out.str();
}

// As an HTML parser that knows nothing of us reads it.
Json parsed(const Report& report) {
  const sample::Folder folder;
  const std::string path = (folder.path() / "report.html").string();
  EXPECT_TRUE(write_file_atomically(path, html_of(report)));
  const auto ran = sample::run({"python3", (sample::data_folder() / "read_html.py").string(), path});
  EXPECT_EQ(ran.code, 0) << ran.out;
  return Json::parse(ran.out, nullptr, false);
}

TEST(ReportHtml, IsOneWellFormedPageThatLoadsNothing) {
  for (const Report& report : {sample::every(), sample::nasty(), sample::empty()}) {
    const Json page = parsed(report);
    EXPECT_EQ(page["unclosed"], Json::array());
    EXPECT_EQ(page["outside"], Json::array());
    EXPECT_EQ(page["scripts"], 1);
    EXPECT_EQ(page["elements"]["h1"], 1);
    EXPECT_EQ(page["elements"]["dialog"], 1);
  }
}

TEST(ReportHtml, ThePolicyAllowsItsOwnScriptAndStyleAlone) {
  const Json page = parsed(sample::nasty());
  EXPECT_TRUE(page["hashes_fit"].get<bool>());
  const auto policy = page["policy"].get<std::string>();
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("base-uri 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
}

TEST(ReportHtml, HoldsEveryCellWithItsEvidence) {
  const Report report = sample::every();
  const Json data = parsed(report)["data"];
  const Json whole = to_json(report);
  ASSERT_EQ(data["cells"].size(), whole["cells"].size());
  for (std::size_t i = 0; i < whole["cells"].size(); ++i) {
    Json cell = data["cells"][i];
    cell["control"] = data["controls"][cell["control"].get<std::size_t>()];
    for (const auto* added : {"mark", "repro", "curl"}) EXPECT_EQ(cell.erase(added), 1U);
    EXPECT_EQ(cell.dump(), whole["cells"][i].dump());
  }
  EXPECT_EQ(data["cells"][5]["mark"], Json::parse(R"({"text":"LEAK!","tone":"bad"})"));
  EXPECT_EQ(data["cells"][3]["mark"]["text"], "leak*");
}

TEST(ReportHtml, PlacesCellsSkipsAndGaps) {
  const Json data = parsed(sample::every())["data"];
  EXPECT_EQ(data["profiles"], Json({"P0", "P2", "P3", "P4"}));
  ASSERT_EQ(data["groups"].size(), 2U);
  EXPECT_EQ(data["groups"][0]["rows"][1]["cells"][1], Json({{"cell", 5}}));
  const Json& down = data["groups"][1]["rows"][1];
  EXPECT_EQ(down["id"], "down");
  EXPECT_EQ(down["cells"], Json::parse(R"([{"cell":12},null,null,{"skip":"needs kubernetes"}])"));
}

// A control is many times as large as what it is a control of.
TEST(ReportHtml, ASharedControlIsThereOnce) {
  Report report = sample::wide(100);
  for (auto& row : report.evidence.rows) row.control = report.evidence.rows.front().control;
  const Json data = parsed(report)["data"];
  EXPECT_GT(data["cells"].size(), 800U);
  EXPECT_EQ(data["controls"].size(), 1U);
  EXPECT_LT(html_of(report).size(), 3'000'000U);
}

TEST(ReportHtml, NothingOfTheReportBecomesMarkup) {
  Report report = sample::nasty();
  const std::string attack =
      "</script x></script><script>alert(1)</script><!--<img src=x onerror=alert(1)>{{script}}&lt;";
  report.evidence.rows[5].probe.attempt.host = attack;
  report.evidence.rows[5].probe.received[0].sni = attack;
  report.judged.findings[5].because = attack;
  report.aborted = attack;
  report.run_id = attack;
  const Json page = parsed(report);
  const Json calm = parsed(sample::every());
  const std::string raw = html_of(report);
  const std::size_t begin = raw.find("id=\"data\">") + 10;
  const std::string data = raw.substr(begin, raw.find("</script", begin) - begin);
  EXPECT_TRUE(Json::accept(data)) << "the element ends before its data";
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(page["elements"], calm["elements"]);
  EXPECT_EQ(page["outside"], Json::array());
  EXPECT_TRUE(page["hashes_fit"].get<bool>());
  EXPECT_EQ(page["data"]["cells"][5]["because"], attack);
  EXPECT_EQ(page["data"]["cells"][5]["probe"]["attempt"]["host"], attack);
  EXPECT_THAT(page["texts"]["outcome"].get<std::string>(), HasSubstr(attack));
}

TEST(ReportHtml, SaysTheOutcomeWithoutTheScript) {
  const Json texts = parsed(sample::every())["texts"];
  EXPECT_EQ(texts["outcome"], "result: MISMATCH (exit code 1)");
  EXPECT_EQ(texts["totals"],
            "13 cells: 4 pass, 1 known-leak, 1 news, 2 recorded, 3 fail, 1 inconclusive, 1 error, 2 skipped");
}

TEST(ReportHtml, SameReportSameBytes) { EXPECT_EQ(html_of(sample::nasty()), html_of(sample::nasty())); }

}  // namespace
}  // namespace egressproof::report
