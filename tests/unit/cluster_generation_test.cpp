#include "runner/backend/cluster/generation.h"

#include <gtest/gtest.h>

namespace egressproof::backend::cluster {
namespace {

Json object(const char* uid, int generation, const char* ns = "tenant-p3") {
  return {{"apiVersion", "networking.istio.io/v1"},
          {"kind", "ServiceEntry"},
          {"metadata", {{"name", "allow"}, {"namespace", ns}, {"uid", uid}, {"generation", generation}}}};
}

TEST(StoreGapTest, EveryObjectMustBeThereAsNewAsTheApiServerTold) {
  const std::vector<Json> wanted{object("a", 2)};
  EXPECT_EQ(store_gap(Json::array({object("a", 2)}), wanted, {"tenant-p3"}), "");
  EXPECT_EQ(store_gap(Json::array({object("a", 3)}), wanted, {"tenant-p3"}), "")
      << "newer is a status of somebody else's";
  const std::string missing = "networking.istio.io/v1 ServiceEntry tenant-p3/allow in istiod's store (/debug/configz)";
  EXPECT_EQ(store_gap(Json::array({object("a", 1)}), wanted, {"tenant-p3"}), missing);
  EXPECT_EQ(store_gap(Json::array({object("b", 2)}), wanted, {"tenant-p3"}), missing) << "one of that name, made anew";
  EXPECT_EQ(store_gap(Json::array(), wanted, {"tenant-p3"}), missing);
}

TEST(StoreGapTest, WhatWasTakenAwayMustBeGoneFromOurNamespacesAlone) {
  const Json store{object("a", 1), object("old", 1), object("theirs", 1, "istio-system")};
  EXPECT_EQ(store_gap(store, {object("a", 1)}, {"tenant-p3"}),
            "networking.istio.io/v1 ServiceEntry tenant-p3/allow gone from istiod's store (/debug/configz)");
  EXPECT_EQ(store_gap(store, {object("a", 1), object("old", 1)}, {"tenant-p3"}), "");
}

TEST(RegistryGapTest, EachServiceMustBeKnownByItsName) {
  const Json service = {
      {"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", {{"name", "slice"}, {"namespace", "tenant-pk"}}}};
  const Json known = Json::array({{{"hostname", "slice.tenant-pk.svc.cluster.local"}}});
  EXPECT_EQ(registry_gap(known, {service, object("a", 1)}), "");
  const std::string missing = "v1 Service tenant-pk/slice in istiod's registry (/debug/registryz)";
  EXPECT_EQ(registry_gap(Json::array(), {service}), missing);
  EXPECT_EQ(registry_gap(Json::array({{{"hostname", "slice.tenant-pk2.svc.cluster.local"}}}), {service}), missing);
}

const Relocation here({{"198.51.100.64", "10.244.0.4"},
                       {"198.51.100.66", "10.244.0.9"},
                       {"198.51.100.20", "10.244.0.5"}});

TEST(PlacedTest, ABlockIsTheFixturesWithinIt) {
  const auto addresses = [](const Json& list) {
    const Json entry = {{"kind", "ServiceEntry"}, {"spec", {{"addresses", list}, {"hosts", {"block.test"}}}}};
    return placed({entry}, here, {}).front()["spec"]["addresses"];
  };
  EXPECT_EQ(addresses({"198.51.100.64/30"}), Json({"10.244.0.4", "10.244.0.9"})) << "its first address is one of them";
  EXPECT_EQ(addresses({"198.51.100.66/32", "192.0.2.10"}), Json({"10.244.0.9", "192.0.2.10"}));
  EXPECT_EQ(addresses({"0.0.0.0/0"}), Json({"10.244.0.5", "10.244.0.4", "10.244.0.9"}));
  EXPECT_EQ(addresses({"203.0.113.0/24"}), Json({"203.0.113.0/24"})) << "nobody of ours";
  for (const char* none : {"198.51.100.64/33", "198.51.100.64/", "198.51.100.64/3x", "2001:db8::/32", "x/8"})
    EXPECT_EQ(addresses({none}).size(), 1U) << none;
  const Json without = {{"kind", "ServiceEntry"}, {"spec", {{"hosts", {"a.test"}}}}};
  EXPECT_EQ(placed({without}, here, {}).front(), without);
}

TEST(PlacedTest, EndpointsSayOnWhichNodeTheyAre) {
  const Json slice = {{"kind", "EndpointSlice"},
                      {"endpoints",
                       {{{"addresses", {"198.51.100.20"}}},
                        {{"addresses", {"198.51.100.66"}}, {"nodeName", "written"}},
                        {{"addresses", {"192.0.2.1"}}}}}};
  const Json there = placed({slice}, here, {{"10.244.0.5", "one"}, {"10.244.0.9", "two"}}).front();
  EXPECT_EQ(there["endpoints"][0], Json({{"addresses", {"10.244.0.5"}}, {"nodeName", "one"}}));
  EXPECT_EQ(there["endpoints"][1]["nodeName"], "written");
  EXPECT_FALSE(there["endpoints"][2].contains("nodeName"));
}

TEST(OpenSidecarTest, OnlyANamespaceWithoutADefaultOfItsOwnGetsOne) {
  const Json closed = {{"kind", "Sidecar"},
                       {"metadata", {{"name", "default"}, {"namespace", "closed"}}},
                       {"spec", {{"outboundTrafficPolicy", {{"mode", "REGISTRY_ONLY"}}}}}};
  Json selective = closed;
  selective["metadata"]["namespace"] = "selective";
  selective["spec"]["workloadSelector"] = {{"labels", {{"app", "x"}}}};
  std::vector<Json> objects{closed, selective};
  add_open_sidecars(objects, {"closed", "selective", "bare"});
  ASSERT_EQ(objects.size(), 4U);
  for (const std::size_t k : {2U, 3U}) {
    EXPECT_EQ(objects[k]["metadata"]["namespace"], k == 2 ? "selective" : "bare");
    EXPECT_EQ(objects[k]["spec"]["outboundTrafficPolicy"]["mode"], "ALLOW_ANY");
    EXPECT_TRUE(of_istio(objects[k]));
  }
  EXPECT_FALSE(of_istio({{"apiVersion", "networking.k8s.io/v1"}, {"kind", "NetworkPolicy"}}));
}

}  // namespace
}  // namespace egressproof::backend::cluster
