// Batches that the agent carries out: whole, signed, one at a time, and no longer than someone wants them.
#include "tests/unit/probe_agent_support.h"

namespace egressproof::probe {
namespace {

using namespace loopback;

// What the runner would make of it; the signature must be right.
BatchResult judge(const Reply& reply, const std::vector<Attempt>& attempts, const std::string& id,
                  const std::string& name = "b1") {
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(reply.whole);
  std::vector<std::string> lines = lines_of(reply.body);
  if (lines.empty()) return {};
  const auto signature = decode_result_signature(lines.back());
  EXPECT_TRUE(signature) << lines.back();
  lines.pop_back();
  BatchReader reader(name, attempts);
  std::string told;
  for (const std::string& line : lines) {
    told += line + "\n";
    reader.feed(line);
  }
  EXPECT_EQ(signature->id, id);
  EXPECT_EQ(signature->mac, result_mac(run_key, id, told));
  return reader.finish();
}

TEST(AgentBatch, HealthBatchesAndHealthOverOneConnection) {
  const loopback::Target target;
  AgentOptions options = agent_options();
  options.engine = target.options();
  const auto agent = start_agent(options);
  AgentClient client(agent->port());
  EXPECT_EQ(client.ask(get("/healthz")).status, 200);
  for (const std::string name : {"b1", "b2"}) {
    std::vector<Attempt> attempts;
    for (int i = 1; i <= 2; ++i) attempts.push_back(attempt_to(address(i), port));
    Attempt named = attempt_to("", port);
    named.name = "a.test";
    attempts.push_back(named);
    const std::string body = batch_body(attempts, 4, name);
    const BatchSignature signature = sign_batch(run_key, run_id, body);
    const BatchResult result = judge(client.ask(post(encode(signature), body)), attempts, signature.id, name);
    EXPECT_TRUE(result.closed);
    EXPECT_TRUE(result.errors.empty()) << result.errors.front();
    ASSERT_EQ(result.observations.size(), 3U);
    for (const Attempt& one : attempts) EXPECT_EQ(target.receipts(target::ReceiptKind::request, one.nonce).size(), 1U);
  }
  EXPECT_EQ(client.ask(get("/healthz")).status, 200);
}

TEST(AgentBatch, AMalformedAttemptIsAProblemAndTheRestGoesOn) {
  const loopback::Target target;
  const auto agent = start_agent();
  const std::vector<Attempt> attempts{attempt_to(address(1), port)};
  std::string body = batch_body(attempts);
  body.insert(body.find('\n') + 1, "{\"type\":\"attempt\",\"sequenze\":1}\n");
  const BatchSignature signature = sign_batch(run_key, run_id, body);
  const auto reply = AgentClient(agent->port()).ask(post(encode(signature), body));
  const BatchResult result = judge(reply, attempts, signature.id);
  EXPECT_EQ(result.observations.size(), 1U);
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_NE(result.errors[0].find("did not understand a line"), std::string::npos) << result.errors[0];
}

TEST(AgentBatch, AReplayIsNotSent) {
  const loopback::Target target;
  const auto agent = start_agent();
  const Attempt attempt = attempt_to(address(1), port);
  const std::string request = signed_post(batch_body({attempt}));
  AgentClient client(agent->port());
  EXPECT_EQ(client.ask(request).status, 200);
  EXPECT_EQ(refusal(client.ask(request)), "409 replayed");
  EXPECT_EQ(refusal(AgentClient(agent->port()).ask(request)), "409 replayed");
  EXPECT_EQ(target.receipts(target::ReceiptKind::request, attempt.nonce).size(), 1U);
}

TEST(AgentBatch, AsksForALargeBodyOnlyWhenTheHeadIsGood) {
  const auto agent = start_agent();
  const std::string body = batch_body({});
  const auto head_of = [&](const std::string& key) {
    const std::string request =
        post(encode(sign_batch(key, key == run_key ? run_id : "other", body)), body, "Expect: 100-continue\r\n");
    return request.substr(0, request.size() - body.size());
  };
  AgentClient good(agent->port());
  good.send(head_of(run_key));
  EXPECT_EQ(good.begun(0), "");  // 100 Continue
  good.send(body);
  EXPECT_EQ(good.reply().status, 200);
  AgentClient bad(agent->port());
  bad.send(head_of("another"));
  EXPECT_EQ(refusal(bad.reply()), "403 other_run");
  EXPECT_TRUE(bad.ended());
}

TEST(AgentBatch, ObservationsComeAsTheyAreMade) {
  const loopback::Target target;
  const Silent silent;
  const auto agent = start_agent();
  AgentClient client(agent->port());
  const Attempt quick = attempt_to(address(1), port);
  client.send(signed_post(batch_body({silent.attempt(), quick})));
  const std::string first = client.begun(1);
  const auto seen = decode_observation(first.substr(0, first.find('\n')));
  ASSERT_TRUE(seen) << first;
  EXPECT_EQ(seen->sequence, quick.sequence);
}

TEST(AgentBatch, OneAtATime) {
  const Silent silent;
  const loopback::Target target;
  const auto agent = start_agent();
  AgentClient first(agent->port());
  first.send(signed_post(batch_body({silent.attempt()})));
  ASSERT_TRUE(eventually([&] { return silent.requests() == 1; }));
  const Attempt attempt = attempt_to(address(1), port);
  const std::string second_request = signed_post(batch_body({attempt}));
  AgentClient second(agent->port());
  const Reply busy = second.ask(second_request);
  EXPECT_EQ(refusal(busy), "429 busy");
  EXPECT_EQ(AgentClient::field(busy.head, "Retry-After"), "1");
  EXPECT_TRUE(target.receipts(target::ReceiptKind::connection).empty());
  EXPECT_EQ(second.ask(get("/healthz")).status, 200) << "readiness does not wait for a batch";
  first.close();
  // The very same signature: a busy probe has not used it up.
  EXPECT_TRUE(eventually([&] { return second.ask(second_request).status == 200; }));
}

TEST(AgentBatch, AClientThatGoesAwayEndsItsBatch) {
  const Silent silent;
  const loopback::Target target;
  const auto agent = start_agent();
  std::vector<Attempt> attempts{silent.attempt()};
  for (int i = 0; i < 20; ++i) attempts.push_back(attempt_to(address(1), port));
  AgentClient client(agent->port());
  client.send(signed_post(batch_body(attempts, 1)));
  ASSERT_TRUE(eventually([&] { return silent.requests() == 1; }));
  client.close();
  const Attempt next = attempt_to(address(2), port);
  EXPECT_TRUE(eventually([&] { return AgentClient(agent->port()).ask(signed_post(batch_body({next}))).status == 200; }))
      << "the first batch goes on without a client";
  for (const Attempt& one : attempts)
    EXPECT_TRUE(target.receipts(target::ReceiptKind::request, one.nonce).empty()) << one.sequence;
}

TEST(AgentBatch, AClientThatReadsSlowlyGetsAllOfIt) {
  const loopback::Target target;
  const auto agent = start_agent();
  std::vector<Attempt> attempts;
  for (int i = 0; i < 3000; ++i) {
    Attempt one = attempt_to(address(1), port);
    one.protocol = Protocol::dns;
    one.query_type = "MX";  // not carried out, so that much is said at once
    one.name = std::string(60, 'a') + ".test";
    one.id = std::string(1000, 'i');
    attempts.push_back(one);
  }
  const std::string body = batch_body(attempts);
  const BatchSignature signature = sign_batch(run_key, run_id, body);
  AgentClient client(agent->port());
  client.send(post(encode(signature), body));
  ::poll(nullptr, 0, 300);
  const BatchResult result = judge(client.reply(), attempts, signature.id);
  EXPECT_EQ(result.observations.size(), attempts.size());
}

TEST(AgentStop, ARunningBatchMayEnd) {
  std::atomic<bool> answer{false};
  Peer peer([&](int fd) {
    Peer::read_to(fd, "\r\n\r\n");
    eventually([&] { return answer.load(); });
    Peer::write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  const auto agent = start_agent();
  Attempt attempt = attempt_to("127.0.0.1", peer.port());
  attempt.limits.response = std::chrono::seconds(10);
  const std::string body = batch_body({attempt});
  const BatchSignature signature = sign_batch(run_key, run_id, body);
  AgentClient client(agent->port());
  client.send(post(encode(signature), body));
  ASSERT_TRUE(eventually([&] { return peer.accepted() == 1; }));
  AgentClient other(agent->port());
  std::thread stopping([&] { agent->stop(std::chrono::seconds(10)); });
  EXPECT_TRUE(eventually([&] { return refusal(AgentClient(agent->port()).ask(get("/healthz"))) == "503 stopping"; }));
  EXPECT_EQ(refusal(other.ask(signed_post(batch_body({})))), "503 stopping");
  answer = true;
  const BatchResult result = judge(client.reply(), {attempt}, signature.id);
  EXPECT_TRUE(result.closed && result.errors.empty());
  stopping.join();
}

TEST(AgentStop, AfterTheGraceTheBatchIsCutAndNotSigned) {
  const Silent silent;
  const auto agent = start_agent();
  AgentClient client(agent->port());
  client.send(signed_post(batch_body({silent.attempt()})));
  ASSERT_TRUE(eventually([&] { return silent.requests() == 1; }));
  const auto began = std::chrono::steady_clock::now();
  agent->stop(milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  const Reply reply = client.reply();
  EXPECT_FALSE(reply.whole);
  EXPECT_EQ(reply.body.find("closing"), std::string::npos) << reply.body;
  EXPECT_EQ(reply.body.find("signature"), std::string::npos) << reply.body;
}

TEST(AgentConnections, AreBoundedAndFreedAgain) {
  AgentOptions options = agent_options();
  options.most_connections = 2;
  const auto agent = start_agent(options);
  {
    AgentClient one(agent->port());
    EXPECT_EQ(one.ask(get("/healthz")).status, 200);
    AgentClient two(agent->port());
    EXPECT_EQ(two.ask(get("/healthz")).status, 200);
    AgentClient three(agent->port());
    EXPECT_TRUE(three.ended());
  }
  EXPECT_TRUE(eventually([&] { return AgentClient(agent->port()).ask(get("/healthz")).status == 200; }));
}

}  // namespace
}  // namespace egressproof::probe
