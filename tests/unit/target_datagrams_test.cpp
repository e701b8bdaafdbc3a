#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <sstream>
#include <thread>
#include <vector>

#include "target/datagrams.h"
#include "target/packets.h"
#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

// A UDP client; "" if no answer comes within `limit`.
class UdpClient {
 public:
  // Bound, as otherwise it would send from the fixture's own address, which is local too.
  explicit UdpClient(const std::string& source = "127.0.0.1")
      : fd_(::socket(make_address(source, 0).storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    Address address = make_address(source, 0);
    EXPECT_EQ(::bind(fd_.get(), address.raw(), address.size), 0);
  }
  void send(const std::string& host, std::uint16_t port, const std::string& bytes) {
    Address to = make_address(host, port);
    ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, to.raw(), to.size);
  }
  std::string receive(milliseconds limit = patience) {
    pollfd entry{fd_.get(), POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(limit.count())) != 1) return {};
    std::string bytes(2048, '\0');
    from = Address{};
    const ssize_t got = ::recvfrom(fd_.get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  Address from;

 private:
  UniqueFd fd_;
};

TEST(DatagramsTest, EachIsAReceiptAndIsAnswered) {
  const std::string host = loopback(80);
  Config config = one_fixture(host);
  config.fixtures[0].udp_ports = {4433};
  config.fixtures.push_back({"quiet", "key", {loopback(81)}, {}, false, {}, true, {4433}, true});
  Running running(config);
  UdpClient client;
  const std::string nonce = fresh_nonce();
  client.send(host, 4433, "\x01token " + nonce);
  const std::string answer = client.receive();
  EXPECT_EQ(text_of(client.from), host + ":4433");
  const Receipt receipt = running.awaited(ReceiptKind::payload);
  EXPECT_EQ(answer, encode_answer(config.fixtures[0], nonce, receipt.number));
  EXPECT_EQ(receipt.transport, "udp");
  EXPECT_EQ(receipt.nonce, nonce);
  EXPECT_EQ(receipt.payload, "\x01token " + nonce);
  EXPECT_EQ(receipt.local, host + ":4433");
  EXPECT_EQ(receipt.connection, 0U);
  client.send(loopback(81), 4433, nonce);
  EXPECT_TRUE(eventually([&] { return running.receipts(ReceiptKind::payload).size() == 2; }));
  EXPECT_EQ(running.receipts(ReceiptKind::payload).back().fixture, "quiet");
  EXPECT_EQ(client.receive(milliseconds(100)), "") << "a silent fixture answered";
}

bool run(std::vector<std::string> argv) {
  std::vector<char*> list;
  for (std::string& one : argv) list.push_back(one.data());
  list.push_back(nullptr);
  pid_t child = 0;
  int status = 0;
  return ::posix_spawnp(&child, list[0], nullptr, nullptr, list.data(), environ) == 0 &&
         ::waitpid(child, &status, 0) == child && status == 0;
}

// Runs `body` on a thread in a network namespace of its own, with 198.51.100.0/24 and 2001:db8::/64 on loopback. False:
// it may not be made here.
template <class Body>
bool in_namespace(Body body) {
  bool made = false;
  std::thread([&] {
    made = ::unshare(CLONE_NEWNET) == 0 && run({"ip", "link", "set", "lo", "up"}) &&
           run({"ip", "route", "add", "local", "198.51.100.0/24", "dev", "lo"}) &&
           run({"ip", "-6", "route", "add", "local", "2001:db8::/64", "dev", "lo"});
    if (made) body();
  }).join();
  return made;
}

TEST(DatagramsTest, EveryPortOfASinkByTproxy) {
  bool rules = true;
  const bool made = in_namespace([&] {
    for (const auto& [program, address, any] :
         {std::array{"iptables", "198.51.100.66", "0.0.0.0"}, std::array{"ip6tables", "2001:db8::66", "::"}})
      rules = rules && run({program, "-t", "mangle", "-A", "PREROUTING", "-d", address, "-p", "udp", "-j", "TPROXY",
                            "--on-port", "15009", "--on-ip", any});
    if (!rules) return;
    Config config = one_fixture("198.51.100.10");
    config.fixtures.push_back({"sink", "key", {"198.51.100.66", "2001:db8::66"}, {}, true, {}});
    config.udp_redirect_port = 15009;
    Running running(config);
    std::size_t count = 0;
    for (const std::string& host : config.fixtures[1].addresses) {
      UdpClient client(host.find(':') == std::string::npos ? "127.0.0.1" : "::1");
      for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{443}, std::uint16_t{65535}}) {
        const std::string nonce = fresh_nonce();
        client.send(host, port, nonce);
        const std::string answer = client.receive();
        EXPECT_NE(answer.find("fixture=sink nonce=" + nonce), std::string::npos) << answer;
        EXPECT_EQ(text_of(client.from), text_of(make_address(host, port))) << "answered from where it was sent to";
        const auto receipts = running.receipts(ReceiptKind::payload);
        ASSERT_EQ(receipts.size(), ++count);
        EXPECT_EQ(receipts.back().local, text_of(make_address(host, port)));
        EXPECT_EQ(receipts.back().nonce, nonce);
      }
    }
  });
  if (!made || !rules) GTEST_SKIP() << "needs CAP_SYS_ADMIN, CAP_NET_ADMIN and TPROXY";
}

