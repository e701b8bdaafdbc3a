#include "runner/report/granularity.h"

#include <gmock/gmock.h>

#include <sstream>

#include "runner/report/markdown.h"

namespace egressproof::report {
namespace {

using scenario::Expect;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using verdict::Layer;
using verdict::Verdict;

class GranularityTest : public testing::Test {
 protected:
  void add(const std::string& id, const std::string& profile, Verdict verdict, Layer layer = Layer::none,
           Expect expect = Expect::deny, const std::string& scenario = granularity_scenario) {
    verdict::Finding one;
    one.scenario = scenario;
    one.case_id = id;
    one.profile = profile;
    one.expectation.expect = expect;
    one.verdict = verdict;
    one.layer = layer;
    report_.judged.findings.push_back(one);
    evidence::Row row;
    row.cell.scenario = one.scenario;
    row.cell.case_id = one.case_id;
    row.cell.profile = one.profile;
    report_.evidence.rows.push_back(row);
  }

  void SetUp() override {
    report_.profiles = {"P0", "GS", "GA"};
    report_.profile_titles = {{"GS", "the sidecar | alone"}};
    add("base.http", "P0", Verdict::allow, Layer::none, Expect::allow);
    add("domain.http", "P0", Verdict::allow, Layer::none, Expect::allow);
    add("base.http", "GS", Verdict::allow, Layer::none, Expect::allow);
    add("base.tls", "GS", Verdict::allow, Layer::none, Expect::allow);
    add("domain.http", "GS", Verdict::deny, Layer::sidecar);
    add("domain.tls", "GS", Verdict::inconclusive);
    add("address.http", "GS", Verdict::rerouted, Layer::none, Expect::reroute);
    add("path.http", "GS", Verdict::deny, Layer::authorization);
    add("path.tls", "GS", Verdict::leak, Layer::none, Expect::leak);
    add("past-proxy.path.http", "GS", Verdict::deny, Layer::network_policy);
    add("domain.http", "GS", Verdict::deny, Layer::gateway, Expect::deny, "another");
  }

  Report report_;
};

TEST_F(GranularityTest, OneRowAProfileAndProtocolFromVerdictsAlone) {
  const Granularity seen = granularity_of(report_);
  EXPECT_THAT(seen.differences, ElementsAre("domain", "address", "path"));
  ASSERT_EQ(seen.rows.size(), 2U) << "the vantage has none";
  EXPECT_EQ(seen.rows[0].protocol, "http");
  EXPECT_THAT(seen.rows[0].layers, ElementsAre("sidecar", "authorization"));
  EXPECT_EQ(seen.rows[0].answers.at("domain"), ToldApart::yes);
  EXPECT_EQ(seen.rows[0].answers.at("address"), ToldApart::own_address);
  EXPECT_EQ(seen.rows[0].answers.at("path"), ToldApart::yes);
  EXPECT_EQ(seen.rows[1].answers.at("domain"), ToldApart::unknown);
  EXPECT_EQ(seen.rows[1].answers.count("address"), 0U);
  EXPECT_EQ(seen.rows[1].answers.at("path"), ToldApart::no) << "expected or not, it arrived";
}

TEST_F(GranularityTest, WithoutTheAllowedRequestADenialSaysNothing) {
  report_.judged.findings[2].verdict = Verdict::false_deny;
  const Granularity seen = granularity_of(report_);
  EXPECT_EQ(seen.rows[0].answers.at("domain"), ToldApart::unknown);
  EXPECT_EQ(seen.rows[1].answers.at("path"), ToldApart::no) << "TLS has a request of its own";
  std::ostringstream out;
  write_granularity(seen, out);
  EXPECT_THAT(out.str(), HasSubstr("the allowed request did not pass"));
}

TEST_F(GranularityTest, AConnectionWithoutTheClientsBytesIsLate) {
  const std::size_t leak = 8;
  auto& received = report_.evidence.rows[leak].probe.received;
  received.resize(1);
  received[0].kind = target::ReceiptKind::connection;
  EXPECT_EQ(granularity_of(report_).rows[1].answers.at("path"), ToldApart::late);
  received.push_back(received[0]);
  received[1].kind = target::ReceiptKind::tls;
  EXPECT_EQ(granularity_of(report_).rows[1].answers.at("path"), ToldApart::no);
}

TEST_F(GranularityTest, Text) {
  std::ostringstream out;
  write_granularity(granularity_of(report_), out);
  EXPECT_THAT(out.str(), HasSubstr("GS  the sidecar | alone, http  yes      address  yes      sidecar, authorization\n"
                                   "GS  the sidecar | alone, tls   ?        -        no       \n"));
  std::ostringstream empty;
  write_granularity(granularity_of(Report()), empty);
  EXPECT_EQ(empty.str(), "The report has no cells of the scenario 'granularity'.\n");
}

TEST_F(GranularityTest, TheMarkdownReportHasItWhereItWasRun) {
  std::ostringstream out;
  write_markdown(report_, out);
  EXPECT_THAT(out.str(), HasSubstr("## What each layer tells apart\n\n| layer | domain | address | path | denied by |\n"
                                   "|---|:-:|:-:|:-:|---|\n"));
  EXPECT_THAT(out.str(), HasSubstr("| GS  the sidecar &#124; alone, http | yes | address | yes |"));
  std::ostringstream without;
  write_markdown(Report(), without);
  EXPECT_THAT(without.str(), Not(HasSubstr("tells apart")));
}

}  // namespace
}  // namespace egressproof::report
