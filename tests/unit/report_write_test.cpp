#include "runner/report/write.h"

#include <gmock/gmock.h>

#include "runner/report/times.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;

std::size_t files_in(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    count += entry.is_regular_file() ? 1 : 0;
  return count;
}

TEST(WriteFiles, WritesWhatIsAskedFor) {
  const sample::Folder folder;
  Outputs outputs;
  outputs.json = folder.path() / "new/folder/report.json";
  outputs.junit = folder.path() / "junit.xml";
  ASSERT_TRUE(write_files(sample::every(), outputs));
  EXPECT_EQ(files_in(folder.path()), 2U);
  const auto json = read_file(*outputs.json);
  ASSERT_TRUE(json);
  EXPECT_EQ(*json, to_json(sample::every()).dump(1) + "\n");
  outputs.ndjson = folder.path() / "report.ndjson";
  outputs.text = folder.path() / "report.txt";
  ASSERT_TRUE(write_files(sample::every(), outputs));  // over the old ones
  EXPECT_EQ(files_in(folder.path()), 4U) << "a temporary file was left";
  EXPECT_THAT(read_file(*outputs.text).value(), HasSubstr("MISMATCH (exit code 1)"));
  EXPECT_THAT(read_file(*outputs.ndjson).value(), HasSubstr("{\"type\":\"summary\""));
  EXPECT_THAT(read_file(*outputs.junit).value(), HasSubstr("<testsuites"));
}

TEST(WriteFiles, OneThatFailsIsNamedAndTheOthersAreWritten) {
  const sample::Folder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "file", ""));
  Outputs outputs;
  outputs.json = folder.path() / "file/report.json";  // a file where a folder must be
  outputs.text = folder.path() / "report.txt";
  const auto written = write_files(sample::every(), outputs);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::environment);
  EXPECT_THAT(written.error().message, HasSubstr("file'"));
  EXPECT_TRUE(std::filesystem::exists(*outputs.text));
}

TEST(TurnTimes, NearestRank) {
  std::vector<int> milliseconds;
  for (int i = 100; i > 0; --i) milliseconds.push_back(i);
  const TurnTimes times = turn_times(sample::turns(milliseconds));
  EXPECT_EQ(times.p50.count(), 50000);
  EXPECT_EQ(times.p99.count(), 99000);
  EXPECT_EQ(times.max.count(), 100000);
  EXPECT_EQ(times.slowest, "P2");
  EXPECT_EQ(turn_times(sample::turns({7})).p50.count(), 7000);
}

TEST(TurnTimes, WhatWasNotSeenIsNotCounted) {
  auto turns = sample::turns({10, 20, 30});
  turns[0].turned = false;
  turns[2].turned = false;
  turns[2].lost_at = sample::start;
  const TurnTimes times = turn_times(turns);
  EXPECT_EQ(times.seen, 1U);
  EXPECT_EQ(times.max.count(), 20000);
  EXPECT_EQ(times.not_seen, std::vector<std::string>{"P2"});
  EXPECT_EQ(times.lost, std::vector<std::string>{"P4"});
  EXPECT_EQ(turn_times({}).seen, 0U);
}

}  // namespace
}  // namespace egressproof::report
