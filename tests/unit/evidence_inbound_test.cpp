// Targets in a workload's pod: who sends the control, and whose record tells of a denial.
#include <gtest/gtest.h>

#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using probe::Code;

TEST(JoinInbound, TheControlIsThatOfWhoTheCaseSays) {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  sample.allow_controls();
  EXPECT_TRUE(sample.row().control.allowed_before);
  sample.plan.controls[0].from = "P3";
  EXPECT_FALSE(sample.row().control.allowed_before) << "the vantage's is somebody else's";
  for (const char* phase : {"before", "after"}) {
    auto& batches = sample.collected.batches[phase];
    batches["P3"] = batches["P0"];
    batches.erase("P0");
  }
  EXPECT_TRUE(sample.row().control.allowed_before);
  EXPECT_TRUE(sample.row().control.allowed_after);
}

// A caller without a sidecar: only the called pod's sidecar knows of its connection.
TEST(JoinInbound, TheRecordOfTheCalledPodsSidecarIsTheAttempts) {
  Sample sample;
  sample.add_cell("a", probe::Protocol::tcp);
  const probe::Observation& seen = sample.observe(Code::response_reset);
  policy::MeshRecord& refused = sample.log();
  refused.proxy = "KN";
  refused.downstream = seen.local;
  refused.destination = seen.peer;
  refused.flags = "NR";
  EXPECT_TRUE(sample.row().probe.logged.empty()) << "another pod's, for all that is known";
  sample.plan.cells[0].inbound = "KN";
  sample.plan.cells[0].via = plan::inbound_end("KN");
  ASSERT_EQ(sample.row().probe.logged.size(), 1U);
  EXPECT_EQ(sample.row().probe.logged[0].proxy, "KN");
}

}  // namespace
}  // namespace egressproof::evidence
