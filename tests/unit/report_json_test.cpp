#include <gmock/gmock.h>

#include <sstream>

#include "runner/report/read.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;

std::string ndjson_of(const Report& report) {
  std::ostringstream out;
  write_ndjson(report, out);
  return out.str();
}

std::vector<Report> samples() {
  Report unplanned = sample::every();
  unplanned.evidence.rows[0].probe = {};
  unplanned.evidence.rows[0].control = {};
  unplanned.evidence.rows[1].probe.attempt.sequence = 0;
  Report unjudged = sample::every();
  unjudged.judged.findings.pop_back();
  Report worlds = sample::every();
  worlds.evidence.rows[1].world = 1;
  worlds.evidence.policies.push_back(worlds.evidence.policies.back());
  return {sample::every(), sample::nasty(), sample::empty(), sample::wide(5), unplanned, unjudged, worlds};
}

TEST(ReportJson, Golden) { sample::expect_golden("single.json", to_json(sample::single()).dump(1) + "\n"); }

TEST(ReportJson, ComesBackAsItWas) {
  for (const Report& report : samples()) {
    const Json json = to_json(report);
    const auto back = from_json(Json::parse(json.dump()));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_json(*back).dump(1), json.dump(1));
    EXPECT_EQ(exit_code(*back), exit_code(report));
  }
}

TEST(ReportJson, WireBytesSurvive) {
  const Report report = sample::nasty();
  const auto back = from_json(to_json(report));
  ASSERT_TRUE(back) << back.error().message;
  const auto& row = report.evidence.rows[5];
  const auto& read = back->evidence.rows[5];
  EXPECT_EQ(read.probe.attempt.host, row.probe.attempt.host);
  EXPECT_EQ(read.probe.attempt.sni, row.probe.attempt.sni);
  EXPECT_EQ(read.probe.received[0].path, row.probe.received[0].path);
  EXPECT_EQ(read.probe.received[0].nonce, row.probe.received[0].nonce);
  EXPECT_EQ(read.cell.target.host, row.cell.target.host);
}

TEST(ReportJson, EveryTextFormIsWrittenFromWhatWasRead) {
  const Report report = sample::every();
  const auto back = from_json(to_json(report));
  ASSERT_TRUE(back) << back.error().message;
  const auto forms = [](const Report& one) {
    std::ostringstream out;
    write_text(one, {false, 100, true}, out);
    write_junit(one, out);
    write_ndjson(one, out);
    return out.str();
  };
  EXPECT_EQ(forms(*back), forms(report));
}

TEST(ReportJson, TotalsAreThoseOfTheCells) {
  const Json json = to_json(sample::every());
  std::map<std::string, int> counted;
  for (const Json& cell : json["cells"]) ++counted[cell["status"].get<std::string>()];
  for (const auto& [status, count] : json["totals"].items()) EXPECT_EQ(count.get<int>(), counted[status]) << status;
  EXPECT_EQ(json["totals"].size(), 7U);
}

struct Mistake {
  const char* pointer;
  Json value;
  std::string message;
};

TEST(ReportJson, MistakesAreNamedWithTheirPlace) {
  const std::vector<Mistake> mistakes = {
      {"/schema", 2, "a report of schema 2; this program reads schema 1"},
      {"/seedd", "", "not a report: unknown key 'seedd' (did you mean 'seed'?)"},
      {"/seed", 5, "not a report: 'seed' must be a string"},
      {"/exit_code", -1, "not a report: 'exit_code' must be a whole number from 0"},
      {"/versions", {{"a", 1}}, "not a report: 'versions': the value of 'a' has the wrong type"},
      {"/cells/0/status", "passed", "not a report: cells[0]: 'status' must not be 'passed'"},
      {"/cells/0/probe/attempt/port", 0, "not a report: cells[0].probe.attempt: 'port' must be from 1 to 65535"},
      {"/cells/0/probe/observed/code", "nope", "not a report: cells[0].probe.observed: unknown code 'nope'"},
      {"/cells/0/probe/received/0/kind", "x", "not a report: cells[0].probe.received[0]: unknown kind 'x'"},
      {"/cells/0/probe/received/0/extra", 1, "not a report: cells[0].probe.received[0]: unknown key 'extra'"},
      {"/cells/0/probe/logged/0", 1, "not a report: cells[0].probe.logged[0]: must be an object"},
      {"/cells/0/probe/logged/0/cod", 1,
       "not a report: cells[0].probe.logged[0]: unknown key 'cod' (did you mean 'code'?)"},
      {"/cells/0/control/before/genuine_answer", "yes",
       "not a report: cells[0].control.before: 'genuine_answer' must be true or false"},
      {"/cells/0/target/host", "\xe2\x82\xac",
       "not a report: cells[0].target: 'host' has a code point above U+00FF; it stands for bytes"},
      {"/generations/0/enforcement/1/first_new_us", 1.5,
       "not a report: generations[0].enforcement[1]: 'first_new_us' must be whole microseconds from 0"},
      {"/totals/pass", 100, "not a report: 'totals' are not those of the cells"},
      {"/cells/0/expected", Json::object(), "not a report: cells[0].expected: missing key 'expect'"},
  };
  for (const Mistake& mistake : mistakes) {
    Json json = to_json(sample::single());
    json[Json::json_pointer(mistake.pointer)] = mistake.value;
    const auto read = from_json(json);
    ASSERT_FALSE(read) << mistake.pointer;
    EXPECT_EQ(read.error().message, mistake.message);
    EXPECT_EQ(read.error().kind, ErrorKind::usage);
  }
  EXPECT_EQ(from_json(Json(5)).error().message, "not a report: must be an object");
}

