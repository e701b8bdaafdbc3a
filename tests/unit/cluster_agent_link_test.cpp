// What the runner makes of agents: the real one, and one whose answers someone cuts or alters on the way.
#include "runner/backend/cluster/agent_link.h"

#include "runner/backend/mesh/http.h"
#include "tests/unit/probe_agent_support.h"

namespace egressproof::backend::cluster {
namespace {

using namespace probe::loopback;
using probe::Attempt;
using probe::BatchResult;

const AgentAccess access_of_run{run_id, run_key};
constexpr milliseconds patience{10000};

std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

BatchResult exchange_one(std::uint16_t agent_port, const std::vector<Attempt>& attempts,
                         const AgentAccess& access = access_of_run, milliseconds limit = patience) {
  return exchange(access, {{"P", {url_of(agent_port)}}}, {{"P", attempts}}, "b1", 4, limit)["P"];
}

std::string all_of(const BatchResult& result) {
  std::string all;
  for (const std::string& one : result.errors) all += one + "\n";
  return all;
}

// No evidence, and the error says what happened.
void expect_error(const BatchResult& result, const std::string& what) {
  EXPECT_TRUE(result.observations.empty());
  EXPECT_FALSE(result.closed);
  EXPECT_NE(all_of(result).find(what), std::string::npos) << all_of(result);
}

class AgentLink : public ::testing::Test {
 protected:
  AgentLink() {
    probe::AgentOptions options = agent_options();
    options.engine = target_.options();
    agent_ = start_agent(options);
  }
  probe::loopback::Target target_;
  std::unique_ptr<probe::Agent> agent_;
};

TEST_F(AgentLink, AllProbesAtOnce) {
  const auto second = start_agent();
  const std::vector<Attempt> one{attempt_to(address(1), port), attempt_to(address(2), port)};
  const std::vector<Attempt> two{attempt_to(address(1), port)};
  const auto results = exchange(access_of_run, {{"P1", {url_of(agent_->port())}}, {"P2", {url_of(second->port())}}},
                                {{"P1", one}, {"P2", two}}, "b1", 4, patience);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results.at("P1").observations.size(), 2U) << all_of(results.at("P1"));
  EXPECT_EQ(results.at("P2").observations.size(), 1U) << all_of(results.at("P2"));
  for (const auto& [probe, result] : results) {
    EXPECT_TRUE(result.closed) << probe;
    EXPECT_TRUE(result.errors.empty()) << all_of(result);
  }
  for (const Attempt& attempt : one)
    EXPECT_EQ(target_.receipts(target::ReceiptKind::request, attempt.nonce).size(), 1U);
}

TEST_F(AgentLink, AProbeWithoutUrlIsAnErrorOfThatProbeAlone) {
  const auto results =
      exchange(access_of_run, {{"P1", {url_of(agent_->port())}}},
               {{"P1", {attempt_to(address(1), port)}}, {"P2", {attempt_to(address(1), port)}}}, "b1", 4, patience);
  EXPECT_EQ(results.at("P1").observations.size(), 1U);
  expect_error(results.at("P2"), "there is no probe 'P2'");
}

TEST_F(AgentLink, RefusalsAreErrors) {
  const std::vector<Attempt> attempts{attempt_to(address(1), port)};
  expect_error(exchange_one(agent_->port(), attempts, {run_id, std::string(64, 'x')}), "HTTP status 401, forged: ");
  expect_error(exchange_one(agent_->port(), attempts, {"other", run_key}), "HTTP status 403, other_run: ");
  expect_error(exchange_one(agent_->port(), std::vector<Attempt>(5001, attempts[0])), "HTTP status 413, too_many: ");
  EXPECT_TRUE(target_.receipts(target::ReceiptKind::connection).empty());
}

TEST_F(AgentLink, ABusyAgentIsTriedAgain) {
  const Silent silent;
  AgentClient other(agent_->port());
  other.send(signed_post(batch_body({silent.attempt()})));
  ASSERT_TRUE(eventually([&] { return silent.requests() == 1; }));
  const std::vector<Attempt> attempts{attempt_to(address(1), port)};
  const BatchResult busy = exchange_one(agent_->port(), attempts, access_of_run, milliseconds(600));
  expect_error(busy, "no whole answer within 600 ms; the last try: HTTP status 429, busy: ");
  EXPECT_TRUE(target_.receipts(target::ReceiptKind::connection).empty());
  std::thread later([&] {
    ::poll(nullptr, 0, 400);
    other.close();
  });
  const BatchResult result = exchange_one(agent_->port(), attempts);
  later.join();
  EXPECT_EQ(result.observations.size(), 1U) << all_of(result);
  EXPECT_TRUE(result.errors.empty()) << all_of(result);
}

TEST_F(AgentLink, ARefusedConnectionIsTriedAgain) {
  const std::uint16_t free = start_agent()->port();  // nobody listens there any more
  const std::vector<Attempt> attempts{attempt_to(address(1), port)};
  expect_error(exchange_one(free, attempts, access_of_run, milliseconds(300)), "no whole answer within 300 ms");
  EXPECT_FALSE(wait_ready({{"P", url_of(free)}}, milliseconds(300)));
  std::unique_ptr<probe::Agent> late;
  std::thread later([&] {
    ::poll(nullptr, 0, 400);
    probe::AgentOptions options = agent_options();
    options.port = free;
    late = start_agent(options);
  });
  const BatchResult result = exchange_one(free, attempts);
  later.join();
  EXPECT_EQ(result.observations.size(), 1U) << all_of(result);
  EXPECT_TRUE(result.errors.empty()) << all_of(result);
}

TEST_F(AgentLink, AnAgentThatFallsSilentIsAnError) {
  const Silent silent;
  const auto began = std::chrono::steady_clock::now();
  expect_error(
      exchange_one(agent_->port(), {silent.attempt(), attempt_to(address(1), port)}, access_of_run, milliseconds(500)),
      "no whole answer within 500 ms");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  // The agent has noticed that nobody waits any more.
  EXPECT_EQ(exchange_one(agent_->port(), {attempt_to(address(1), port)}).observations.size(), 1U);
}

// Between runner and agent: gives on the agent's answer as `alter` makes it.
class Relay {
 public:
  Relay(std::uint16_t agent, std::function<std::string(std::string)> alter, bool cut)
      : peer_([=](int fd) {
          const std::string head = Peer::read_to(fd, "\r\n\r\n");
          AgentClient client(agent);
          std::string request = head;
          const std::size_t begin = head.find("\r\n\r\n") + 4;
          const std::size_t size = std::stoul(AgentClient::field(head, "Content-Length"));
          while (request.size() < begin + size) {
            std::string more(65536, '\0');
            const ssize_t got = ::recv(fd, more.data(), more.size(), 0);
            if (got <= 0) return;
            request.append(more, 0, static_cast<std::size_t>(got));
          }
          const std::string body = alter(client.ask(request).body);
          char length[24];
          std::snprintf(length, sizeof length, "%zx\r\n", body.size());
          Peer::write_all(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
                                  std::string(length) + body + (cut ? "\r\n" : "\r\n0\r\n\r\n"));
        }) {}
  [[nodiscard]] std::uint16_t port() const { return peer_.port(); }

