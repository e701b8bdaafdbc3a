// Connections that the capture rules lead to a listener of the tenant, where the proxy was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using ::testing::HasSubstr;

policy::MeshRecord taken(const char* details = policy::capture_taken) {
  policy::MeshRecord record;
  record.proxy = policy::capture_witness(own_pod);
  record.downstream = "203.0.113.13:20001";
  record.destination = "198.51.100.66:443";
  record.details = details;
  return record;
}

// Connected, and then no answer.
Sample waiting(probe::Code code = probe::Code::response_timeout) {
  Sample sample;
  sample.code(code, probe::Stage::response);
  sample.logged({taken()});
  return sample;
}

TEST(TakenPort, WhatEndsAtTheTenantsOwnListenerIsDeniedByTheCaptureRules) {
  for (const probe::Code code :
       {probe::Code::response_timeout, probe::Code::tls_timeout, probe::Code::response_closed}) {
    const Finding finding = waiting(code).judged();
    EXPECT_FINDING(finding, Verdict::deny, Status::pass);
    EXPECT_EQ(finding.layer, Layer::capture);
    EXPECT_THAT(finding.because, HasSubstr("to a listener of the tenant in the proxy's place"));
  }
}

TEST(TakenPort, OnlyByTheKernelsWord) {
  Sample without = waiting();
  without.logged({});
  EXPECT_FINDING(without.judged(), Verdict::inconclusive, Status::inconclusive);
  for (const char* wrong : {"", "capture", "capture_taken "}) {
    Sample other = waiting();
    other.logged({taken(wrong)});
    EXPECT_FINDING(other.judged(), Verdict::inconclusive, Status::inconclusive);
  }
}

TEST(TakenPort, NotWhereWhoeverListensAnsweredOrSentItOn) {
  Sample answered = waiting();
  answered.status(200);
  EXPECT_FINDING(answered.judged(), Verdict::inconclusive, Status::inconclusive);
  Sample arrived = waiting();
  arrived.receive("sink");
  EXPECT_FINDING(arrived.judged(), Verdict::leak, Status::fail);
  Sample uncontrolled = waiting();
  uncontrolled.control(true, false);
  EXPECT_FINDING(uncontrolled.judged(), Verdict::inconclusive, Status::inconclusive);
}

}  // namespace
}  // namespace egressproof::verdict