TEST(PacketWitnessTest, APacketIsAsOldAsItsArrival) {
  const bool made = in_namespace([&] {
    const auto path = std::filesystem::temp_directory_path() / ("egressproof-unit-" + random_hex(8));
    auto journal = JournalWriter::create(path);
    ASSERT_TRUE(journal) << journal.error().message;
    const Config config = one_fixture("198.51.100.10");
    auto witness = PacketWitness::open(
        [&](const std::string& address) { return address == "198.51.100.10" ? &config.fixtures[0] : nullptr; },
        *journal);
    ASSERT_TRUE(witness) << witness.error().message;
    // The kernel begins to note times a moment after it was asked to; what came before is as old as its taking.
    std::vector<std::chrono::system_clock::duration> taken;
    for (int i = 0; i < 100; ++i) {
      EXPECT_FALSE(Client("198.51.100.10", 81).connected()) << "nothing listens";
      taken.push_back(std::chrono::system_clock::now().time_since_epoch());
      witness->take();
    }
    journal->close();
    const Journal read = decode_journal(read_file(path).value_or(""));
    std::filesystem::remove(path);
    ASSERT_EQ(read.receipts.size(), taken.size());
    EXPECT_LT(read.receipts.back().at, taken.back()) << "taken only then";
    EXPECT_GT(read.receipts.back().at, taken.back() - std::chrono::seconds(10));
  });
  if (!made) GTEST_SKIP() << "needs CAP_SYS_ADMIN and CAP_NET_ADMIN";
}

TEST(PacketWitnessTest, SeesWhatNothingAnswers) {
  const bool made = in_namespace([&] {
    Config config = one_fixture("198.51.100.10");
    config.fixtures[0].udp_ports = {53};
    config.fixtures.push_back({"down", "key", {"198.51.100.30", "2001:db8::30"}, {8080}, false, {}, false});
    config.packet_witness = true;
    Running running(config);
    const auto seen = [&] {
      std::vector<std::string> told;
      for (const Receipt& one : unanswered_packets(running.journal()))
        told.push_back(one.fixture + " " + one.transport + " " + one.local);
      return told;
    };
    Client answered("198.51.100.10");
    ASSERT_TRUE(answered.send(get_request("/")));
    ASSERT_NE(answered.read_until("mac="), "");
    UdpClient udp;
    udp.send("198.51.100.10", 53, "answered");
    ASSERT_NE(udp.receive(), "");
    EXPECT_TRUE(eventually([&] { return running.receipts(ReceiptKind::packet).size() == 2; })) << "a SYN, a datagram";
    EXPECT_EQ(seen(), std::vector<std::string>{}) << "a connection and a datagram receipt account for them";

    EXPECT_FALSE(Client("198.51.100.10", 81).connected()) << "nothing listens";
    EXPECT_FALSE(Client("198.51.100.30").connected());
    EXPECT_FALSE(Client("2001:db8::30").connected());
    EXPECT_FALSE(Client("198.51.100.99").connected()) << "no fixture's address";
    udp.send("198.51.100.30", 9, "x");
    const UniqueFd echo(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1));
    const std::string ping("\x08\0\xf7\xff\0\0\0\0", 8);
    Address from = make_address("127.0.0.1", 0);
    ASSERT_EQ(::bind(echo.get(), from.raw(), from.size), 0);
    Address to = make_address("198.51.100.30", 0);
    ::sendto(echo.get(), ping.data(), ping.size(), 0, to.raw(), to.size);
    const std::vector<std::string> expected{"allow tcp 198.51.100.10:81", "down icmp 198.51.100.30",
                                            "down tcp 198.51.100.30:8080", "down tcp [2001:db8::30]:8080",
                                            "down udp 198.51.100.30:9"};
    EXPECT_TRUE(eventually([&] { return seen().size() >= expected.size(); }));
    std::vector<std::string> told = seen();
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, expected);
    running.server().stop();
    EXPECT_EQ(running.receipts(ReceiptKind::packet).size(), 2 + expected.size()) << "no other segment";
    EXPECT_EQ(running.journal().errors, std::vector<std::string>{});
  });
  if (!made) GTEST_SKIP() << "needs CAP_SYS_ADMIN and CAP_NET_ADMIN";
}

