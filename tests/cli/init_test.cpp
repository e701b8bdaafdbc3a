// `init` and `run --policies` through the real program.
#include <gmock/gmock.h>

#include "tests/cli/support.h"

namespace egressproof::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string tutorial = EGRESSPROOF_SOURCE_DIR "/examples/tutorial/manifests";

TEST(Init, DraftsAFolderThatValidatesAndSaysWhatItUnderstood) {
  const Scratch scratch;
  const Ended ended = run({"init", "--policies", tutorial, "--output", scratch.path("draft")});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("shop.yaml:1: Sidecar default: REGISTRY_ONLY"));
  EXPECT_THAT(ended.out, HasSubstr("shop.yaml:12: ServiceEntry payments: lists 1 host, 2 ports, resolution NONE"));
  EXPECT_THAT(ended.out, HasSubstr("run them: egressproof run " + scratch.path("draft")));
  const Ended valid = run({"validate", scratch.path("draft")});
  EXPECT_EQ(valid.code, 0) << valid.err;
}

TEST(Init, KeepsEditsUnlessForced) {
  const Scratch scratch;
  const std::vector<std::string> again = {"init", "--policies", tutorial, "--output", scratch.path("draft")};
  ASSERT_EQ(run(again).code, 0);
  EXPECT_EQ(run(again).code, 0) << "nothing has changed";
  const std::string edited = scratch.read("draft/allowed.yaml") + "# mine\n";
  scratch.write("draft/allowed.yaml", edited);
  const Ended refused = run(again);
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("draft/allowed.yaml: 1 lines would change"));
  EXPECT_THAT(refused.err, HasSubstr("nothing was written"));
  EXPECT_EQ(scratch.read("draft/allowed.yaml"), edited);
  std::vector<std::string> forced = again;
  forced.emplace_back("--force");
  EXPECT_EQ(run(forced).code, 0);
  EXPECT_THAT(scratch.read("draft/allowed.yaml"), Not(HasSubstr("# mine")));
}

TEST(Init, MistakesInManifestsEndWithTwoAndTheirPlace) {
  const Scratch scratch;
  scratch.write("a.yaml",
                "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec:\n"
                "  hosts: [a.example.com]\n  resolutoin: DNS\n");
  const Ended ended = run({"init", "--policies", scratch.path("a.yaml"), "--output", scratch.path("draft")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("a.yaml:6:3: error: unknown key 'resolutoin'"));
  EXPECT_THAT(ended.err, HasSubstr("did you mean 'resolution'?"));
  EXPECT_FALSE(scratch.has("draft"));
  EXPECT_EQ(run({"init"}).code, 2);
  EXPECT_EQ(run({"init", "--policies", scratch.path("nowhere")}).code, 2);
}

TEST(RunPolicies, NamesTheLineThatLeavesTheHole) {
  const Ended ended = run({"run", "--policies", tutorial, "--backend", "fake", "--case", "spoofed/host-spoof-*"});
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("FINDINGS: 1"));
  EXPECT_THAT(ended.out, HasSubstr("shop.yaml:21  ServiceEntry payments"));
  EXPECT_THAT(ended.out, HasSubstr("[none-host-spoof]"));
  EXPECT_THAT(ended.out, HasSubstr("resolution: DNS instead of NONE"));
}

TEST(RunPolicies, AMatrixThatDeniesWhatIsListedMakesItAFinding) {
  const Scratch scratch;
  const std::string matrix = scratch.write("matrix.yaml",
                                           "apiVersion: egressproof/v1\nkind: Matrix\nworkloads:\n  shop:\n"
                                           "    api.payments.example:80: deny\n");
  const Ended ended = run({"run", "--policies", tutorial, "--matrix", matrix, "--backend", "fake", "--case",
                           "allowed/allow-api-payments-example-80"});
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("[listed-though-denied]"));
}

TEST(RunPolicies, TheLineThatRepeatsAFindingDoesSo) {
  const Ended first = run({"run", "--policies", tutorial, "--backend", "fake", "--case", "spoofed/host-spoof-*"});
  EXPECT_THAT(first.out, HasSubstr("egressproof repro spoofed/host-spoof-api-payments-example-80 --profile shop "
                                   "--policies " +
                                   tutorial + "\n"));
  const Ended again = run({"repro", "spoofed/host-spoof-api-payments-example-80", "--profile", "shop", "--policies",
                           tutorial, "--backend", "fake"});
  EXPECT_EQ(again.code, 1) << again.err;
  EXPECT_THAT(again.out, HasSubstr("FINDINGS: 1"));
  EXPECT_EQ(run({"repro", "spoofed/x", small_suite, "--policies", tutorial}).code, 2);
  EXPECT_EQ(run({"repro", "spoofed/x", "--matrix", tutorial}).code, 2);
}

// A host that no case tries must not hide behind "proven clean".
TEST(RunPolicies, WhatWasNotTriedIsToldWithTheFindings) {
  const Scratch scratch;
  scratch.write("a.yaml",
                "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: shop}\n"
                "spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n---\n"
                "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a, namespace: shop}\n"
                "spec: {hosts: [\"*.com\"], resolution: NONE, ports: [{number: 443, name: tls, protocol: TLS}]}\n");
  const Ended ended =
      run({"run", "--policies", scratch.path("a.yaml"), "--backend", "fake", "--case", "unlisted/unlisted-http"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("proven clean, but for what was not tried"));
  EXPECT_THAT(ended.out, HasSubstr("a.yaml:9 host '*.com'"));
}

TEST(RunPolicies, OptionsThatDoNotFitTogetherEndWithTwo) {
  const Scratch scratch;
  EXPECT_EQ(run({"run", "--policies", tutorial, small_suite}).code, 2);
  const Ended alone = run({"run", small_suite, "--matrix", scratch.path("m.yaml")});
  EXPECT_EQ(alone.code, 2);
  EXPECT_THAT(alone.err, HasSubstr("--matrix goes with --policies"));
}

}  // namespace
}  // namespace egressproof::cli
