// The table of docs/architecture.md, both ways: leaks, what proves nothing, denials and reroutes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using probe::Code;
using probe::Stage;
using scenario::Expect;
using scenario::Stance;
using target::ReceiptKind;
using testing::ElementsAre;
using testing::HasSubstr;

// A receipt at the forbidden target.

TEST(Leak, ReceiptAtTheForbiddenTargetWhateverTheClientSaw) {
  for (const Expect expect : {Expect::deny, Expect::reroute}) {
    Sample sample(expect);
    sample.receive("sink");
    sample.row.probe.received.insert(sample.row.probe.received.begin(), sample.row.probe.received[0]);
    sample.row.probe.received[0].number = 16;
    sample.row.probe.received[0].kind = ReceiptKind::connection;
    const Finding finding = sample.judged();
    EXPECT_FINDING(finding, Verdict::leak, Status::fail);
    EXPECT_THAT(finding.reached, ElementsAre("sink"));
    EXPECT_THAT(finding.because,
                HasSubstr("a request arrived at the forbidden sink (receipt 17 from 203.0.113.13:4242)"));
    EXPECT_FINDING(sample.answered_by("sink").judged(), Verdict::leak, Status::fail);
    EXPECT_FINDING(sample.answered_by("allow").judged(), Verdict::leak, Status::fail);
  }
}

TEST(Leak, IsNeverHidden) {
  Sample early;
  early.row.began_in_force = false;
  early.receive("sink");
  EXPECT_FINDING(early.judged(), Verdict::leak, Status::fail);
  Sample lost;
  lost.complete = false;
  lost.control(false, false).receive("sink");
  EXPECT_FINDING(lost.judged(), Verdict::leak, Status::fail);
  Sample unseen;
  unseen.row.probe.observed.reset();
  unseen.row.errors = {"the probe told nothing of it"};
  unseen.receive("sink");
  EXPECT_FINDING(unseen.judged(), Verdict::leak, Status::fail);
  Sample local;
  local.code(Code::local_error).receive("sink");
  EXPECT_FINDING(local.judged(), Verdict::leak, Status::fail);
}

TEST(Leak, EvenAConnectionOrPacketAlone) {
  for (const ReceiptKind kind :
       {ReceiptKind::connection, ReceiptKind::packet, ReceiptKind::tls, ReceiptKind::payload}) {
    Sample sample;
    sample.receive("sink", kind).nonce.clear();
    EXPECT_FINDING(sample.judged(), Verdict::leak, Status::fail);
  }
}

TEST(Leak, OnlyForTheHostThatTheCaseIsAbout) {
  Sample sample;
  sample.row.cell.target = {"sink", "fronted.test"};
  sample.row.probe.attempt.earlier.emplace();
  sample.receive("sink").host = "front.test";
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);
  sample.receive("sink").host = "fronted.test";
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::fail);
}

TEST(Leak, DocumentedOneIsKnownAndNeverAPass) {
  Sample sample(Expect::leak, Stance::known_leak);
  sample.logged({by_cluster()}).answered_by("sink");
  const Finding finding = sample.judged();
  EXPECT_FINDING(finding, Verdict::leak, Status::known_leak);
  EXPECT_EQ(finding.mechanism, "upstream 198.51.100.10:443 by outbound|443||allow.test");
  sample.row.began_in_force = false;
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::inconclusive);
}

TEST(Leak, DocumentedOneThatDoesNotShowIsNews) {
  EXPECT_FINDING(Sample(Expect::leak, Stance::known_leak).judged(), Verdict::deny, Status::news);
  EXPECT_FINDING(Sample(Expect::leak, Stance::known_leak).answered_by("allow").judged(), Verdict::rerouted,
                 Status::news);
  EXPECT_FINDING(Sample(Expect::leak, Stance::known_leak).control(false, true).judged(), Verdict::inconclusive,
                 Status::inconclusive);
}

// Too early; no observation.

TEST(TooEarly, IsInconclusiveForEveryExpectation) {
  for (const Expect expect : {Expect::allow, Expect::deny, Expect::reroute, Expect::leak, Expect::outage}) {
    Sample sample(expect);
    sample.row.began_in_force = false;
    EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
    sample.answered_by("allow");
    EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
    sample.code(Code::name_not_found);
    EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  }
}

