// What the target shows of itself on loopback, and the CA that several targets share.
#include <fcntl.h>

#include "base/x509.h"
#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

std::uint16_t free_port() {
  const auto fd = bind_to("127.0.0.1", 0, SOCK_STREAM);
  Address bound;
  ::getsockname(fd->get(), bound.raw(), &bound.size);
  const std::string text = text_of(bound);
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

Config inspected() {
  Config config = one_fixture(loopback(1));
  config.inspection_port = free_port();
  return config;
}

struct Told {
  std::string head, body;
};

Told ask(const Running& target, const std::string& request) {
  Client client("127.0.0.1", target.config().inspection_port);
  EXPECT_TRUE(client.connected());
  EXPECT_TRUE(client.send(request));
  const std::string all = client.read_all();
  EXPECT_FALSE(client.failed()) << "a reset, and the reply may be lost";
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos) return {all, ""};
  return {all.substr(0, end), all.substr(end + 4)};
}

Told get(const Running& target, const std::string& path) {
  return ask(target, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

std::string status(const Told& told) { return told.head.substr(0, told.head.find("\r\n")); }

void leave_a_receipt() {
  Client client(loopback(1));
  ASSERT_TRUE(client.send(get_request("/r/" + fresh_nonce())));
  ASSERT_NE(client.read_until("mac="), "");
}

TEST(InspectionTest, HealthAndNothingElse) {
  const Running target(inspected());
  EXPECT_EQ(status(get(target, "/healthz")), "HTTP/1.1 200 OK");
  EXPECT_EQ(status(get(target, "/")), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(status(get(target, "/journal/../../etc/passwd")), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(status(ask(target, "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")),
            "HTTP/1.1 405 Method Not Allowed");
  EXPECT_EQ(status(ask(target, "CONNECT " + loopback(1) + ":8080 HTTP/1.1\r\n\r\n")),
            "HTTP/1.1 405 Method Not Allowed");
  EXPECT_EQ(status(get(target, "http://" + loopback(1) + ":8080/healthz")), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(status(ask(target, "GET /" + std::string(20000, 'a'))), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_TRUE(target.receipts(ReceiptKind::connection).empty()) << "an inspection is no receipt";
}

TEST(InspectionTest, TheJournalIsReadInPieces) {
  const Running target(inspected());
  leave_a_receipt();
  std::string read = get(target, "/journal").body;
  EXPECT_EQ(read, read_file(target.config().journal).value_or(""));
  EXPECT_GE(decode_journal(read).receipts.size(), 2U) << read;
  EXPECT_EQ(get(target, "/journal?from=" + std::to_string(read.size())).body, "");
  leave_a_receipt();
  const std::string more = get(target, "/journal?from=" + std::to_string(read.size())).body;
  EXPECT_FALSE(more.empty());
  read += more;
  EXPECT_EQ(read, read_file(target.config().journal).value_or(""));
  EXPECT_TRUE(decode_journal(read).errors.empty());
}

TEST(InspectionTest, ALineThatIsStillBeingWrittenIsLeftOut) {
  const Running target(inspected());
  const std::string before = get(target, "/journal").body;
  const UniqueFd journal(::open(target.config().journal.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  ASSERT_EQ(::write(journal.get(), "{\"type\":", 8), 8);
  EXPECT_EQ(get(target, "/journal").body, before);
  EXPECT_EQ(get(target, "/journal?from=" + std::to_string(before.size())).body, "");
}

TEST(InspectionTest, AnOffsetThatIsNoBeginningOfALineIsRefused) {
  const Running target(inspected());
  EXPECT_EQ(status(get(target, "/journal?from=1")), "HTTP/1.1 400 Bad Request");
  for (const char* wrong : {"", "-1", "0x10", "1a", "99999999999999999999999"})
    EXPECT_EQ(status(get(target, std::string("/journal?from=") + wrong)), "HTTP/1.1 400 Bad Request") << wrong;
  EXPECT_EQ(status(get(target, "/journal?from=100000")), "HTTP/1.1 416 Range Not Satisfiable");
}

TEST(InspectionTest, OnlyOneAddressListens) {
  const Running target(inspected());
  ASSERT_TRUE(Client("127.0.0.1", target.config().inspection_port).connected());
  EXPECT_FALSE(Client("127.0.0.2", target.config().inspection_port).connected());
  EXPECT_FALSE(Client(loopback(1), target.config().inspection_port).connected());
  EXPECT_FALSE(Client("::1", target.config().inspection_port).connected());
}

TEST(InspectionTest, APortThatIsTakenIsAnError) {
  const Running first(inspected());
  Config second = one_fixture(loopback(2));
  second.inspection_port = first.config().inspection_port;
  const std::string journal = first.config().journal.string() + ".2";
  second.journal = journal;
  second.ca_file = journal + ".ca";
  const auto started = Server::start(second);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("127.0.0.1:" + std::to_string(second.inspection_port)), std::string::npos)
      << started.error().message;
}

class SharedCaTest : public ::testing::Test {
 protected:
  SharedCaTest() { std::filesystem::create_directory(folder_); }
  ~SharedCaTest() override { std::filesystem::remove_all(folder_); }

  // A configuration with the pair as files.
  [[nodiscard]] Config config(const KeyPair& pair) const {
    EXPECT_TRUE(write_file_atomically(folder_ / "ca.crt", pair.certificate));
    EXPECT_TRUE(write_file_atomically(folder_ / "ca.key", pair.key));
    Config config = one_fixture(loopback(1));
    config.ca_certificate_file = folder_ / "ca.crt";
    config.ca_key_file = folder_ / "ca.key";
    return config;
  }
  [[nodiscard]] std::string refusal(const KeyPair& pair) const {
    Config wrong = config(pair);
    wrong.journal = folder_ / ("journal-" + random_hex(4));
    const auto started = Server::start(wrong);
    return started ? "" : to_string(started.error());
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("egressproof-ca-" + random_hex(8));
};

TEST_F(SharedCaTest, ItIssuesTheFixturesCertificates) {
  const auto ca = CertificateAuthority::create("shared");
  ASSERT_TRUE(ca);
  const auto pair = ca->pair();
  ASSERT_TRUE(pair);
  const Running target(config(*pair));
  EXPECT_EQ(read_file(target.config().ca_file).value_or(""), ca->certificate());
  Client client(loopback(1));
  EXPECT_TRUE(client.start_tls(folder_ / "ca.crt", "allow.test"));
}

TEST_F(SharedCaTest, WhatIsNoCaIsRefused) {
  const auto ca = CertificateAuthority::create("shared");
  const auto other = CertificateAuthority::create("other");
  ASSERT_TRUE(ca && other);
  const KeyPair pair = ca->pair().value();
  EXPECT_NE(refusal({pair.certificate, other->pair()->key}).find("not that of its certificate"), std::string::npos);
  EXPECT_NE(refusal({"nonsense", pair.key}).find("not a PEM certificate"), std::string::npos);
  EXPECT_NE(refusal({pair.certificate, ""}).find("not a PEM private key"), std::string::npos);
  const KeyPair leaf = ca->issue({"allow", {"allow.test"}, {}, {}}).value();
  EXPECT_NE(refusal(leaf).find("not that of a CA"), std::string::npos);
  Config missing = config(pair);
  missing.ca_key_file = folder_ / "nothing";
  missing.journal = folder_ / "journal";
  const auto started = Server::start(missing);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("nothing"), std::string::npos);
}

TEST_F(SharedCaTest, WithoutAPlaceForItNoCaFileIsWritten) {
  Config config_without = config(CertificateAuthority::create("shared")->pair().value());
  config_without.journal = folder_ / "journal";
  config_without.ca_file.clear();
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_TRUE(Server::start(config_without));
}

}  // namespace
}  // namespace egressproof::target