// Sends an IPv4 packet as a broadcast frame.
void send_frame(const std::string& interface, const std::string& packet) {
  const UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IP);
  to.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  to.sll_halen = ETH_ALEN;
  std::fill_n(to.sll_addr, ETH_ALEN, static_cast<unsigned char>(0xff));
  EXPECT_EQ(::sendto(fd.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(packet.size()));
}

TEST(PacketWitnessTest, APacketThroughABridgeIsOnePacket) {
  bool bridge = true;
  const bool made = in_namespace([&] {
    for (const char* command : {"link add br0 type bridge", "link add v0 type veth peer name p0",
                                "link set v0 master br0", "link set br0 up", "link set v0 up", "link set p0 up"}) {
      std::vector<std::string> argv{"ip"};
      std::istringstream words(command);
      for (std::string word; words >> word;) argv.push_back(word);
      bridge = bridge && run(argv);
    }
    if (!bridge) return;
    Config config = one_fixture("198.51.100.10");
    config.packet_witness = true;
    Running running(config);
    const std::string syn = std::string("\x45\0\0\x28\0\0\x40\0\x40\6\xd4\x8f\xcb\0\x71\2\xc6\x33\x64\x0a", 20) +
                            std::string("\4\xd2\0\x50\0\0\0\1\0\0\0\0\x50\2\xff\xff\0\0\0\0", 20);
    std::string last = syn;
    last[23] = '\x51';
    // What the bridge drops did not arrive.
    const bool filter = run({"nft", "add", "table", "bridge", "t"}) &&
                        run({"nft", "add chain bridge t c { type filter hook prerouting priority 0; policy drop; }"});
    if (filter) {
      send_frame("p0", syn);
      ASSERT_TRUE(run({"nft", "delete", "table", "bridge", "t"}));
    }
    // The same again is a retransmission, and told.
    for (const std::string& packet : {syn, syn, last}) send_frame("p0", packet);
    const auto ports = [&] {
      std::string text;
      for (const Receipt& one : running.receipts(ReceiptKind::packet)) text += one.local.substr(one.local.find(':'));
      return text;
    };
    EXPECT_TRUE(eventually([&] { return ports().find(":81") != std::string::npos; })) << ports();
    ASSERT_EQ(ports().substr(0, 9), ":80:80:81");
    EXPECT_EQ(running.receipts(ReceiptKind::packet)[0].nonce, "");
  });
  if (!made || !bridge) GTEST_SKIP() << "needs CAP_SYS_ADMIN, CAP_NET_ADMIN, and bridges";
}

TEST(PacketWitnessTest, DataWithinASynSaysWhoseItIs) {
  const std::string nonce = fresh_nonce();
  const std::string syn = std::string("\x45\0\0\x54\0\0\x40\0\x40\6\0\0\xcb\0\x71\2\xc6\x33\x64\x0a", 20) +
                          std::string("\4\xd2\0\x50\0\0\0\1\0\0\0\0\x50\2\xff\xff\0\0\0\0", 20) + "egressproof " +
                          nonce;
  const auto packet = read_packet(syn);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->nonce, nonce);
}

}  // namespace
}  // namespace egressproof::target
