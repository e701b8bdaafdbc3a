// What the agent refuses; each time nothing may have been sent.
#include "tests/unit/probe_agent_support.h"

namespace egressproof::probe {
namespace {

using namespace loopback;

TEST(Signature, OneSpelling) {
  const BatchSignature made = sign_batch(run_key, run_id, "body");
  const auto read = decode_batch_signature(encode(made));
  ASSERT_TRUE(read);
  EXPECT_EQ(encode(*read), encode(made));
  EXPECT_EQ(read->mac, batch_mac(run_key, *read, "body"));
  const std::string id(32, 'a');
  const std::string mac(64, 'b');
  const std::string good = "v1;run=r;issued=1;id=" + id + ";mac=" + mac;
  EXPECT_TRUE(decode_batch_signature(good));
  for (const std::string& wrong :
       {std::string(), std::string("v1"), "v2;run=r;issued=1;id=" + id + ";mac=" + mac, good + ";", good + "c",
        "v1;run=;issued=1;id=" + id + ";mac=" + mac, "v1;run=a b;issued=1;id=" + id + ";mac=" + mac,
        "v1;run=r;issued=01;id=" + id + ";mac=" + mac, "v1;run=r;issued=-1;id=" + id + ";mac=" + mac,
        "v1;run=r;issued=99999999999999999999;id=" + id + ";mac=" + mac, "v1;issued=1;run=r;id=" + id + ";mac=" + mac,
        "v1;run=r;issued=1;id=" + std::string(32, 'A') + ";mac=" + mac,
        "v1;run=r;issued=1;id=" + id + ";mac=" + mac.substr(1), "v1;run=r;issued=1;id=" + id})
    EXPECT_FALSE(decode_batch_signature(wrong)) << wrong;
}

TEST(Signature, EveryPartIsCovered) {
  const BatchSignature one{"r", milliseconds(5), std::string(32, '1'), ""};
  const std::string mac = batch_mac("key", one, "body");
  // Fixed, as two builds of different age must agree.
  EXPECT_EQ(mac, hmac_sha256_hex("key", "egressproof batch v1\nr\n5\n" + one.id + "\n" + sha256_hex("body")));
  EXPECT_NE(mac, batch_mac("Key", one, "body"));
  EXPECT_NE(mac, batch_mac("key", one, "bodY"));
  EXPECT_NE(mac, batch_mac("key", {"s", one.issued, one.id, ""}, "body"));
  EXPECT_NE(mac, batch_mac("key", {"r", milliseconds(6), one.id, ""}, "body"));
  EXPECT_NE(mac, batch_mac("key", {"r", one.issued, std::string(32, '2'), ""}, "body"));
  EXPECT_EQ(result_mac("key", one.id, "x"),
            hmac_sha256_hex("key", "egressproof result v1\n" + one.id + "\n" + sha256_hex("x")));
  const auto read = decode_result_signature(encode(ResultSignature{one.id, mac}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id + read->mac, one.id + mac);
  EXPECT_FALSE(decode_result_signature(R"({"type":"signature","id":"1","mac":"2"})"));
  EXPECT_FALSE(decode_result_signature(R"({"type":"closing"})"));
}

TEST(AdmissionTest, AnIdIsRememberedAsLongAsItIsValid) {
  Admission admission(run_key, run_id);
  BatchSignature one = sign_batch(run_key, run_id, "");
  const milliseconds issued = one.issued;
  // As early as it may come, so that it stays valid for two minutes.
  EXPECT_FALSE(admission.admit(one, issued - signature_validity));
  admission.release();
  for (int i = 0; i < 200; ++i) {  // others come and go
    EXPECT_FALSE(admission.admit(sign_batch(run_key, run_id, ""), issued + milliseconds(i)));
    admission.release();
  }
  EXPECT_EQ(admission.admit(one, issued + signature_validity)->error, "replayed");
  EXPECT_EQ(admission.admit(one, issued + signature_validity + milliseconds(1))->error, "expired");
}

TEST(AdmissionTest, ABusyProbeDoesNotUseTheIdUp) {
  Admission admission(run_key, run_id);
  const BatchSignature one = sign_batch(run_key, run_id, "");
  const BatchSignature two = sign_batch(run_key, run_id, "");
  EXPECT_FALSE(admission.admit(one, one.issued));
  EXPECT_EQ(admission.admit(two, one.issued)->error, "busy");
  EXPECT_EQ(admission.admit(one, one.issued)->error, "replayed");
  admission.release();
  EXPECT_FALSE(admission.admit(two, one.issued));
}

TEST(AdmissionTest, ManyBatchesNeverMakeAnOldOneForgotten) {
  Admission admission(run_key, run_id);
  const BatchSignature first = sign_batch(run_key, run_id, "");
  EXPECT_FALSE(admission.admit(first, first.issued));
  admission.release();
  std::optional<Refusal> refused;
  for (int i = 0; i < 20000 && !refused; ++i) {
    refused = admission.admit({run_id, first.issued, random_hex(16), ""}, first.issued);
    admission.release();
  }
  ASSERT_TRUE(refused) << "the memory of ids has no bound";
  EXPECT_EQ(refused->error, "busy");
  EXPECT_EQ(admission.admit(first, first.issued)->error, "replayed");
}

class AgentRefusal : public ::testing::Test {
 protected:
  // What is refused must not have been sent.
  ~AgentRefusal() override { EXPECT_EQ(fixture_.requests(), 0); }

  Reply ask(const std::string& request) { return AgentClient(agent_->port()).ask(request); }
  [[nodiscard]] std::string body() const { return batch_body({fixture_.attempt()}); }

  Silent fixture_;
  std::unique_ptr<Agent> agent_ = start_agent();
};

TEST_F(AgentRefusal, Unsigned) {
  EXPECT_EQ(refusal(ask(post("", body()))), "401 unsigned");
  EXPECT_EQ(refusal(ask(post("v1", body()))), "401 unsigned");
  const std::string twice = encode(sign_batch(run_key, run_id, body()));
  EXPECT_EQ(refusal(ask(post(twice, body(), std::string(signature_field) + ": " + twice + "\r\n"))), "401 unsigned");
}

TEST_F(AgentRefusal, ForgedAndAltered) {
  EXPECT_EQ(refusal(ask(post(encode(sign_batch(std::string(64, 'x'), run_id, body())), body()))), "401 forged");
  const std::string signed_for_other = encode(sign_batch(run_key, run_id, batch_body({fixture_.attempt()}, 5)));
  EXPECT_EQ(refusal(ask(post(signed_for_other, body()))), "401 forged");
  BatchSignature later = sign_batch(run_key, run_id, body());
  later.issued += milliseconds(1);
  EXPECT_EQ(refusal(ask(post(encode(later), body()))), "401 forged");
}

TEST_F(AgentRefusal, OfAnotherRun) {
  EXPECT_EQ(refusal(ask(post(encode(sign_batch(run_key, "run-8", body())), body()))), "403 other_run");
}

TEST_F(AgentRefusal, OldAndOfTheFuture) {
  for (const int seconds : {-61, 61, -100000, 100000}) {
    BatchSignature signature = sign_batch(run_key, run_id, body());
    signature.issued += std::chrono::seconds(seconds);
    signature.mac = batch_mac(run_key, signature, body());
    EXPECT_EQ(refusal(ask(post(encode(signature), body()))), "401 expired") << seconds;
  }
  BatchSignature endless = sign_batch(run_key, run_id, body());
  endless.issued = milliseconds::max();
  EXPECT_EQ(refusal(ask(post(encode(endless), body()))), "401 expired");
}

TEST_F(AgentRefusal, TooLarge) {
  const std::string large(8 * 1024 * 1024 + 1, '\n');
  EXPECT_EQ(refusal(ask(signed_post(large))), "413 too_large");
  const std::string signature = encode(sign_batch(run_key, run_id, large));
  AgentClient chunked(agent_->port());
  chunked.send("POST /v1/batches HTTP/1.1\r\nHost: probe\r\nTransfer-Encoding: chunked\r\n" +
               std::string(signature_field) + ": " + signature + "\r\n\r\n");
  for (int i = 0; i < 9; ++i) chunked.send("100000\r\n" + std::string(0x100000, ' ') + "\r\n");
  EXPECT_EQ(refusal(chunked.reply()), "413 too_large");
}

TEST_F(AgentRefusal, TooManyAttempts) {
  std::string lines;
  for (int i = 0; i < 5001; ++i) lines += "{}\n";
  const auto around = [](const std::string& inner) {
    return encode_batch_begin("b", 1) + "\n" + inner + encode_batch_run() + "\n";
  };
  EXPECT_EQ(refusal(ask(signed_post(around(lines)))), "413 too_many");
  const Reply most = ask(signed_post(around(lines.substr(3))));
  EXPECT_EQ(most.status, 200) << "5000 are allowed, and each of these is a problem";
  EXPECT_EQ(loopback::lines_of(most.body).size(), 5002U);
}

TEST_F(AgentRefusal, WhatIsNotOneBatch) {
  const std::string attempt = encode(fixture_.attempt()) + "\n";
  const std::string begin = encode_batch_begin("b", 1) + "\n";
  const std::string end = encode_batch_run() + "\n";
  for (const std::string& wrong : {std::string(), attempt, begin + attempt, attempt + end,
                                   begin + attempt + end + attempt, begin + attempt + end + begin + attempt + end,
                                   begin + begin + attempt + end, begin + attempt + encode_batch_run()})
    EXPECT_EQ(refusal(ask(signed_post(wrong))), "400 malformed") << wrong;
}

TEST_F(AgentRefusal, AnEnormousHead) {
  EXPECT_EQ(refusal(ask("GET /healthz HTTP/1.1\r\nHost: probe\r\nX: " + std::string(16 * 1024, 'x') + "\r\n\r\n")),
            "431 head_too_large");
  EXPECT_EQ(refusal(ask("GET /" + std::string(20 * 1024, 'x'))), "431 head_too_large");
  EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\nHost: probe\r\nX: " + std::string(15 * 1024, 'x') + "\r\n\r\n").status, 200);
}

TEST_F(AgentRefusal, NeverAProxy) {
  const std::string there = "127.0.0.1:" + std::to_string(fixture_.attempt().port);
  EXPECT_EQ(refusal(ask("CONNECT " + there + " HTTP/1.1\r\nHost: " + there + "\r\n\r\n")), "405 method");
  EXPECT_EQ(refusal(ask(get("http://" + there + "/"))), "404 not_found");
  EXPECT_EQ(refusal(ask(get("http://probe/healthz"))), "404 not_found");
  EXPECT_EQ(refusal(ask("GET /healthz HTTP/1.1\r\nHost: probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")),
            "400 upgrade");
  EXPECT_EQ(refusal(ask(get("/"))), "404 not_found");
  EXPECT_EQ(refusal(ask(get(batch_path))), "405 method");
  EXPECT_EQ(refusal(ask("POST /healthz HTTP/1.1\r\nHost: probe\r\nContent-Length: 0\r\n\r\n")), "405 method");
  EXPECT_EQ(refusal(ask("GET /healthz HTTP/1.0\r\n\r\n")), "505 version");
  EXPECT_EQ(refusal(ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).substr(0, 1), "5");
  EXPECT_EQ(refusal(ask("nonsense\r\n\r\n")), "400 malformed");
}

TEST(AgentSlow, HeadAndBody) {
  AgentOptions options = agent_options();
  options.http.head = milliseconds(100);
  options.http.body_idle = milliseconds(100);
  const auto agent = start_agent(options);
  AgentClient head(agent->port());
  head.send("GET /healthz HTTP/1.1\r\nHost:");
  EXPECT_EQ(refusal(head.reply()), "408 slow");
  EXPECT_TRUE(head.ended());
  const std::string request = signed_post(batch_body({}));
  AgentClient body(agent->port());
  body.send(request.substr(0, request.size() - 1));
  EXPECT_EQ(refusal(body.reply()), "408 slow");
  EXPECT_TRUE(body.ended());
}

// One byte now and then must not hold a connection for ever.
TEST(AgentSlow, ABodyThatNeverEnds) {
  AgentOptions options = agent_options();
  options.http.body = milliseconds(300);
  const auto agent = start_agent(options);
  const std::string body = batch_body({});
  AgentClient client(agent->port());
  const std::string request = signed_post(body);
  client.send(request.substr(0, request.size() - body.size()));
  const auto until = std::chrono::steady_clock::now() + milliseconds(600);
  for (std::size_t at = 0; std::chrono::steady_clock::now() < until && at + 1 < body.size(); ++at) {
    client.send(body.substr(at, 1));
    ::poll(nullptr, 0, 20);
  }
  EXPECT_EQ(refusal(client.reply()), "408 slow");
}

TEST(AgentStart, WhatItCannotServeBy) {
  AgentOptions options = agent_options();
  options.key = "short";
  EXPECT_EQ(Agent::start(options).error().kind, ErrorKind::usage);
  options = agent_options();
  options.run = "a run";
  EXPECT_EQ(Agent::start(options).error().kind, ErrorKind::usage);
  options = agent_options();
  options.address = "localhost";
  EXPECT_EQ(Agent::start(options).error().kind, ErrorKind::usage);
  const auto first = start_agent();
  options = agent_options();
  options.port = first->port();
  EXPECT_EQ(Agent::start(options).error().kind, ErrorKind::environment);
}

}  // namespace
}  // namespace egressproof::probe
