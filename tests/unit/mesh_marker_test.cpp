#include "runner/backend/mesh/marker.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace egressproof::backend::mesh {
namespace {

TEST(MarkerTest, EachNamespaceHasTheHostOfItsGeneration) {
  const std::string marker = marker_manifests(7, {"closed", "open"});
  std::size_t at = 0;
  for (const char* ns : {"closed", "open"}) {
    ASSERT_EQ(marker.find("---\n", at), at);
    const std::size_t end = marker.find("\n---\n", at + 4);
    const Json entry = Json::parse(marker.substr(at + 4, end == std::string::npos ? end : end - at - 4));
    EXPECT_EQ(entry.at("metadata").at("namespace"), ns);
    EXPECT_EQ(entry.at("spec").at("hosts"), Json::array({marker_host(7)}));
    at = end == std::string::npos ? marker.size() : end + 1;
  }
  EXPECT_EQ(at, marker.size());
  EXPECT_NE(marker_host(7), marker_host(8));
  EXPECT_EQ(marker_cluster(7), "outbound|61999||" + marker_host(7));
}

}  // namespace
}  // namespace egressproof::backend::mesh