TEST(HarnessFailure, IsAnErrorForEveryExpectation) {
  for (const Expect expect : {Expect::allow, Expect::deny, Expect::reroute, Expect::leak, Expect::outage}) {
    Sample silent(expect);
    silent.row.probe.observed.reset();
    silent.row.began_in_force = false;
    EXPECT_FINDING(silent.judged(), Verdict::error, Status::error);
    EXPECT_FINDING(Sample(expect).code(Code::local_error).judged(), Verdict::error, Status::error);
    EXPECT_FINDING(Sample(expect).code(Code::unsupported).judged(), Verdict::error, Status::error);
    Sample doubled(expect, Stance::implementation_defined);
    doubled.row.errors = {"observed twice, as 1 and 2"};
    EXPECT_FINDING(doubled.judged(), Verdict::error, Status::error);
    EXPECT_THAT(doubled.judged().because, HasSubstr("observed twice"));
  }
}

// Deny.

TEST(Deny, ClientFailedNothingArrivedAndTheMeshSaysWho) {
  const Finding finding = Sample().judged();
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::sidecar);
  EXPECT_EQ(finding.stage, "response");
  EXPECT_EQ(finding.mechanism, "route block_all, 502 direct_response");
  EXPECT_THAT(finding.reached, ElementsAre());
  EXPECT_EQ(finding.because,
            "denied by route block_all, 502 direct_response (the client saw ok in stage response, status 502); nothing "
            "arrived at sink, and its control did before and after");
}

TEST(Deny, WithoutBothControlsIsInconclusive) {
  for (const auto& [before, after] : {std::pair{false, true}, {true, false}, {false, false}}) {
    const Finding finding = Sample().control(before, after).judged();
    EXPECT_FINDING(finding, Verdict::inconclusive, Status::inconclusive);
    EXPECT_THAT(finding.because, HasSubstr("before: nothing arrived at sink"));
  }
}

TEST(Deny, WithLostReceiptsIsInconclusive) {
  Sample sample;
  sample.complete = false;
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Deny, UnresolvedNameIsInconclusive) {
  for (const Code code : {Code::name_not_found, Code::name_no_data, Code::name_server_failure, Code::name_timeout}) {
    const Finding finding = Sample().logged({}).code(code, Stage::resolve).judged();
    EXPECT_FINDING(finding, Verdict::inconclusive, Status::inconclusive);
    EXPECT_THAT(finding.because, HasSubstr("the name did not resolve"));
  }
}

TEST(Deny, OutageOfANamedClusterIsInconclusive) {
  const Finding finding = Sample().status(503).logged({by_cluster("UF,URX", 503, "upstream_reset")}).judged();
  EXPECT_FINDING(finding, Verdict::inconclusive, Status::inconclusive);
  EXPECT_THAT(finding.because, HasSubstr("outbound|443||allow.test (UF,URX), 503 upstream_reset"));
}

