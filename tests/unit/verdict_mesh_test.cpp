// What each kind of mesh record says.
#include <gtest/gtest.h>

#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"
#include "runner/policy/network_drop.h"
#include "runner/verdict/mesh.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using policy::MeshRecord;

MeshRecord local_reply(int code, const std::string& details, const std::string& flags = "") {
  MeshRecord record;
  record.proxy = own_pod;
  record.code = code;
  record.details = details;
  record.flags = flags;
  return record;
}

void expect_denied(const MeshRecord& record, Layer layer, const std::string& mechanism) {
  const MeshSay said = read(record, own_pod);
  EXPECT_EQ(said.say, Say::denied) << mechanism;
  EXPECT_EQ(said.layer, layer) << mechanism;
  EXPECT_EQ(said.mechanism, mechanism);
}

TEST(MeshDenied, ByEveryKnownMechanism) {
  expect_denied(black_hole(), Layer::sidecar, "BlackHoleCluster (UH)");
  expect_denied(block_all(), Layer::sidecar, "route block_all, 502 direct_response");
  expect_denied(local_reply(403, "direct_response"), Layer::sidecar, "403 direct_response");
  expect_denied(local_reply(404, "route_not_found", "NR"), Layer::sidecar, "404 NR route_not_found");
  expect_denied(local_reply(0, "filter_chain_not_found", "NR"), Layer::sidecar, "NR filter_chain_not_found");
  expect_denied(local_reply(0, "", "NR"), Layer::sidecar, "NR");
  expect_denied(local_reply(400, "missing_host_header"), Layer::sidecar, "400 missing_host_header");
  expect_denied(local_reply(426, "low_version"), Layer::sidecar, "426 low_version");
  expect_denied(local_reply(400, "http1.codec_error", "DPE"), Layer::sidecar, "400 http1.codec_error (DPE)");
  expect_denied(local_reply(0, "http2.invalid.header.field", "DPE"), Layer::sidecar,
                "http2.invalid.header.field (DPE)");
  expect_denied(local_reply(403, "rbac_access_denied_matched_policy[none]"), Layer::authorization,
                "403 rbac_access_denied_matched_policy[none]");
  MeshRecord tcp = local_reply(0, "");
  tcp.termination = "rbac_access_denied_matched_policy[ns[a]-policy[b]-rule[0]]";
  tcp.cluster = "outbound|443||allow.test";
  expect_denied(tcp, Layer::authorization, tcp.termination);
}

TEST(MeshDenied, ByTheCodecInTheMidstOfARequest) {
  MeshRecord broken = local_reply(400, "http1.codec_error", "DPE");
  broken.cluster = "outbound|80||allow.test";
  broken.upstream = "198.51.100.10:80";
  expect_denied(broken, Layer::sidecar, "400 http1.codec_error (DPE)");
  broken.flags.clear();  // the origin's own 400, say
  EXPECT_EQ(read(broken, own_pod).say, Say::forwarded);
}

TEST(MeshDenied, ByAnotherProxyIsTheGateway) {
  MeshRecord record = local_reply(404, "route_not_found", "NR");
  record.proxy = "egress-gateway";
  expect_denied(record, Layer::gateway, "404 NR route_not_found");
}

TEST(MeshFailed, NamedClusterOrPathIsNeverADenial) {
  for (const char* flags : {"UF", "UH", "URX", "UC", "UO", "UT", "DF", "NC", "UF,URX", "DC,UF"}) {
    const MeshSay said = read(by_cluster(flags, 503, "x"), own_pod);
    EXPECT_EQ(said.say, Say::failed) << flags;
    EXPECT_EQ(said.layer, Layer::none);
    EXPECT_EQ(said.mechanism, std::string("outbound|443||allow.test (") + flags + "), 503 x");
    EXPECT_EQ(read(by_cluster(flags, 0, ""), own_pod).say, Say::failed) << flags;
  }
  MeshRecord passthrough = by_cluster("UF", 0, "");
  passthrough.cluster = "PassthroughCluster";
  EXPECT_EQ(read(passthrough, own_pod).say, Say::failed);
  EXPECT_EQ(read(local_reply(503, "cluster_not_found", "NC"), own_pod).say, Say::failed);
  EXPECT_EQ(read(local_reply(404, "route_configuration_not_found", "NR"), own_pod).say, Say::failed);
  EXPECT_EQ(read(by_cluster("", 503, "upstream_reset_before_response_started"), own_pod).say, Say::failed);
  MeshRecord certificate = by_cluster("", 0, "");
  certificate.transport_failure = "TLS_error:CERTIFICATE_VERIFY_FAILED";
  EXPECT_EQ(read(certificate, own_pod).say, Say::failed);
}

TEST(MeshForwarded, OriginsOwnErrorsAreNotTheMeshs) {
  for (const int code : {200, 400, 403, 404, 502, 503}) {
    const MeshSay said = read(by_cluster("", code), own_pod);
    EXPECT_EQ(said.say, Say::forwarded) << code;
    EXPECT_EQ(said.mechanism, "upstream 198.51.100.10:443 by outbound|443||allow.test");
  }
  MeshRecord origin_route = by_cluster("", 502, "direct_response");
  origin_route.route = "block_all";
  EXPECT_EQ(read(origin_route, own_pod).say, Say::forwarded) << "it has an upstream";
}

