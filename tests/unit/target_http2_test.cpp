#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <map>

#include "target/http2.h"
#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Response {
  Fields fields;
  std::string body;
  bool ended = false;
};

// nghttp2's client over a Client, with its own validation of what is sent switched off.
class Http2Client {
 public:
  explicit Http2Client(Client& client) : client_(client) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          static_cast<Http2Client*>(self)->responses[frame->hd.stream_id].fields.emplace_back(
              std::string(name, name + name_size), std::string(value, value + value_size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* self) {
          static_cast<Http2Client*>(self)->responses[id].body.append(data, data + size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
          static_cast<Http2Client*>(self)->responses[id].ended = true;
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // With `body` bytes of zeros after the head.
  std::int32_t request(const Fields& fields, std::size_t body = 0) {
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields)
      list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
    left_ = body;
    nghttp2_data_provider zeros{};
    zeros.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source*, void* data) {
      auto* self = static_cast<Http2Client*>(data);
      const std::size_t now = std::min(size, self->left_);
      std::fill_n(buffer, now, std::uint8_t{0});
      self->left_ -= now;
      if (self->left_ == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(now);
    };
    return nghttp2_submit_request(session_, nullptr, list.data(), list.size(), body == 0 ? nullptr : &zeros, nullptr);
  }
  // Sends what there is.
  bool send() {
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) return size == 0;
      if (!client_.send({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)})) return false;
    }
  }
  // Until the stream has ended, or the connection.
  Response response(std::int32_t id) {
    while (send() && !responses[id].ended) {
      const std::string bytes = client_.read_some();
      if (bytes.empty() ||
          nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) < 0)
        break;
    }
    return responses[id];
  }
  std::map<std::int32_t, Response> responses;

 private:
  Client& client_;
  nghttp2_session* session_ = nullptr;
  std::size_t left_ = 0;
};

Fields get(const std::string& authority, const std::string& path) {
  return {{":method", "GET"}, {":scheme", "http"}, {":authority", authority}, {":path", path}};
}

TEST(Http2Test, KnowsThePreface) {
  const std::string preface = NGHTTP2_CLIENT_MAGIC;
  EXPECT_EQ(http2_preface(preface + "x"), Preface::yes);
  EXPECT_EQ(http2_preface(preface.substr(0, 20)), Preface::maybe);
  EXPECT_EQ(http2_preface("POST / "), Preface::no);
  EXPECT_EQ(http2_preface("PRI * HTTP/1.1"), Preface::no);
}

TEST(Http2Test, EachStreamIsAReceiptOverTls) {
  const std::string host = loopback(40);
  Running running(one_fixture(host));
  Client client(host);
  ASSERT_TRUE(client.start_tls(running.config().ca_file, "allow.test", "\x08http/1.1\x02h2"));
  EXPECT_EQ(client.selected_alpn(), "h2") << "the server's preference";
  Http2Client http2(client);
  const std::string nonces[2] = {fresh_nonce(), fresh_nonce()};
  const std::int32_t first = http2.request(get("allow.test", "/r/" + nonces[0]));
  Fields with_header = get("other.test", "/" + nonces[0]);
  with_header.emplace_back("egressproof-nonce", nonces[1]);
  const std::int32_t second = http2.request(with_header);
  const Response response = http2.response(first);
  const Fields expected{{":status", "200"},
                        {"server", "egressproof-target"},
                        {"content-type", "text/plain"},
                        {"content-length", std::to_string(response.body.size())}};
  EXPECT_EQ(response.fields, expected);
  EXPECT_NE(http2.response(second).body.find("nonce=" + nonces[1]), std::string::npos);
  const auto requests = running.receipts(ReceiptKind::request);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(response.body, encode_answer({"allow", "key", {}, {}, false, {}, true}, nonces[0], requests[0].number));
  EXPECT_EQ(requests[0].http_version + " " + requests[0].method + " " + requests[0].host + " " + requests[0].path,
            "2 GET allow.test /r/" + nonces[0]);
  EXPECT_EQ(requests[1].host, "other.test");
  EXPECT_EQ(requests[1].nonce, nonces[1]) << "the header beats the path";
  EXPECT_EQ(requests[0].connection, requests[1].connection);
}

TEST(Http2Test, ByPriorKnowledgeWithAuthorityAndHost) {
  const std::string host = loopback(41);
  Running running(one_fixture(host));
  Client client(host);
  Http2Client http2(client);
  Fields both = get("allow.test", "/both");
  both.emplace_back("host", "deny.test");
  EXPECT_TRUE(http2.response(http2.request(both)).ended);
  const Fields only_host{{":method", "GET"}, {":scheme", "http"}, {":path", "/host"}, {"host", "deny.test"}};
  EXPECT_TRUE(http2.response(http2.request(only_host)).ended);
  EXPECT_TRUE(http2.response(http2.request(get("allow.test", "/one"))).ended);
  const auto requests = running.receipts(ReceiptKind::request);
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].host, "allow.test");
  EXPECT_EQ(requests[0].host_header, "deny.test");
  EXPECT_EQ(requests[1].host, "deny.test");
  EXPECT_FALSE(requests[1].host_header);
  EXPECT_FALSE(requests[2].host_header);
}

