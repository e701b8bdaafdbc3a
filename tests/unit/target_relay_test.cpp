// Fixtures that relay: what the two ends of a relayed connection see, and what stands in the journal.
#include "target/relay.h"

#include <gmock/gmock.h>

#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint16_t port = 8080;

Fixture relay_to(const std::string& address) {
  Fixture made{"relay", "key", {loopback(1)}, {port}, false, {"relay.test"}};
  made.relays_to = address;
  return made;
}

// `relay` in front of `deny`.
Config relay_and_fixture() {
  Config config = one_fixture(loopback(2));
  config.fixtures[0].name = "deny";
  config.fixtures[0].dns_names = {"deny.test"};
  config.fixtures.push_back(relay_to(loopback(2)));
  return config;
}

Config relay_alone() {
  Config config;
  config.fixtures = {relay_to(loopback(2))};
  return config;
}

// In place of a fixture: says and hears exactly what a test wants.
class FarEnd {
 public:
  FarEnd() {
    auto made = bind_to(loopback(2), port, SOCK_STREAM);
    EXPECT_TRUE(made) << to_string(made.error());
    if (made) listener_ = std::move(*made);
  }
  // The next connection; its peer's address is in `from`.
  UniqueFd accept(std::string* from = nullptr) const {
    Address peer;
    UniqueFd fd(::accept4(listener_.get(), peer.raw(), &peer.size, SOCK_CLOEXEC));
    const timeval limit{patience.count() / 1000, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (from != nullptr) *from = host_of(peer);
    return fd;
  }

 private:
  UniqueFd listener_;
};

// Until the end of the stream, or `size` bytes.
std::string read_bytes(int fd, std::size_t size) {
  std::string all;
  while (all.size() < size) {
    std::string bytes(16384, '\0');
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    all.append(bytes, 0, static_cast<std::size_t>(got));
  }
  return all;
}

std::string every_byte(int times) {
  std::string bytes;
  for (int i = 0; i < times; ++i)
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  return bytes;
}

TEST(RelayTest, TheReceiptIsTheOthersAndComesFromTheRelay) {
  Running running(relay_and_fixture());
  const std::string nonce = fresh_nonce();
  Client client(loopback(1));
  ASSERT_TRUE(client.send("ehlo " + nonce + "\r\n"));
  EXPECT_THAT(client.read_until("mac="), HasSubstr("fixture=deny nonce=" + nonce));
  const Journal journal = running.journal();
  EXPECT_TRUE(journal.errors.empty());
  ASSERT_EQ(journal.receipts.size(), 2U) << "the connection and its payload";
  EXPECT_THAT(journal.receipts, Each(Field(&Receipt::fixture, "deny")));
  EXPECT_THAT(journal.receipts, Each(Field(&Receipt::peer, StartsWith(loopback(1) + ":"))));
  EXPECT_EQ(journal.receipts[0].local, loopback(2) + ":8080");
}

TEST(RelayTest, TlsIsTheOthersToo) {
  Running running(relay_and_fixture());
  Client client(loopback(1));
  ASSERT_TRUE(client.start_tls(running.config().ca_file.string(), "deny.test"));
  ASSERT_TRUE(client.send(get_request("/")));
  EXPECT_THAT(client.read_until("mac="), HasSubstr("fixture=deny"));
  EXPECT_EQ(running.awaited(ReceiptKind::tls).sni, "deny.test");
}

TEST(RelayTest, BytesPassUnchangedAndEachEndIsPassedOnByItself) {
  const FarEnd far;
  Running running(relay_alone());
  Client client(loopback(1));
  std::string from;
  UniqueFd server = far.accept(&from);
  EXPECT_EQ(from, loopback(1));
  const std::string there = every_byte(256);
  ASSERT_TRUE(client.send(there));
  EXPECT_EQ(read_bytes(server.get(), there.size()), there);
  client.end_of_input();
  EXPECT_EQ(read_bytes(server.get(), 1), "") << "the end, not a byte";
  const std::string back = every_byte(100);
  ASSERT_EQ(::send(server.get(), back.data(), back.size(), MSG_NOSIGNAL), static_cast<ssize_t>(back.size()));
  server.reset();
  EXPECT_EQ(client.read_all(), back);
  EXPECT_FALSE(client.failed());
  EXPECT_TRUE(running.journal().receipts.empty()) << "who relays writes nothing down";
}

TEST(RelayTest, TheOthersEndIsPassedOnToo) {
  const FarEnd far;
  Running running(relay_alone());
  Client client(loopback(1));
  const UniqueFd server = far.accept();
  ::shutdown(server.get(), SHUT_WR);
  EXPECT_EQ(client.read_all(), "");
  ASSERT_TRUE(client.send("still here"));
  EXPECT_EQ(read_bytes(server.get(), 10), "still here");
}

TEST(RelayTest, AResetEndsBoth) {
  const FarEnd far;
  Running running(relay_alone());
  auto client = std::make_unique<Client>(loopback(1));
  const UniqueFd server = far.accept();
  client->reset_on_close();
  client.reset();
  EXPECT_EQ(read_bytes(server.get(), 1), "");
  EXPECT_TRUE(eventually([&] { return running.server().connections() == 0; }));
}

TEST(RelayTest, WithoutAnotherEndTheConnectionIsClosedAndTheJournalSaysSo) {
  Running running(relay_alone());
  Client client(loopback(1));
  EXPECT_EQ(client.read_all(), "");
  ASSERT_TRUE(eventually([&] { return !running.journal().errors.empty(); }));
  EXPECT_THAT(running.journal().errors[0], HasSubstr("relay 'relay' closed a connection: connect('" + loopback(2)));
}

TEST(RelayTest, NobodyIsKeptForEver) {
  const FarEnd far;
  Running running(relay_alone(), Limits{milliseconds(100)});
  Client client(loopback(1));
  const UniqueFd server = far.accept();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(read_bytes(server.get(), 1), "");
}

TEST(RelayTest, StoppingEndsOpenConnections) {
  const FarEnd far;
  Running running(relay_alone());
  Client client(loopback(1));
  const UniqueFd server = far.accept();
  running.server().stop();  // well before Limits::idle, or this test takes half a minute
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(read_bytes(server.get(), 1), "");
}

TEST(RelayTest, TheyAreNotWithoutEnd) {
  const FarEnd far;
  Running running(relay_alone());
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < most_relayed; ++i) clients.push_back(std::make_unique<Client>(loopback(1)));
  ASSERT_TRUE(eventually([&] { return running.server().connections() == most_relayed; }));
  Client one_more(loopback(1));
  EXPECT_EQ(one_more.read_all(), "");
  ASSERT_TRUE(eventually([&] { return !running.journal().errors.empty(); }));
  EXPECT_THAT(running.journal().errors[0], HasSubstr("it has 256 already"));
}

TEST(RelayTest, TheConfigurationSaysWhereTo) {
  Config config = relay_and_fixture();
  config.journal = "receipts.ndjson";
  config.ca_file = "ca.pem";
  const auto back = decode_config(encode(config));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->fixtures[0].relays_to, "");
  EXPECT_EQ(back->fixtures[1].relays_to, loopback(2));
}

TEST(RelayTest, WhatCannotBeRelayedIsAMistake) {
  const auto message = [](const Fixture& fixture) {
    const auto checked = check_relay(fixture);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(message(relay_to(loopback(2))), "");
  EXPECT_EQ(message(relay_to("2001:db8::1")), "fixture 'relay' relays to '2001:db8::1', which is no IPv4 address");
  Fixture six = relay_to(loopback(2));
  six.addresses = {"2001:db8::2"};
  Fixture every = relay_to(loopback(2));
  every.every_port = true;
  Fixture datagrams = relay_to(loopback(2));
  datagrams.udp_ports = {53};
  for (const Fixture& one : {six, every, datagrams})
    EXPECT_EQ(message(one), "fixture 'relay' relays: it has IPv4 addresses and 'ports' alone");
}

}  // namespace
}  // namespace egressproof::target