TEST(MeshUnclear, AnythingElse) {
  EXPECT_EQ(read(local_reply(403, "ext_authz_denied", "UAEX"), own_pod).say, Say::unclear);
  EXPECT_EQ(read(local_reply(301, "direct_response"), own_pod).say, Say::unclear) << "a redirect of its own";
  EXPECT_EQ(read(local_reply(0, "downstream_remote_disconnect", "DC"), own_pod).say, Say::unclear);
  EXPECT_EQ(read(local_reply(0, "http2.remote_reset"), own_pod).say, Say::unclear) << "the client took it back";
  MeshRecord elsewhere = block_all();
  elsewhere.details = "via_upstream";
  EXPECT_EQ(read(elsewhere, own_pod).say, Say::unclear);
}

TEST(MeshDenied, ADroppedConnectionIsTheNetworkPolicys) {
  MeshRecord drop;
  drop.proxy = policy::network_witness(own_pod);
  drop.downstream = "203.0.113.13:20001";
  drop.destination = "198.51.100.66:443";
  EXPECT_EQ(read(drop, own_pod).say, Say::unclear) << "a record that does not say that it was dropped";
  drop.details = policy::network_policy_drop;
  expect_denied(drop, Layer::network_policy, "NetworkPolicy, 203.0.113.13:20001 to 198.51.100.66:443");
  drop.upstream = "198.51.100.169:80";
  expect_denied(drop, Layer::network_policy, "NetworkPolicy, on the way to 198.51.100.169:80");
  EXPECT_EQ(read({by_cluster("UF", 503, "x"), drop}, own_pod).layer, Layer::network_policy)
      << "why the proxy could not connect";
}

TEST(MeshDenied, AConnectionThatTheCaptureRulesLedToNobodyIsTheirs) {
  MeshRecord refused;
  refused.proxy = policy::capture_witness(own_pod);
  refused.downstream = "203.0.113.13:20001";
  refused.destination = "198.51.100.66:443";
  EXPECT_EQ(read(refused, own_pod).say, Say::unclear) << "a record that does not say that it was refused";
  refused.details = policy::capture_refusal;
  expect_denied(refused, Layer::capture,
                "the capture rules, which led 203.0.113.13:20001 to 198.51.100.66:443 to a proxy that does not listen");
}

TEST(MeshDenied, AConnectionThatATenantsListenerHasIsTheCaptureRules) {
  MeshRecord taken;
  taken.proxy = policy::capture_witness(own_pod);
  taken.downstream = "203.0.113.13:20001";
  taken.destination = "198.51.100.66:443";
  EXPECT_EQ(read(taken, own_pod).say, Say::unclear) << "a record that does not say who answered";
  taken.details = "capture_token";
  EXPECT_EQ(read(taken, own_pod).say, Say::unclear);
  taken.details = policy::capture_taken;
  expect_denied(
      taken, Layer::capture,
      "the capture rules, which led 203.0.113.13:20001 to 198.51.100.66:443 to a listener of the tenant in the "
      "proxy's place");
}

TEST(MeshSeveral, LastOfEachProxyAndTheOneThatAnsweredItself) {
  EXPECT_EQ(read(std::vector<MeshRecord>{}, own_pod).say, Say::nothing);
  EXPECT_EQ(read({by_cluster(), block_all()}, own_pod).say, Say::denied) << "a redirect's second hop";
  EXPECT_EQ(read({block_all(), by_cluster()}, own_pod).say, Say::forwarded);
  EXPECT_EQ(read({block_all(), by_cluster("UF", 503, "x")}, own_pod).say, Say::failed);
  MeshRecord gateway = local_reply(404, "route_not_found", "NR");
  gateway.proxy = "egress-gateway";
  const MeshSay said = read({gateway, by_cluster("", 404)}, own_pod);
  EXPECT_EQ(said.say, Say::denied);
  EXPECT_EQ(said.layer, Layer::gateway);
  MeshRecord down = by_cluster("UF", 503, "x");
  down.proxy = "egress-gateway";
  EXPECT_EQ(read({by_cluster("", 503), down}, own_pod).say, Say::failed);
}

TEST(MeshInbound, TheSidecarOfThePodThatWasCalledIsNoGatewayAndIsNamed) {
  MeshRecord plain = local_reply(0, "filter_chain_not_found", "NR");
  plain.proxy = "KN";
  EXPECT_EQ(read(plain, own_pod).layer, Layer::gateway);
  const MeshSay refused = read(plain, own_pod, "KN");
  EXPECT_EQ(refused.layer, Layer::sidecar);
  EXPECT_EQ(refused.mechanism, "NR filter_chain_not_found at the sidecar of KN");
  MeshRecord forbidden = local_reply(403, "rbac_access_denied_matched_policy[none]");
  forbidden.proxy = "KN";
  MeshRecord sent = local_reply(403, "via_upstream");
  sent.upstream = "203.0.113.240:8012";
  const MeshSay said = read(std::vector<MeshRecord>{sent, forbidden}, own_pod, "KN");
  EXPECT_EQ(said.say, Say::denied) << "the caller's own sidecar only passed the answer on";
  EXPECT_EQ(said.layer, Layer::authorization);
  EXPECT_EQ(said.mechanism, "403 rbac_access_denied_matched_policy[none] at the sidecar of KN");
}

}  // namespace
}  // namespace egressproof::verdict