TEST(Http2Test, WhatAStrictServerRefusesIsTold) {
  const std::string host = loopback(42);
  Running running(one_fixture(host));
  const std::string nonce = fresh_nonce();
  const std::vector<Fields> oddities{
      {{":authority", "allow.test"}},
      {{":method", "GET"}, {":path", "/a"}, {":scheme", "http"}, {":authority", "a"}, {":authority", "b"}},
      {{"x", "y"}, {":method", "GET"}, {":path", "/a"}, {":scheme", "http"}, {":authority", "a"}},
      {{":method", "GET"}, {":path", "no slash \x01"}, {":scheme", "http"}, {":authority", "a\r\nb:c"}},
      {{":method", "GET"}, {":path", "/a"}, {":scheme", "http"}, {":authority", "a"}, {"connection", "close"}},
      {{":method", "GET"}, {":path", "/a"}, {":scheme", "http"}, {":authority", "a"}, {"Upper", "case"}, {"", ""}},
      {{":method", "GET"}, {":path", "/a"}, {":scheme", "http"}, {":authority", "a"}, {":unknown", "b"}},
      {{":method", "CONNECT"}, {":path", "/a"}, {":authority", "a"}},
      {{":method", "GET"}, {":path", "/a"}, {":scheme", "http"}, {":authority", std::string(20000, 'a')}}};
  Client client(host);
  Http2Client http2(client);
  std::string hosts;
  for (std::size_t i = 0; i < oddities.size(); ++i) {
    Fields fields = oddities[i];
    fields.emplace_back("egressproof-nonce", nonce);
    const std::int32_t id = http2.request(fields);
    ASSERT_GT(id, 0);
    EXPECT_NE(http2.response(id).body.find("mac="), std::string::npos) << "oddity " << i;
    const auto requests = running.receipts(ReceiptKind::request);
    ASSERT_EQ(requests.size(), i + 1) << "oddity " << i;
    EXPECT_EQ(requests.back().nonce, nonce);
    if (i == 1) hosts = requests.back().host;
    if (i == 3) hosts += "; " + requests.back().host;
  }
  EXPECT_EQ(hosts, "a, b; a\r\nb:c");
}

TEST(Http2Test, RedirectsAndHead) {
  const std::string host = loopback(43);
  Running running(one_fixture(host));
  Client client(host);
  Http2Client http2(client);
  const Response redirect = http2.response(http2.request(get("allow.test", "/redirect/http%3A%2F%2Fdeny.test%2F")));
  ASSERT_FALSE(redirect.fields.empty());
  EXPECT_EQ(redirect.fields.front().second, "302");
  EXPECT_EQ(redirect.fields.back(), (std::pair<std::string, std::string>{"location", "http://deny.test/"}));
  EXPECT_NE(redirect.body.find("mac="), std::string::npos);
  Fields head = get("allow.test", "/");
  head.front().second = "HEAD";
  const Response none = http2.response(http2.request(head));
  EXPECT_TRUE(none.ended);
  EXPECT_EQ(none.body, "");
}

TEST(Http2Test, TheReceiptDoesNotWaitForTheBodyButTheAnswerDoes) {
  const std::string host = loopback(46);
  Running running(one_fixture(host));
  Client client(host);
  Http2Client http2(client);
  Fields post = get("allow.test", "/body");
  post.front().second = "POST";
  constexpr std::size_t beyond_the_window = 300000;
  const std::int32_t id = http2.request(post, beyond_the_window);
  ASSERT_TRUE(http2.send()) << "as much as the window of 65535 bytes takes";
  EXPECT_EQ(running.awaited(ReceiptKind::request).path, "/body");
  EXPECT_TRUE(http2.responses[id].fields.empty());
  const Response response = http2.response(id);
  EXPECT_TRUE(response.ended);
  EXPECT_NE(response.body.find("mac="), std::string::npos);
}

TEST(Http2Test, WhatBreaksTheProtocolIsToldAndEndsTheConnection) {
  const std::string host = loopback(44);
  Running running(one_fixture(host));
  Client client(host);
  const std::string nonce = fresh_nonce();
  ASSERT_TRUE(client.send(std::string(NGHTTP2_CLIENT_MAGIC) + "no frames at all: " + nonce + std::string(100, '\xff')));
  EXPECT_NE(client.read_all(), "") << "GOAWAY, and then the end";
  EXPECT_EQ(running.awaited(ReceiptKind::payload).nonce, nonce);
}

TEST(Http2Test, AHeadThatBreaksOffIsTold) {
  const std::string host = loopback(45);
  Running running(one_fixture(host));
  Client client(host);
  const std::string nonce = fresh_nonce();
  // SETTINGS, then HEADERS without END_HEADERS: ":path" (static index 4) as a literal, and nothing after it.
  std::string block = std::string("\x04\x21", 2) + "/" + nonce;
  std::string bytes = NGHTTP2_CLIENT_MAGIC + std::string("\0\0\0\4\0\0\0\0\0", 9);
  bytes += std::string("\0\0", 2) + static_cast<char>(block.size()) + std::string("\1\1\0\0\0\1", 6) + block;
  ASSERT_TRUE(client.send(bytes));
  client.end_of_input();
  client.read_all();
  const Receipt receipt = running.awaited(ReceiptKind::request);
  EXPECT_EQ(receipt.nonce, nonce);
  EXPECT_EQ(receipt.http_version, "2");
}

}  // namespace
}  // namespace egressproof::target
