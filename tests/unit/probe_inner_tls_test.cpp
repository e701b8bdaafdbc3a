// TLS within mutual TLS: a terminating proxy before the real target, and others that misbehave.
#include "base/x509.h"
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

struct FreeCtx {
  void operator()(SSL_CTX* ctx) const { SSL_CTX_free(ctx); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// A mesh of one gateway and one workload, whose certificates are of one CA.
class Mesh {
 public:
  Mesh() {
    folder_ = std::filesystem::temp_directory_path() / ("egressproof-inner-tls-test-" + random_hex(8));
    std::filesystem::create_directories(folder_);
    const auto ca = CertificateAuthority::create("mesh");
    const auto gateway = ca->issue({"", {}, {}, {"spiffe://cluster.local/ns/egress/sa/gateway"}});
    const auto workload = ca->issue({"", {}, {}, {"spiffe://cluster.local/ns/tenant/sa/default"}});
    for (const auto& [name, text] : {std::pair{"ca.pem", ca->certificate()},
                                     {"gateway.pem", gateway->certificate},
                                     {"gateway-key.pem", gateway->key},
                                     {"cert-chain.pem", workload->certificate},
                                     {"key.pem", workload->key}})
      EXPECT_TRUE(write_file_atomically(folder_ / name, text));
    ctx_.reset(SSL_CTX_new(TLS_server_method()));
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(ctx_.get(), (folder_ / "gateway.pem").c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(ctx_.get(), (folder_ / "gateway-key.pem").c_str(), SSL_FILETYPE_PEM), 1);
    EXPECT_EQ(SSL_CTX_load_verify_locations(ctx_.get(), (folder_ / "ca.pem").c_str(), nullptr), 1);
    SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  ~Mesh() { std::filesystem::remove_all(folder_); }
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  // The server's side of mutual TLS; nullptr: the client was refused.
  std::unique_ptr<SSL, FreeCtx> terminate(int fd) {
    std::unique_ptr<SSL, FreeCtx> ssl(SSL_new(ctx_.get()));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return nullptr;
    const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
    server_name = name == nullptr ? "" : name;
    return ssl;
  }

  // What comes out of the outer connection goes to `to`, and back.
  void relay(int fd, const std::string& to) {
    const auto ssl = terminate(fd);
    if (!ssl) return;
    const UniqueFd upstream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(loopback::port);
    ::inet_pton(AF_INET, to.c_str(), &name.sin_addr);
    if (::connect(upstream.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) return;
    char buffer[16384];
    for (;;) {
      pollfd ends[] = {{fd, POLLIN, 0}, {upstream.get(), POLLIN, 0}};
      if (SSL_pending(ssl.get()) == 0 && ::poll(ends, 2, 5000) <= 0) return;
      if (SSL_pending(ssl.get()) > 0 || ends[0].revents != 0) {
        const int got = SSL_read(ssl.get(), buffer, sizeof buffer);
        if (got <= 0) return;
        loopback::Peer::write_all(upstream.get(), std::string(buffer, static_cast<std::size_t>(got)));
      } else {
        const ssize_t got = ::recv(upstream.get(), buffer, sizeof buffer, 0);
        if (got <= 0) return;
        SSL_write(ssl.get(), buffer, static_cast<int>(got));
      }
    }
  }

  [[nodiscard]] std::string folder() const { return folder_; }
  std::string server_name;  // of the last client

 private:
  std::filesystem::path folder_;
  std::unique_ptr<SSL_CTX, FreeCtx> ctx_;
};

Attempt within(std::uint16_t port) {
  Attempt attempt = loopback::attempt_to("127.0.0.1", port, Protocol::tls);
  attempt.sni = "b.test";
  attempt.outer = OuterTls{"a.test"};
  return attempt;
}

EngineOptions as_workload(const Mesh& mesh, EngineOptions options = {}) {
  options.workload_certificate = mesh.folder();
  return options;
}

TEST(InnerTls, TheHandshakeIsMadeWithinMutualTlsOfAnotherName) {
  const loopback::Target target;
  Mesh mesh;
  Attempt attempt;
  Observation seen;
  {
    const loopback::Peer gateway([&](int fd) { mesh.relay(fd, loopback::address(2)); });
    attempt = within(gateway.port());
    seen = loopback::run_one(attempt, as_workload(mesh, target.options()));
  }
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_EQ(mesh.server_name, "a.test");
  EXPECT_EQ(seen.certificate, "b") << "what is told is the inner handshake";
  EXPECT_EQ(loopback::stages_of(seen), (std::vector<Stage>{Stage::connect, Stage::tls}));
  const auto receipts = target.receipts(target::ReceiptKind::tls, attempt.nonce);
  ASSERT_EQ(receipts.size(), 1U);
  EXPECT_EQ(receipts[0].sni, "b.test");
  EXPECT_EQ(receipts[0].fixture, "b");
}

TEST(InnerTls, AWrongCertificateWithinIsTold) {
  const loopback::Target target;
  Mesh mesh;
  const loopback::Peer gateway([&](int fd) { mesh.relay(fd, loopback::address(2)); });
  EngineOptions options = as_workload(mesh, target.options());
  options.ca_file = mesh.folder() + "/ca.pem";
  EXPECT_EQ(loopback::run_one(within(gateway.port()), options).code, Code::tls_certificate);
}

TEST(InnerTls, APeerThatClosesOrTalksNonsenseWithinIsTold) {
  Mesh mesh;
  const loopback::Peer closing([&](int fd) { mesh.terminate(fd); });
  EXPECT_EQ(loopback::run_one(within(closing.port()), as_workload(mesh)).code, Code::tls_closed);
  const loopback::Peer nonsense([&](int fd) {
    const auto ssl = mesh.terminate(fd);
    if (ssl) SSL_write(ssl.get(), "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    loopback::Peer::hold(fd);
  });
  EXPECT_EQ(loopback::run_one(within(nonsense.port()), as_workload(mesh)).code, Code::protocol_error);
  const loopback::Peer silent([&](int fd) {
    const auto ssl = mesh.terminate(fd);
    loopback::Peer::hold(fd);
  });
  Attempt hurried = within(silent.port());
  hurried.limits.tls = std::chrono::milliseconds(200);
  EXPECT_EQ(loopback::run_one(hurried, as_workload(mesh)).code, Code::tls_timeout);
}

TEST(InnerTls, AGatewayThatDoesNotKnowTheWorkloadRefusesIt) {
  Mesh mesh;
  const Mesh another;
  const loopback::Peer gateway([&](int fd) { mesh.terminate(fd); });
  const Observation seen = loopback::run_one(within(gateway.port()), as_workload(another));
  EXPECT_TRUE(seen.code == Code::tls_alert || seen.code == Code::tls_closed || seen.code == Code::tls_reset)
      << seen.detail;
}

TEST(InnerTls, WithoutACertificateNothingIsTried) {
  const loopback::Peer gateway([](int fd) { loopback::Peer::hold(fd); });
  EXPECT_EQ(loopback::run_one(within(gateway.port())).code, Code::local_error);
  EngineOptions options;
  options.workload_certificate = "/nonexistent";
  EXPECT_EQ(loopback::run_one(within(gateway.port()), options).code, Code::local_error);
}

}  // namespace
}  // namespace egressproof::probe
