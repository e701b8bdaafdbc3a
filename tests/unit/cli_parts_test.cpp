// The pure parts of the command line.
#include <gmock/gmock.h>

#include "runner/cli/case_pages.h"
#include "runner/cli/manual_line.h"
#include "runner/cli/narrowing.h"
#include "runner/cli/packet_capture.h"
#include "runner/cli/progress.h"
#include "runner/cli/series.h"
#include "runner/cli/wire.h"

namespace egressproof::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using verdict::Status;
using verdict::Verdict;

report::Report report_of(int code, const std::vector<std::pair<std::string, std::pair<Verdict, Status>>>& cells) {
  report::Report report;
  report.exit_code = code;
  for (const auto& [id, outcome] : cells) {
    verdict::Finding finding;
    finding.scenario = "s";
    finding.case_id = id;
    finding.profile = "P";
    finding.verdict = outcome.first;
    finding.status = outcome.second;
    report.judged.findings.push_back(finding);
  }
  return report;
}

const std::pair denied{Verdict::deny, Status::pass};
const std::pair leaked{Verdict::leak, Status::fail};

TEST(Series, ACellThatChangesIsFlaky) {
  Series series;
  series.add(report_of(0, {{"a", denied}, {"b", denied}}));
  EXPECT_EQ(series.exit_code(), 0);
  series.add(report_of(0, {{"a", denied}, {"b", {Verdict::allow, Status::recorded}}}));
  ASSERT_EQ(series.flaky().size(), 1U);
  EXPECT_EQ(to_string(series.flaky()[0]), "s/b [P]  ALLOW (recorded) once, DENY (pass) once");
  EXPECT_EQ(series.exit_code(), 4);
}

TEST(Series, AMismatchGoesBeforeFlakyAndAnAbortBeforeAll) {
  Series series;
  series.add(report_of(0, {{"a", denied}}));
  series.add(report_of(1, {{"a", leaked}}));
  EXPECT_EQ(series.exit_code(), 1);
  series.add(report_of(3, {}));
  EXPECT_EQ(series.exit_code(), 3);
}

TEST(Narrowing, ShardsAreStableAndOneForEachCase) {
  for (const char* id : {"host-spoof", "deny-raw", "allow-http"}) {
    int parts = 0;
    for (int i = 1; i <= 4; ++i) parts += in_shard({i, 4}, "spoof", id) ? 1 : 0;
    EXPECT_EQ(parts, 1) << id;
  }
  EXPECT_TRUE(shard_from("2/4"));
  for (const char* wrong : {"", "1", "0/4", "5/4", "1/", "/4", "1/4x", "a/b", "1/-4"})
    EXPECT_FALSE(shard_from(wrong)) << wrong;
}

TEST(Narrowing, LeaksAreToReproduceButDidPassForARerun) {
  const auto report = report_of(0, {{"a", denied}, {"b", leaked}, {"c", {Verdict::leak, Status::known_leak}}});
  EXPECT_THAT(not_passed(report), ElementsAre(CellName{"s", "b", "P"}));
  EXPECT_THAT(failing_or_leaking(report), ElementsAre(CellName{"s", "b", "P"}, CellName{"s", "c", "P"}));
}

TEST(Narrowing, LeavesOnlyWhatTheCellsNeed) {
  plan::Plan plan;
  for (const char* name : {"P0", "P3", "P4"}) {
    scenario::Profile profile;
    profile.name = name;
    profile.vantage = plan.profiles.empty();
    plan.profiles.push_back(profile);
  }
  plan.controls.resize(2);
  plan.controls[0].id = "first";
  plan.controls[1].id = "second";
  plan.cells.resize(2);
  plan.cells[0].scenario = plan.cells[1].scenario = "s";
  plan.cells[0].case_id = "a";
  plan.cells[0].profile = plan.cells[0].pod = plan.cells[0].via = "P3";
  plan.cells[1].case_id = "b";
  plan.cells[1].profile = plan.cells[1].pod = plan.cells[1].via = "P4";
  plan.cells[1].control = 1;
  narrow(plan, {}, {std::nullopt, std::set<CellName>{{"s", "b", "P4"}}});
  ASSERT_EQ(plan.cells.size(), 1U);
  ASSERT_EQ(plan.controls.size(), 1U);
  EXPECT_EQ(plan.controls[plan.cells[0].control].id, "second");
  ASSERT_EQ(plan.profiles.size(), 2U);
  EXPECT_EQ(plan.profiles[1].name, "P4");
}

