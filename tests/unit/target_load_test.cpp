// The target under load, with bad clients, and without a journal.
#include <fcntl.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

class LoadTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual_), 0);
    usual_.rlim_cur = usual_.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual_), 0);
  }
  rlimit usual_{};
};

TEST_F(LoadTest, ParallelClientsLeaveAWholeJournal) {
  const std::string host = loopback(60);
  Running running(one_fixture(host));
  constexpr int threads = 20;
  constexpr int each = 25;  // held open together: 500 connections
  std::atomic<int> answered{0};
  std::vector<std::thread> crowd;
  for (int t = 0; t < threads; ++t)
    crowd.emplace_back([&] {
      std::vector<std::unique_ptr<Client>> clients;
      for (int i = 0; i < each; ++i) clients.push_back(std::make_unique<Client>(host));
      for (const auto& client : clients) {
        const std::string nonce = fresh_nonce();
        if (client->send(get_request("/" + nonce)) && client->read_until("mac=").find(nonce) != std::string::npos)
          ++answered;
      }
    });
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(answered, threads * each);
  EXPECT_TRUE(eventually([&] { return running.server().connections() == 0; })) << "ended threads are cleared away";
  running.server().stop();
  const Journal journal = running.journal();
  EXPECT_EQ(journal.errors, std::vector<std::string>{});
  EXPECT_TRUE(journal.closed);
  EXPECT_EQ(journal.receipts.size(), 2U * threads * each);
  EXPECT_TRUE(connections_without_nonce(journal).empty());
}

TEST_F(LoadTest, StopEndsEverythingAtOnce) {
  const std::string host = loopback(61);
  Config config = one_fixture(host);
  config.zones = {"test"};
  config.dns_address = host;
  config.dns_port = 5353;
  Running running(config);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(host, i % 10 == 9 ? 5353 : 8080));
    const std::string starts[] = {"", "GET / HT", "\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                  "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"};
    if (!starts[i % 5].empty()) clients.back()->send(starts[i % 5]);
  }
  // Ends that were begun but hang in their last half second.
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(host));
    clients.back()->send(get_request("/", "Connection: close\r\n"));
  }
  std::atomic<bool> over{false};
  std::thread storm([&] {
    while (!over) {
      Client client(host);
      client.send(get_request("/storm"));
    }
  });
  EXPECT_TRUE(eventually([&] { return running.receipts(ReceiptKind::connection).size() > 150; })) << "the storm";
  const auto start = std::chrono::steady_clock::now();
  running.server().stop();
  const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  over = true;
  storm.join();
  EXPECT_LT(took.count(), 10000) << "it waited for idle connections";
  const Journal journal = running.journal();
  EXPECT_EQ(journal.errors, std::vector<std::string>{});
  EXPECT_TRUE(journal.closed);
  EXPECT_FALSE(Client(host).connected());
}

TEST_F(LoadTest, BadClientsDoNotDisturbOthers) {
  const std::string host = loopback(62);
  Running running(one_fixture(host), {milliseconds(300)});
  for (int i = 0; i < 50; ++i) {
    Client client(host);
    client.send(get_request("/" + fresh_nonce()));
    if (i % 2 == 0) client.reset_on_close();
  }
  Client idle(host);
  Client slow(host);
  for (const char c : get_request("/slow", "Connection: close\r\n")) {
    ASSERT_TRUE(slow.send({&c, 1}));
    ::poll(nullptr, 0, 1);
  }
  EXPECT_NE(slow.read_all().find("mac="), std::string::npos);
  EXPECT_EQ(idle.read_all(), "") << "closed after the idle limit";
  EXPECT_TRUE(eventually([&] { return running.server().connections() == 0; })) << "threads of bad clients end";
  EXPECT_EQ(running.receipts(ReceiptKind::connection).size(), 52U);
  EXPECT_EQ(running.journal().errors, std::vector<std::string>{});
}

// Limits the size of files of this process while it lives.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t size) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

// The receipt that cannot be written any more is, in turn, that of a connection, of a request, and of a part of it.
TEST_F(LoadTest, WithoutAJournalNothingIsAnswered) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
  const std::string request = std::string("\0\0\3\1\5\0\0\0\1\x82\x84\x86", 12);  // GET http /
  const std::string texts[] = {get_request("/"), "\x01payload\n", preface + request};
  int number = 63;
  for (const std::string& text : texts) {
    for (const bool connection_told : {false, true}) {
      const std::string host = loopback(number++);
      Config config = one_fixture(host);
      config.zones = {"test"};
      config.dns_address = host;
      config.dns_port = 5353;
      config.fixtures[0].udp_ports = {8080};
      Running running(config);
      Client early(host);
      const bool told = connection_told && running.awaited(ReceiptKind::connection).connection == 1;
      ASSERT_EQ(told, connection_told);
      const FullDisk full(std::filesystem::file_size(running.config().journal) + 10);  // a part of a line still fits
      early.send(text);
      EXPECT_EQ(early.read_all().find("mac="), std::string::npos) << text;
      Client late(host);
      late.send(text);
      EXPECT_EQ(late.read_all(), "") << text;
      // A datagram is taken after the connections before it: once the target closed `late`, it cannot answer this.
      const UniqueFd udp(::socket(AF_INET, SOCK_DGRAM, 0));
      for (const std::uint16_t port : {std::uint16_t{8080}, std::uint16_t{5353}}) {
        Address address = make_address(host, port);
        const std::string query("\0\1\1\0\0\1\0\0\0\0\0\0\4test\0\0\6\0\1", 22);
        ::sendto(udp.get(), query.data(), query.size(), 0, address.raw(), address.size);
      }
      pollfd entry{udp.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&entry, 1, 100), 0) << "no datagram may be answered";
      running.server().stop();
      EXPECT_FALSE(running.journal().closed);
    }
  }
}

TEST_F(LoadTest, AJournalThatLostALineStaysSilentForEver) {
  const std::string host = loopback(74);
  Running running(one_fixture(host));
  {
    const FullDisk full(std::filesystem::file_size(running.config().journal) + 10);
    Client client(host);
    client.send(get_request("/lost"));
    EXPECT_EQ(client.read_all(), "");
  }
  Client client(host);
  client.send(get_request("/later"));
  EXPECT_EQ(client.read_all(), "") << "there is room again, but a receipt is missing";
  running.server().stop();
  EXPECT_FALSE(running.journal().closed);
}

TEST_F(LoadTest, AConnectionThatCouldNotBeTakenIsAnErrorOfTheJournal) {
  const std::string host = loopback(75);
  Running running(one_fixture(host));
  Client before(host);
  ASSERT_TRUE(before.send(get_request("/before")));
  ASSERT_NE(before.read_until("mac="), "");
  {
    UniqueFd waiting(::socket(AF_INET, SOCK_STREAM, 0));
    const rlimit few{64, usual_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    std::vector<UniqueFd> all;
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) all.emplace_back(fd);
    ASSERT_GT(all.size(), 0U) << "64 descriptors were in use already";
    Address address = make_address(host, 8080);
    ::connect(waiting.get(), address.raw(), address.size);
    char end = 0;
    EXPECT_LE(::recv(waiting.get(), &end, 1, 0), 0) << "closed without answer";
    ::setrlimit(RLIMIT_NOFILE, &usual_);
  }
  const auto errors = running.journal().errors;
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].find("a connection was closed unseen: accept4()"), std::string::npos) << errors[0];
  Client after(host);
  ASSERT_TRUE(after.send(get_request("/after")));
  EXPECT_NE(after.read_until("mac="), "") << "and the target goes on";
}

}  // namespace
}  // namespace egressproof::target