TEST(Deny, SentOnButNotArrivedIsInconclusive) {
  EXPECT_FINDING(Sample().code(Code::response_closed).logged({by_cluster()}).judged(), Verdict::inconclusive,
                 Status::inconclusive);
  policy::MeshRecord vague = block_all();
  vague.details.clear();
  EXPECT_FINDING(Sample().logged({vague}).judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Deny, ConnectionsThatMayBeItsOwnMakeItInconclusive) {
  target::Receipt silent;
  silent.number = 99;
  silent.fixture = "sink";
  Sample sample;
  sample.row.unattributed = {silent};
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);  // the sidecar's own record says where it ended
  sample.row.unattributed.push_back(silent);
  sample.row.unattributed[1].kind = ReceiptKind::request;
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_THAT(sample.judged().because, HasSubstr("a request without a nonce came to sink"));
  Sample refused;
  refused.row.proxy_seen_around = true;
  refused.code(Code::connect_refused).logged({}).row.unattributed = {silent};
  EXPECT_FINDING(refused.judged(), Verdict::deny, Status::pass);  // it never had a connection
  Sample unmeshed;
  unmeshed.row.meshed = false;
  unmeshed.code(Code::connect_timeout).logged({}).row.unattributed = {silent};
  EXPECT_FINDING(unmeshed.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Reroute, ASilentConnectionIsNotItsOwnWhereTheProxyNamesTheOneItWentBy) {
  target::Receipt silent;
  silent.number = 99;
  silent.fixture = "sink";
  policy::MeshRecord went = by_cluster();
  went.proxy = own_pod;
  went.upstream_local = std::string(own_address) + ":4242";
  Sample sample(Expect::reroute);
  sample.answered_by("allow").logged({went}).row.unattributed = {silent};
  EXPECT_FINDING(sample.judged(), Verdict::rerouted, Status::pass);
  policy::MeshRecord second = went;  // a second request of the attempt, by a connection of which no fixture knows
  second.upstream_local = std::string(own_address) + ":4243";
  Sample two = sample;
  two.logged({went, second});
  EXPECT_FINDING(two.judged(), Verdict::inconclusive, Status::inconclusive);
  second.upstream_local.clear();
  two.logged({went, second});
  EXPECT_FINDING(two.judged(), Verdict::inconclusive, Status::inconclusive);
  Sample gateway = sample;  // what the gateway says of it is not what the pod's proxy did
  went.proxy = "P6.gateway";
  gateway.logged({went});
  EXPECT_FINDING(gateway.judged(), Verdict::inconclusive, Status::inconclusive);
  sample.row.unattributed[0].kind = ReceiptKind::request;
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Deny, ARequestOfAnotherHostAtTheTargetsFixtureIsNotTheOneInQuestion) {
  Sample sample;
  sample.row.cell.target = {"allow", "deny.test"};
  sample.receive("allow").host = "allow.test";
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);
  sample.receive("sink");
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  sample.receive("allow").host = "deny.test";
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::fail);
}

TEST(Deny, WithoutReadableRecordsNobodyIsAWitness) {
  Sample unmeshed;
  unmeshed.row.meshed = false;
  unmeshed.code(Code::connect_timeout).logged({});
  EXPECT_FINDING(unmeshed.judged(), Verdict::deny, Status::pass);
  unmeshed.readable = false;
  EXPECT_FINDING(unmeshed.judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_THAT(unmeshed.judged().because, HasSubstr("could not be read"));
}

TEST(Deny, ADenialAfterTheProxyHadConnectedNeedsTheReceiptOfThat) {
  policy::MeshRecord late;
  late.proxy = "P6.gateway";
  late.upstream = "198.51.100.66:443";
  late.termination = "rbac_access_denied_matched_policy[none]";
  Sample sample;
  sample.code(Code::tls_closed, probe::Stage::tls).logged({late});
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);
  late.upstream_local = "203.0.113.9:4711";
  sample.logged({late});
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_THAT(sample.judged().because,
              HasSubstr("connected to 198.51.100.66:443 already, and no fixture has a receipt"));
  late.upstream = "envoy://sni-forward/";
  sample.logged({late});
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);
  sample.receive("sink", ReceiptKind::connection);
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::fail);
}

TEST(Deny, ARawClientsAnswerIsTheProxysRefusalWhereTheProxySaysSo) {
  const auto raw = [](policy::MeshRecord record) {
    return Sample().code(Code::ok, probe::Stage::response).logged({std::move(record)}).judged();
  };
  const Finding finding = raw(block_all());
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::sidecar);
  EXPECT_FINDING(raw(black_hole()), Verdict::inconclusive, Status::inconclusive);  // that one sends nothing
  EXPECT_FINDING(raw(by_cluster()), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(Sample().code(Code::ok, probe::Stage::response).logged({}).judged(), Verdict::inconclusive,
                 Status::inconclusive);
}

TEST(Deny, AnsweredByNobodyKnownIsInconclusive) {
  const Finding finding = Sample().status(200).judged();
  EXPECT_FINDING(finding, Verdict::inconclusive, Status::inconclusive);
  EXPECT_THAT(finding.because, HasSubstr("no fixture of this run"));
  Sample tls;
  tls.row.probe.attempt.protocol = probe::Protocol::tls;
  tls.code(Code::ok, Stage::tls).logged({});
  EXPECT_FINDING(tls.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Deny, ArrivedElsewhereThoughTheClientFailedIsInconclusive) {
  Sample sample;
  sample.receive("allow");
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  sample.row.probe.attempt.follow_redirects = 1;
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);
}

TEST(Deny, ExpectedToBeReroutedFails) { EXPECT_FINDING(Sample(Expect::reroute).judged(), Verdict::deny, Status::fail); }

// Without a record of the mesh.