TEST(ManualLine, IsOfTheProgramThatCanSendIt) {
  probe::Attempt attempt;
  attempt.nonce = std::string(32, 'a');
  attempt.address = "198.51.100.66";
  attempt.port = 443;
  attempt.protocol = probe::Protocol::tls;
  attempt.sni = "allow.test";
  EXPECT_EQ(manual_line(attempt), "openssl s_client -connect 198.51.100.66:443 -servername allow.test -alpn ep-" +
                                      attempt.nonce + " </dev/null");
  attempt.protocol = probe::Protocol::tcp;
  attempt.payload = "it's {nonce}";
  EXPECT_THAT(manual_line(attempt), HasSubstr(attempt.nonce));
  EXPECT_THAT(manual_line(attempt), HasSubstr("| nc -w 3 198.51.100.66 443"));
  attempt.protocol = probe::Protocol::dns;
  attempt.name = "a.test";
  attempt.port = 0;
  attempt.query_type = "TXT";
  attempt.server = "192.0.2.53";
  EXPECT_EQ(manual_line(attempt), "dig @192.0.2.53 a.test TXT");
}

TEST(ManualLine, IsNoneWhereTheProgramWouldSendSomethingElse) {
  probe::Attempt attempt;
  attempt.nonce = std::string(32, 'a');
  attempt.address = "198.51.100.66";
  attempt.port = 443;
  attempt.protocol = probe::Protocol::tls;
  attempt.tls_version = "1.2";
  EXPECT_THAT(manual_line(attempt), HasSubstr(" -tls1_2 "));
  attempt.hello_segments = 7;
  EXPECT_EQ(manual_line(attempt), "");
  attempt.hello_segments = 1;
  attempt.outer = probe::OuterTls{"allow.test"};
  EXPECT_EQ(manual_line(attempt), "");
}

TEST(Wire, SaysAllThatIsSent) {
  probe::Attempt attempt;
  attempt.nonce = std::string(32, 'a');
  attempt.address = "198.51.100.66";
  attempt.port = 443;
  attempt.protocol = probe::Protocol::tls;
  attempt.sni = "other.test";
  attempt.outer = probe::OuterTls{"allow.test"};
  EXPECT_THAT(wire_lines(attempt), ElementsAre("dials 198.51.100.66:443",
                                               "TLS: SNI other.test, within mutual TLS by the workload's certificate "
                                               "with SNI allow.test (handshake only)"));
  attempt = {};
  attempt.address = "198.51.100.66";
  attempt.protocol = probe::Protocol::ip;
  attempt.ip_protocol = 47;
  attempt.payload = "x{nonce}";
  EXPECT_THAT(wire_lines(attempt),
              ElementsAre("dials 198.51.100.66", "sends packets of IP protocol 47 with \"x{nonce}\""));
  attempt.protocol = probe::Protocol::udp;
  attempt.port = 53;
  EXPECT_THAT(wire_lines(attempt), ElementsAre("dials 198.51.100.66:53", "sends datagrams with \"x{nonce}\""));
}

TEST(Progress, TheBarOnlyGrowsAndSaysWhatIsLeft) {
  Estimate estimate;
  EXPECT_EQ(estimate.left(1), "");
  double last = 0;
  for (const run::Phase phase : {run::Phase::open, run::Phase::canary, run::Phase::apply, run::Phase::probes}) {
    for (const bool step : {false, true}) {
      estimate.tell(phase, step);
      EXPECT_GE(estimate.done(), last);
      last = estimate.done();
    }
  }
  EXPECT_LT(last, 1);
  estimate.tell(run::Phase::open, false);
  EXPECT_EQ(estimate.done(), last);
  EXPECT_THAT(bar_line(estimate, 6, "probes", 100), HasSubstr(" s left: probes"));
  EXPECT_LE(bar_line(estimate, 6, std::string(300, 'x'), 60).size(), 59U);
}

TEST(Progress, WorldsOneAfterTheOtherShareTheBar) {
  Estimate estimate;
  estimate.begin_part(1, 2);
  estimate.tell(run::Phase::close, false);
  estimate.tell(run::Phase::close, true);
  EXPECT_LE(estimate.done(), 0.5);
  EXPECT_GT(estimate.done(), 0.4);
  estimate.begin_part(2, 2);
  estimate.tell(run::Phase::open, false);
  EXPECT_EQ(estimate.done(), 0.5);
  estimate.tell(run::Phase::close, false);
  EXPECT_GT(estimate.done(), 0.9);
}

TEST(Pcap, HeaderAndRecordAreOfTheClassicFormat) {
  EXPECT_EQ(pcap_header().size(), 24U);
  const std::string record = pcap_record(std::chrono::microseconds(3'000'007), "abc", 1500);
  ASSERT_EQ(record.size(), 19U);
  EXPECT_EQ(record.substr(0, 4), std::string("\x03\0\0\0", 4));
  EXPECT_EQ(record.substr(4, 4), std::string("\x07\0\0\0", 4));
  EXPECT_EQ(record.substr(8, 4), std::string("\x03\0\0\0", 4));
  EXPECT_EQ(record.substr(12, 4), std::string("\xdc\x05\0\0", 4));
  EXPECT_EQ(record.substr(16), "abc");
}

TEST(MarkdownText, CannotBecomeMarkup) {
  EXPECT_EQ(markdown_text("a|b <c> *d* _e_ `f` [g]"), "a\\|b \\<c\\> \\*d\\* \\_e\\_ \\`f\\` \\[g\\]");
}

}  // namespace
}  // namespace egressproof::cli