TEST(ReportJson, EveryKeyIsRequiredOrKnownToBeOptional) {
  const Json json = to_json(sample::every());
  for (const auto& [key, value] : json.items()) {
    Json less = json;
    less.erase(key);
    ASSERT_FALSE(from_json(less)) << key;
  }
}

TEST(ReportNdjson, RunCellsSummary) {
  for (const Report& report : samples()) {
    std::istringstream in(ndjson_of(report));
    std::vector<Json> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    const Json whole = to_json(report);
    ASSERT_EQ(lines.size(), whole["cells"].size() + 2);
    EXPECT_EQ(lines.front()["type"], "run");
    EXPECT_EQ(lines.back()["type"], "summary");
    // Together they say what the JSON report says.
    Json together = lines.front();
    together.update(lines.back());
    together["cells"] = Json::array();
    for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
      EXPECT_EQ(lines[i]["type"], "cell");
      lines[i].erase("type");
      together["cells"].push_back(lines[i]);
    }
    together.erase("type");
    for (const auto& [key, value] : whole.items()) EXPECT_EQ(together[key], value) << key;
    EXPECT_EQ(together.size(), whole.size());
  }
}

TEST(ReportJson, SameReportSameBytes) {
  EXPECT_EQ(to_json(sample::every()).dump(), to_json(sample::every()).dump());
  EXPECT_EQ(ndjson_of(sample::every()), ndjson_of(sample::every()));
}

TEST(ReportDocs, EveryCodeAndWordIsExplained) {
  const auto docs = read_file(EGRESSPROOF_SOURCE_DIR "/docs/report-format.md");
  const auto schema = read_file(EGRESSPROOF_SOURCE_DIR "/docs/report.schema.json");
  ASSERT_TRUE(docs && schema);
  for (int code = 0; code <= static_cast<int>(probe::Code::local_error); ++code) {
    const std::string name = to_string(static_cast<probe::Code>(code));
    EXPECT_THAT(*docs, HasSubstr("\n| `" + name + "` |"));
    EXPECT_THAT(*schema, HasSubstr("\"" + name + "\""));
  }
  for (int verdict = 0; verdict <= static_cast<int>(verdict::Verdict::error); ++verdict)
    EXPECT_THAT(*docs, HasSubstr("\n| `" + to_string(static_cast<verdict::Verdict>(verdict)) + "` |"));
  for (int status = 0; status <= static_cast<int>(verdict::Status::error); ++status)
    EXPECT_THAT(*docs, HasSubstr("\n| `" + to_string(static_cast<verdict::Status>(status)) + "` |"));
}

// docs/report.schema.json, by python3-jsonschema.
TEST(ReportSchema, FitsWhatIsWritten) {
  const sample::Folder folder;
  std::vector<std::string> command = {"python3", (sample::data_folder() / "check_schema.py").string(),
                                      EGRESSPROOF_SOURCE_DIR "/docs/report.schema.json"};
  int number = 0;
  for (const Report& report : samples()) {
    const std::string path = (folder.path() / std::to_string(number++)).string();
    ASSERT_TRUE(write_file_atomically(path + ".json", to_json(report).dump()));
    ASSERT_TRUE(write_file_atomically(path + ".ndjson", ndjson_of(report)));
    command.insert(command.end(), {path + ".json", path + ".ndjson"});
  }
  const auto ran = sample::run(command);
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("14 files"));
}

TEST(ReportSchema, RefusesWhatIsNotAReport) {
  const std::vector<std::pair<const char*, Json>> changes = {{"/cells/0/verdict", "PASS"},
                                                             {"/cells/0/probe/observed/code", "nope"},
                                                             {"/cells/0/probe/received/0/extra", 1},
                                                             {"/cells/0/control/after/attempt/port", 70000},
                                                             {"/exit_code", "0"},
                                                             {"/unknown", 1}};
  const sample::Folder folder;
  std::vector<std::string> command = {"python3", (sample::data_folder() / "check_schema.py").string(),
                                      EGRESSPROOF_SOURCE_DIR "/docs/report.schema.json"};
  for (const auto& [pointer, value] : changes) {
    Json json = to_json(sample::single());
    json[Json::json_pointer(pointer)] = value;
    command.push_back((folder.path() / (std::to_string(command.size()) + ".json")).string());
    ASSERT_TRUE(write_file_atomically(command.back(), json.dump()));
  }
  const auto ran = sample::run(command);
  EXPECT_EQ(ran.code, 1);
  for (std::size_t i = 0; i < changes.size(); ++i)
    EXPECT_THAT(ran.out, HasSubstr(command[i + 3] + ": ")) << changes[i].first << " was not refused";
}

}  // namespace
}  // namespace egressproof::report