TEST(NoRecord, InAMeshedPodNobodyWitnessedTheDenial) {
  for (const Code code : {Code::connect_timeout, Code::connect_unreachable, Code::connect_refused,
                          Code::response_closed, Code::tls_reset, Code::response_timeout}) {
    const Finding finding = Sample().code(code).logged({}).judged();
    EXPECT_FINDING(finding, Verdict::inconclusive, Status::inconclusive);
    EXPECT_THAT(finding.because, HasSubstr("no witness of who denied"));
  }
}

TEST(NoRecord, RefusedInFrontOfALivingSidecarIsCapture) {
  Sample sample;
  sample.row.proxy_seen_around = true;
  const Finding finding = sample.code(Code::connect_refused).logged({}).judged();
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::capture);
  EXPECT_FINDING(sample.code(Code::connect_timeout).judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(NoRecord, WithoutAMeshTheClientsOwnStageMustDo) {
  Sample sample;
  sample.row.meshed = false;
  sample.logged({});
  for (const Code code :
       {Code::connect_timeout, Code::connect_unreachable, Code::connect_refused, Code::connect_reset}) {
    const Finding finding = sample.code(code).judged();
    EXPECT_FINDING(finding, Verdict::deny, Status::pass);
    EXPECT_EQ(finding.layer, Layer::unknown);
  }
  for (const Code code : {Code::tls_closed, Code::response_closed, Code::response_timeout})
    EXPECT_FINDING(sample.code(code).judged(), Verdict::inconclusive, Status::inconclusive);
}

// Reroute.

TEST(Reroute, AtTheRolesFixturePassesWhereExpected) {
  const Finding finding = Sample(Expect::reroute).logged({by_cluster()}).answered_by("allow").judged();
  EXPECT_FINDING(finding, Verdict::rerouted, Status::pass);
  EXPECT_THAT(finding.reached, ElementsAre("allow"));
  EXPECT_EQ(finding.layer, Layer::none);
  EXPECT_FINDING(Sample(Expect::deny).answered_by("allow").judged(), Verdict::rerouted, Status::fail);
  EXPECT_FINDING(Sample(Expect::allow).answered_by("allow").judged(), Verdict::rerouted, Status::fail);
}

TEST(Reroute, AtAnotherFixtureFails) {
  const Finding finding = Sample(Expect::reroute).answered_by("other").judged();
  EXPECT_FINDING(finding, Verdict::rerouted, Status::fail);
  EXPECT_THAT(finding.because, HasSubstr("expected at allow, reached other"));
  Sample both(Expect::reroute);
  both.receive("other");
  EXPECT_FINDING(both.answered_by("allow").judged(), Verdict::rerouted, Status::fail);
}

TEST(Reroute, OfAHandshakeIsWhereItsReceiptIs) {
  Sample sample(Expect::reroute);
  sample.row.probe.attempt.protocol = probe::Protocol::tls;
  sample.code(Code::ok, Stage::tls).receive("allow", ReceiptKind::tls);
  EXPECT_FINDING(sample.judged(), Verdict::rerouted, Status::pass);
  sample.row.probe.received[0].kind = ReceiptKind::connection;
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Reroute, AfterARedirectIsWhereTheLastAnswerCameFrom) {
  Sample sample(Expect::deny);
  sample.row.probe.attempt.follow_redirects = 1;
  sample.receive("allow");
  sample.answered_by("other");
  const Finding finding = sample.judged();
  EXPECT_FINDING(finding, Verdict::rerouted, Status::fail);
  EXPECT_THAT(finding.because, HasSubstr("succeeded at other"));
}

TEST(Reroute, NeedsControlsReceiptsAndNobodyUnknown) {
  EXPECT_FINDING(Sample(Expect::reroute).answered_by("allow").control(true, false).judged(), Verdict::inconclusive,
                 Status::inconclusive);
  Sample lost(Expect::reroute);
  lost.complete = false;
  EXPECT_FINDING(lost.answered_by("allow").judged(), Verdict::inconclusive, Status::inconclusive);
  Sample unknown(Expect::reroute);
  unknown.row.unattributed.emplace_back();
  EXPECT_FINDING(unknown.logged({by_cluster()}).answered_by("allow").judged(), Verdict::inconclusive,
                 Status::inconclusive);
}

}  // namespace
}  // namespace egressproof::verdict