 private:
  Peer peer_;
};

class AlteredAnswer : public AgentLink {
 protected:
  BatchResult through(std::function<std::string(std::string)> alter, bool cut = false) {
    const Relay relay(agent_->port(), std::move(alter), cut);
    return exchange_one(relay.port(), {attempt_to(address(1), port), attempt_to(address(2), port)});
  }
};

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

// As one would who does not know the key: the closing record fits what stands before it.
std::string with_fitting_close(std::vector<std::string> lines) {
  const std::string signature = lines.back();
  lines.pop_back();
  Json closing = Json::parse(lines.back());
  lines.pop_back();
  closing["count"] = lines.size();
  closing["sha256"] = sha256_hex(joined(lines));
  return joined(lines) + closing.dump() + "\n" + signature + "\n";
}

TEST_F(AlteredAnswer, Unaltered) {
  const BatchResult result = through([](std::string body) { return body; });
  EXPECT_EQ(result.observations.size(), 2U) << all_of(result);
  EXPECT_TRUE(result.errors.empty()) << all_of(result);
}

TEST_F(AlteredAnswer, AnObservationIsChanged) {
  expect_error(through([](const std::string& body) {
                 std::vector<std::string> lines = probe::loopback::lines_of(body);
                 auto seen = probe::decode_observation(lines[0]);
                 seen->code = probe::Code::connect_refused;
                 lines[0] = probe::encode(*seen);
                 return with_fitting_close(lines);
               }),
               "signature is not that of what came");
}

TEST_F(AlteredAnswer, AnObservationIsTakenAway) {
  expect_error(through([](const std::string& body) {
                 std::vector<std::string> lines = probe::loopback::lines_of(body);
                 lines.erase(lines.begin());
                 return with_fitting_close(lines);
               }),
               "signature is not that of what came");
}

TEST_F(AlteredAnswer, TheSignatureIsMissing) {
  expect_error(through([](const std::string& body) {
                 std::vector<std::string> lines = probe::loopback::lines_of(body);
                 lines.pop_back();
                 return joined(lines);
               }),
               "ends without a signature");
}

TEST_F(AlteredAnswer, TheSignatureIsWrong) {
  expect_error(through([](std::string body) {
                 const std::size_t digit = body.size() - 4;
                 body[digit] = body[digit] == '0' ? '1' : '0';
                 return body;
               }),
               "signature is not that of what came");
  expect_error(through([](const std::string& body) {
                 std::vector<std::string> lines = probe::loopback::lines_of(body);
                 lines.back() = R"({"type":"signature"})";
                 return joined(lines);
               }),
               "stands no signature");
}

TEST_F(AlteredAnswer, ItIsThatOfAnotherBatch) {
  const std::string earlier = [&] {
    const std::string body = batch_body({attempt_to(address(1), port)});
    return AgentClient(agent_->port()).ask(signed_post(body)).body;
  }();
  expect_error(through([&](const std::string&) { return earlier; }), "signed as that of another batch");
}

TEST_F(AlteredAnswer, LinesAreAdded) {
  expect_error(through([](const std::string& body) { return body + body; }), "a line stands behind the signature");
  expect_error(through([](const std::string& body) { return body + "{"; }), "ends within a line");
}

TEST_F(AlteredAnswer, ItIsCut) {
  for (const std::size_t percent : {0U, 30U, 99U})
    expect_error(through([&](const std::string& body) { return body.substr(0, body.size() * percent / 100); }, true),
                 "the probe P at ");
  expect_error(through([](const std::string& body) { return body; }, true), "the probe P at ");
}

TEST_F(AgentLink, WhatIsNoAgentIsAnError) {
  Peer peer([](int fd) {
    Peer::read_to(fd, "\r\n\r\n");
    Peer::write_all(fd,
                    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\nConnection: close\r\n\r\nno \xff peers");
    Peer::hold(fd);
  });
  expect_error(exchange_one(peer.port(), {attempt_to(address(1), port)}), "HTTP status 503, no \xc3\xbf peers");
  const auto ready = wait_ready({{"A", url_of(agent_->port())}, {"B", url_of(peer.port())}}, milliseconds(1000));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().kind, ErrorKind::environment);
  EXPECT_NE(ready.error().message.find("B: GET " + url_of(peer.port()) + "/healthz: HTTP status 503"),
            std::string::npos)
      << ready.error().message;
  EXPECT_EQ(ready.error().message.find("A: "), std::string::npos) << ready.error().message;
}

TEST_F(AgentLink, ReadyProbesAndPlainGets) {
  EXPECT_TRUE(wait_ready({{"A", url_of(agent_->port())}}, patience));
  const auto replies = mesh::http_get_all(
      std::vector<std::string>{url_of(agent_->port()) + "/healthz", url_of(agent_->port()) + "/none"}, patience);
  ASSERT_EQ(replies.size(), 2U);
  ASSERT_TRUE(replies[0] && replies[1]);
  EXPECT_EQ(replies[0]->status, 200);
  EXPECT_NE(replies[0]->body.find("\"ok\""), std::string::npos);
  EXPECT_EQ(replies[1]->status, 404);
  const std::uint16_t free = start_agent()->port();
  const auto refused = mesh::http_get({url_of(free)}, patience);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(url_of(free)), std::string::npos);
}

}  // namespace
}  // namespace egressproof::backend::cluster
