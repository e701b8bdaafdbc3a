#include <gmock/gmock.h>

#include "tests/unit/report_sample.h"

namespace egressproof::report {
namespace {

using probe::Attempt;
using probe::Protocol;
using testing::HasSubstr;
using testing::Not;

const std::string nonce = sample::nonce;

Attempt plain() {
  Attempt one = sample::attempt("x");
  one.limits = {std::chrono::milliseconds(500), std::chrono::milliseconds(250), std::chrono::milliseconds(250),
                std::chrono::milliseconds(1500)};
  return one;
}

Attempt tls(const std::string& sni) {
  Attempt one = plain();
  one.over_tls = true;
  one.port = 443;
  one.sni = sni;
  return one;
}

const std::string options = "--connect-timeout 1 --max-time 2.5";
const std::string headers = "-A '' -H 'Host: allow.test' -H 'egressproof-nonce: " + nonce + "'";

TEST(CurlLine, HttpToAnAddress) {
  EXPECT_EQ(curl_line(plain()),
            "curl -q -sv --noproxy '*' --http1.1 " + options + " " + headers + " http://198.51.100.66:80/r/" + nonce);
}

TEST(CurlLine, SniIsTheHostOfTheUrlAndTheAddressIsPinned) {
  EXPECT_EQ(curl_line(tls("other.test")), "curl -q -sv --noproxy '*' --http1.1 " + options +
                                              " -k --connect-to other.test:443:198.51.100.66:443 " + headers +
                                              " https://other.test:443/r/" + nonce);
}

TEST(CurlLine, OneVersionOfTlsAndNoLineForWhatCurlCannotWrite) {
  Attempt one = tls("other.test");
  one.tls_version = "1.3";
  EXPECT_THAT(curl_line(one), HasSubstr(" -k --tlsv1.3 --tls-max 1.3 "));
  one.hello_segments = 2;
  EXPECT_EQ(curl_line(one), "");
}

TEST(CurlLine, WithoutSniTheUrlHasTheAddress) {
  EXPECT_THAT(curl_line(tls("")), HasSubstr("https://198.51.100.66:443/r/"));
  EXPECT_THAT(curl_line(tls("")), Not(HasSubstr("--connect-to")));
  Attempt six = tls("");
  six.address = "2001:db8::1";
  EXPECT_THAT(curl_line(six), HasSubstr("'https://[2001:db8::1]:443/r/"));
  six.sni = "allow.test";
  EXPECT_THAT(curl_line(six), HasSubstr("--connect-to 'allow.test:443:[2001:db8::1]:443'"));
}

TEST(CurlLine, NamesAreResolvedByCurlItself) {
  Attempt one = tls("other.test");
  one.address = "";
  one.name = "allow.test";
  EXPECT_THAT(curl_line(one), HasSubstr(" -4 -k --connect-to other.test:443:allow.test:443 "));
  one.sni = "allow.test";
  one.family = probe::Family::ipv6;
  EXPECT_THAT(curl_line(one), HasSubstr(" -6 -k -A '' "));
  one.sni = "";
  EXPECT_EQ(curl_line(one), "") << "curl would send the name as SNI";
}

TEST(CurlLine, Http2) {
  Attempt one = plain();
  one.protocol = Protocol::http2;
  EXPECT_THAT(curl_line(one), HasSubstr(" --http2-prior-knowledge "));
  Attempt over = tls("allow.test");
  over.protocol = Protocol::http2;
  EXPECT_THAT(curl_line(over), HasSubstr(" --http2 "));
}

TEST(CurlLine, PathsAsTheyAre) {
  Attempt one = plain();
  one.path = "/a/../b?{nonce}";
  EXPECT_THAT(curl_line(one),
              HasSubstr("--path-as-is --request-target '/a/../b?" + nonce + "' http://198.51.100.66:80/"));
  one.path = "http://deny.test/x";
  EXPECT_THAT(curl_line(one), HasSubstr("--request-target http://deny.test/x http://198.51.100.66:80/"));
  one.path = "*";
  one.method = "OPTIONS";
  EXPECT_THAT(curl_line(one), HasSubstr("-X OPTIONS "));
  EXPECT_THAT(curl_line(one), HasSubstr("--request-target '*'"));
  one.path = "//x";
  EXPECT_THAT(curl_line(one), HasSubstr("--request-target //x"));
}

TEST(CurlLine, MethodsHeadersRedirects) {
  Attempt one = plain();
  one.method = "HEAD";
  one.headers = {{"x-a", "b {nonce}"}, {"x-empty", ""}};
  one.follow_redirects = 3;
  const std::string line = curl_line(one);
  EXPECT_THAT(line, HasSubstr(" -I "));
  EXPECT_THAT(line, HasSubstr("-H 'x-a: b " + nonce + "' -H 'x-empty;'"));
  EXPECT_THAT(line, HasSubstr("-L --max-redirs 3"));
}

TEST(CurlLine, NastyHostsAreQuoted) {
  Attempt one = plain();
  one.host = "a'b$(id)";
  EXPECT_THAT(curl_line(one), HasSubstr("-H 'Host: a'\\''b$(id)'"));
  one.host = "a\xff\x01";
  EXPECT_THAT(curl_line(one), HasSubstr("-H $'Host: a\\377\\001'"));
}

TEST(CurlLine, AnEarlierRequestGoesFirstOnTheSameConnection) {
  Attempt one = plain();
  one.earlier = probe::EarlierRequest{"first.test"};
  const std::string line = curl_line(one);
  EXPECT_THAT(line, HasSubstr("-H 'Host: first.test' -H 'egressproof-nonce: " + probe::earlier_nonce(nonce) +
                              "' -H 'egressproof-earlier: 1' http://198.51.100.66:80/earlier/" +
                              probe::earlier_nonce(nonce) + " --next -sv "));
  EXPECT_THAT(line, HasSubstr(headers));
}

TEST(CurlLine, AHandshakeAlone) {
  Attempt one = tls("other.test");
  one.protocol = Protocol::tls;
  one.host = "";
  EXPECT_EQ(curl_line(one),
            "curl -q -sv --noproxy '*' --http2 " + options +
                " -k --connect-to other.test:443:198.51.100.66:443 -o /dev/null https://other.test:443/");
}

TEST(CurlLine, EmptyForWhatCurlCannotSend) {
  const auto none = [](const char* why, const Attempt& base, auto change) {
    Attempt one = base;
    change(one);
    EXPECT_EQ(curl_line(one), "") << why;
  };
  const Attempt over = tls("allow.test");
  none("tcp", plain(), [](Attempt& one) { one.protocol = Protocol::tcp; });
  none("dns", plain(), [](Attempt& one) { one.protocol = Protocol::dns; });
  none("ECH", over, [](Attempt& one) { one.ech_extension = true; });
  none("TLS within TLS", over, [](Attempt& one) { one.outer = probe::OuterTls{"allow.test"}; });
  none("fields", plain(), [](Attempt& one) { one.fields = {{":authority", "x"}}; });
  none("ALPN", over, [](Attempt& one) { one.alpn = {"istio"}; });
  none("ALPN h2 for http/1.1", over, [](Attempt& one) { one.alpn = {"h2"}; });
  none("curl lower-cases SNI", over, [](Attempt& one) { one.sni = "Allow.test"; });
  none("curl strips the final dot", over, [](Attempt& one) { one.sni = "allow.test."; });
  none("curl sends no address as SNI", over, [](Attempt& one) { one.sni = "192.0.2.1"; });
  none("not a host of a URL", over, [](Attempt& one) { one.sni = "*.test"; });
  none("bytes", over, [](Attempt& one) { one.sni = "a\xff"; });
  none("NUL", plain(), [](Attempt& one) { one.host = std::string("a\0b", 3); });
  none("NUL", plain(), [](Attempt& one) { one.path = std::string("/a\0b", 4); });
  none("a header of its own", plain(), [](Attempt& one) { one.host = "a\r\nx: y"; });
  none("@ names a file", plain(), [](Attempt& one) { one.headers = {{"@/etc/passwd", "x"}}; });
  none("nothing to dial", plain(), [](Attempt& one) { one.address = ""; });
}

}  // namespace
}  // namespace egressproof::report
