#include "runner/backend/yaml_objects.h"

#include <gtest/gtest.h>

#include "runner/backend/cluster/port_forward.h"

namespace egressproof::backend::cluster {
namespace {

TEST(YamlObjectsTest, ScalarsHaveTheTypesThatKubectlGivesThem) {
  const auto objects = parse_objects(
      "kind: A\na: 8443\nb: \"8443\"\nc: true\nd: 'true'\ne: ~\nf: 1.5\ng: 198.51.100.1\nh: yes\ni: 010\nj: -1\nk: "
      "1e3\n"
      "l: \"\"\nm:\nn: [1, x]\no: {p: false}\nq: 2026-01-01\nr: 0\ns: .\n");
  ASSERT_TRUE(objects) << objects.error().message;
  ASSERT_EQ(objects->size(), 1U);
  EXPECT_EQ(objects->front(), (Json{{"kind", "A"},
                                    {"a", 8443},
                                    {"b", "8443"},
                                    {"c", true},
                                    {"d", "true"},
                                    {"e", nullptr},
                                    {"f", 1.5},
                                    {"g", "198.51.100.1"},
                                    {"h", "yes"},
                                    {"i", "010"},
                                    {"j", -1},
                                    {"k", 1e3},
                                    {"l", ""},
                                    {"m", nullptr},
                                    {"n", {1, "x"}},
                                    {"o", {{"p", false}}},
                                    {"q", "2026-01-01"},
                                    {"r", 0},
                                    {"s", "."}}));
}

TEST(YamlObjectsTest, DocumentsAndLists) {
  const auto objects = parse_objects(
      "# only a comment\n---\nkind: A\nmetadata: {name: a}\n---\n---\n{\"kind\": \"List\", \"items\": [{\"kind\": "
      "\"B\"}, {\"kind\": \"C\"}]}\n");
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 3U);
  EXPECT_EQ((*objects)[0].at("kind"), "A");
  EXPECT_EQ((*objects)[2].at("kind"), "C");
  EXPECT_EQ(identity_of((*objects)[0]), " A /a");
  EXPECT_EQ(identity_of({{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}, {"namespace", "n"}}}}),
            "v1 Pod n/p");
}

TEST(YamlObjectsTest, WhatIsNoObjectIsAnErrorWithItsPlace) {
  EXPECT_EQ(parse_objects("kind: A\n---\n- 1\n").error().message, "line 3 of the manifests: not a Kubernetes object");
  EXPECT_EQ(parse_objects("a: [").error().kind, ErrorKind::scenario);
  EXPECT_FALSE(parse_objects("text"));
  EXPECT_TRUE(parse_objects("")->empty());
}

TEST(PortForwardTest, LocalPortsAreReadFromWhatKubectlSays) {
  EXPECT_EQ(parse_forwarded("Forwarding from 127.0.0.1:46603 -> 8080\nForwarding from [::1]:46603 -> 8080\n"
                            "Forwarding from 127.0.0.1:40001 -> 15000\nForwarding from 127.0.0.1:4000"),
            (std::map<int, int>{{8080, 46603}, {15000, 40001}}));
  EXPECT_TRUE(parse_forwarded("error: unable to forward port\n").empty());
}

}  // namespace
}  // namespace egressproof::backend::cluster
