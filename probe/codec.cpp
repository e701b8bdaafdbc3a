#include "probe/codec.h"

#include <arpa/inet.h>

#include "base/bytes.h"
#include "base/object_reader.h"

namespace egressproof::probe {
namespace {

constexpr std::uint64_t max_limit_ms = 600000;
constexpr std::uint64_t max_hops = 20;
constexpr std::uint64_t max_datagrams = 100;
constexpr std::uint64_t max_hello_segments = 64;
constexpr std::size_t max_datagram = 1200;  // bytes of a payload: none is fragmented
constexpr std::uint64_t most_ticks = 10000;
constexpr std::size_t max_alpn = 255;  // RFC 7301: one length byte

bool is_nonce(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_address(const std::string& text) {
  unsigned char buffer[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, text.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

void put(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = bytes_to_utf8(value);
}

Json to_json(const Fields& fields) {
  Json list = Json::array();
  for (const auto& [name, value] : fields) list.push_back({bytes_to_utf8(name), bytes_to_utf8(value)});
  return list;
}

Json to_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(bytes_to_utf8(text));
  return list;
}

void read_fields(ObjectReader& reader, const char* key, Fields& fields) {
  const Json* list = reader.array(key);
  if (list == nullptr) return;
  for (const Json& pair : *list) {
    std::string name;
    std::string value;
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string() ||
        !utf8_to_bytes(pair[0].get_ref<const std::string&>(), name) ||
        !utf8_to_bytes(pair[1].get_ref<const std::string&>(), value)) {
      reader.complain(key, "'" + std::string(key) + "' must be a list of [name, value]");
      return;
    }
    fields.emplace_back(std::move(name), std::move(value));
  }
}

void read_limits(ObjectReader& reader, std::string_view line, StageLimits& limits) {
  const Json* object = reader.object("limits_ms");
  if (object == nullptr) return;
  ObjectReader inner(*object, line);
  for (const auto& [key, limit] : {std::pair{"resolve", &limits.resolve},
                                   {"connect", &limits.connect},
                                   {"tls", &limits.tls},
                                   {"response", &limits.response}}) {
    auto count = static_cast<std::uint64_t>(limit->count());
    inner.number(key, count, max_limit_ms);
    *limit = std::chrono::milliseconds(count);
  }
  if (!inner.finish()) reader.complain("limits_ms", inner.problem().message);
}

void read_ticks(ObjectReader& reader, std::string_view line, std::optional<Ticks>& ticks) {
  const Json* object = reader.object("ticks_ms");
  if (object == nullptr) return;
  ObjectReader inner(*object, line);
  ticks.emplace();
  for (const auto& [key, value] : {std::pair{"every", &ticks->every}, {"lasting", &ticks->lasting}}) {
    std::uint64_t count = 0;
    inner.number(key, count, max_limit_ms, true);
    *value = std::chrono::milliseconds(count);
  }
  if (ticks->every.count() == 0) inner.complain("every", "'every' counts from 1");
  if (!inner.finish()) reader.complain("ticks_ms", inner.problem().message);
}

// What is sent time and again must be the whole of the attempt, and on one connection.
void check_ticks(ObjectReader& reader, const Attempt& attempt) {
  if (!attempt.ticks) return;
  const bool http = attempt.protocol == Protocol::http1;
  if (!http && attempt.protocol != Protocol::tcp)
    reader.complain("ticks_ms", "'ticks_ms' is for http/1.1 and tcp alone");
  else if (!attempt.fields.empty() || attempt.earlier || attempt.follow_redirects > 0 || !attempt.payload.empty() ||
           attempt.method == "HEAD")
    reader.complain("ticks_ms", "'ticks_ms' goes with no 'fields', 'earlier', 'follow_redirects', 'payload' or HEAD");
  else if (attempt.ticks->every.count() > 0 &&
           static_cast<std::uint64_t>(attempt.ticks->lasting / attempt.ticks->every) >= most_ticks)
    reader.complain("ticks_ms", "an attempt has at most " + std::to_string(most_ticks) + " ticks");
}

template <class Value>
void read_named(ObjectReader& reader, const char* key, Result<Value> (*parse)(std::string_view), Value& value) {
  std::string name;
  reader.text(key, name, true);
  if (const auto parsed = parse(name))
    value = *parsed;
  else
    reader.complain(key, parsed.error().message);
}

void read_family(ObjectReader& reader, Family& family) {
  std::string name = "ipv4";
  reader.text("family", name);
  if (name == "ipv4")
    family = Family::ipv4;
  else if (name == "ipv6")
    family = Family::ipv6;
  else if (name == "any")
    family = Family::any;
  else
    reader.complain("family", "unknown family '" + name + "' (ipv4, ipv6 or any)");
}

// Only a request head of one's own can say another version than the client that writes the others.
void check_version(ObjectReader& reader, const Attempt& attempt) {
  const std::string& version = attempt.http_version;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 3 || !digit(version[0]) || version[1] != '.' || !digit(version[2]))
    reader.complain("http_version", "'http_version' must be like \"1.0\"");
  else if (version != "1.1" && (attempt.protocol != Protocol::http1 || attempt.fields.empty()))
    reader.complain("http_version", "'http_version' needs protocol http/1.1 and 'fields'");
}

void read_hello_segments(ObjectReader& reader, int& segments) {
  auto count = static_cast<std::uint64_t>(segments);
  reader.number("hello_segments", count, max_hello_segments);
  if (count == 0) reader.complain("hello_segments", "'hello_segments' counts from 1");
  segments = static_cast<int>(count);
}

void check_datagrams(ObjectReader& reader, const Attempt& attempt) {
  if (!sends_datagrams(attempt.protocol)) {
    if (attempt.datagrams != Attempt().datagrams || !attempt.expects_answer)
      reader.complain("datagrams", "'datagrams' and 'expects_answer' are for udp, icmp, ip and syn alone");
    return;
  }
  if (attempt.datagrams == 0) reader.complain("datagrams", "'datagrams' counts from 1");
  if (attempt.payload.size() > max_datagram)
    reader.complain("payload", "'payload' of a datagram has at most " + std::to_string(max_datagram) + " bytes");
  if (attempt.over_tls) reader.complain("over_tls", "datagrams are not sent over TLS");
}

void check(ObjectReader& reader, const Attempt& attempt) {
  if (attempt.sequence == 0) reader.complain("sequence", "'sequence' counts from 1");
  if (!is_nonce(attempt.nonce)) reader.complain("nonce", "'nonce' must be 32 lower-case hex digits");
  if (!attempt.address.empty() && !is_address(attempt.address))
    reader.complain("address", "'address' must be an IP literal, not '" + attempt.address + "'");
  if (!attempt.server.empty() && !is_address(attempt.server))
    reader.complain("server", "'server' must be an IP literal, not '" + attempt.server + "'");
  if (attempt.name.empty() && attempt.address.empty()) reader.complain("", "neither 'name' nor 'address' is given");
  const bool http = attempt.protocol == Protocol::http1 || attempt.protocol == Protocol::http2;
  const auto http_only = [&](const char* key, bool given) {
    if (given && !http) reader.complain(key, "'" + std::string(key) + "' is for HTTP attempts only");
  };
  http_only("fields", !attempt.fields.empty());
  http_only("earlier", attempt.earlier.has_value());
  http_only("follow_redirects", attempt.follow_redirects > 0);
  if (attempt.outer && attempt.protocol != Protocol::tls) reader.complain("outer", "'outer' is for protocol tls alone");
  if (attempt.outer && attempt.hello_segments != 1)
    reader.complain("hello_segments", "the ClientHello within 'outer' is written in one piece");
  check_version(reader, attempt);
  if (attempt.query_transport != "udp" && attempt.query_transport != "tcp")
    reader.complain("query_transport", "unknown transport '" + attempt.query_transport + "' (udp or tcp)");
  for (const std::string& protocol : attempt.alpn)
    if (protocol.empty() || protocol.size() > max_alpn) reader.complain("alpn", "an ALPN protocol has 1 to 255 bytes");
  check_datagrams(reader, attempt);
  check_ticks(reader, attempt);
  if ((attempt.protocol == Protocol::ip) != (attempt.ip_protocol != 0))
    reader.complain("ip_protocol", "'ip_protocol' belongs to protocol ip, which needs it");
  if (attempt.protocol == Protocol::ip && attempt.expects_answer)
    reader.complain("expects_answer", "nothing is known of answers to ip");
  if (is_portless(attempt.protocol)) {
    if (attempt.port != 0) reader.complain("port", to_string(attempt.protocol) + " has no ports");
    return;
  }
  if (attempt.protocol == Protocol::dns) {
    if (attempt.name.empty()) reader.complain("", "a dns attempt needs 'name'");
    return;
  }
  if (attempt.port == 0) reader.complain("port", "'port' must be from 1 to 65535");
  if (http && attempt.host.empty() && attempt.fields.empty()) reader.complain("", "an HTTP attempt needs 'host'");
}

std::string family_name(Family family) {
  return family == Family::ipv4 ? "ipv4" : family == Family::ipv6 ? "ipv6" : "any";
}

}  // namespace

std::string encode_batch_begin(const std::string& batch, int parallel) {
  return Json{{"type", "batch"}, {"batch", bytes_to_utf8(batch)}, {"parallel", parallel}}.dump();
}

std::string encode_batch_run() { return Json{{"type", "run"}}.dump(); }

std::string encode(const Attempt& attempt) {
  Json json = {{"type", "attempt"},
               {"sequence", attempt.sequence},
               {"id", bytes_to_utf8(attempt.id)},
               {"nonce", bytes_to_utf8(attempt.nonce)},
               {"protocol", to_string(attempt.protocol)}};
  put(json, "name", attempt.name);
  put(json, "address", attempt.address);
  json["port"] = attempt.port;
  json["family"] = family_name(attempt.family);
  json["over_tls"] = attempt.over_tls;
  if (attempt.sni) json["sni"] = bytes_to_utf8(*attempt.sni);
  if (!attempt.alpn.empty()) json["alpn"] = to_json(attempt.alpn);
  if (attempt.outer) json["outer"] = {{"sni", bytes_to_utf8(attempt.outer->sni)}};
  if (attempt.ech_extension) json["ech_extension"] = true;
  put(json, "tls_version", attempt.tls_version);
  if (attempt.hello_segments != 1) json["hello_segments"] = attempt.hello_segments;
  put(json, "host", attempt.host);
  json["method"] = bytes_to_utf8(attempt.method);
  json["path"] = bytes_to_utf8(attempt.path);
  if (!attempt.headers.empty()) json["headers"] = to_json(attempt.headers);
  if (!attempt.fields.empty()) json["fields"] = to_json(attempt.fields);
  if (attempt.http_version != "1.1") json["http_version"] = bytes_to_utf8(attempt.http_version);
  put(json, "payload", attempt.payload);
  if (attempt.ip_protocol != 0) json["ip_protocol"] = attempt.ip_protocol;
  if (attempt.datagrams != Attempt().datagrams) json["datagrams"] = attempt.datagrams;
  if (!attempt.expects_answer) json["expects_answer"] = false;
  if (attempt.follow_redirects > 0) json["follow_redirects"] = attempt.follow_redirects;
  if (attempt.earlier)
    json["earlier"] = {{"host", bytes_to_utf8(attempt.earlier->host)}, {"path", bytes_to_utf8(attempt.earlier->path)}};
  if (attempt.ticks)
    json["ticks_ms"] = {{"every", attempt.ticks->every.count()}, {"lasting", attempt.ticks->lasting.count()}};
  json["query_type"] = bytes_to_utf8(attempt.query_type);
  if (attempt.query_transport != "udp") json["query_transport"] = bytes_to_utf8(attempt.query_transport);
  put(json, "server", attempt.server);
  json["limits_ms"] = {{"resolve", attempt.limits.resolve.count()},
                       {"connect", attempt.limits.connect.count()},
                       {"tls", attempt.limits.tls.count()},
                       {"response", attempt.limits.response.count()}};
  return json.dump();
}

tl::expected<Attempt, Problem> decode_attempt(std::string_view line) {
  ObjectReader reader(line);
  Attempt attempt;
  std::string type;
  reader.text("type", type, true);
  if (type != "attempt") reader.complain("type", "'type' must be \"attempt\"");
  reader.number("sequence", attempt.sequence, UINT64_MAX, true);
  reader.text("id", attempt.id);
  reader.text("nonce", attempt.nonce, true);
  read_named(reader, "protocol", protocol_from, attempt.protocol);
  reader.text("name", attempt.name);
  reader.text("address", attempt.address);
  std::uint64_t port = 0;
  reader.number("port", port, 65535);
  attempt.port = static_cast<std::uint16_t>(port);
  read_family(reader, attempt.family);
  reader.flag("over_tls", attempt.over_tls);
  if (reader.has("sni")) {
    attempt.sni.emplace();
    reader.text("sni", *attempt.sni);
  }
  reader.texts("alpn", attempt.alpn);
  if (const Json* object = reader.object("outer")) {
    ObjectReader inner(*object, line);
    attempt.outer.emplace();
    inner.text("sni", attempt.outer->sni, true);
    if (!inner.finish()) reader.complain("outer", inner.problem().message);
  }
  reader.flag("ech_extension", attempt.ech_extension);
  reader.text("tls_version", attempt.tls_version);
  if (!attempt.tls_version.empty() && attempt.tls_version != "1.2" && attempt.tls_version != "1.3")
    reader.complain("tls_version", "'tls_version' must be \"1.2\" or \"1.3\"");
  read_hello_segments(reader, attempt.hello_segments);
  reader.text("host", attempt.host);
  reader.text("method", attempt.method);
  reader.text("path", attempt.path);
  read_fields(reader, "headers", attempt.headers);
  read_fields(reader, "fields", attempt.fields);
  reader.text("http_version", attempt.http_version);
  reader.text("payload", attempt.payload);
  auto ip_protocol = static_cast<std::uint64_t>(attempt.ip_protocol);
  reader.number("ip_protocol", ip_protocol, 255);
  attempt.ip_protocol = static_cast<int>(ip_protocol);
  auto datagrams = static_cast<std::uint64_t>(attempt.datagrams);
  reader.number("datagrams", datagrams, max_datagrams);
  attempt.datagrams = static_cast<int>(datagrams);
  reader.flag("expects_answer", attempt.expects_answer);
  std::uint64_t hops = 0;
  reader.number("follow_redirects", hops, max_hops);
  attempt.follow_redirects = static_cast<int>(hops);
  if (const Json* object = reader.object("earlier")) {
    ObjectReader inner(*object, line);
    attempt.earlier.emplace();
    inner.text("host", attempt.earlier->host, true);
    inner.text("path", attempt.earlier->path);
    if (!inner.finish()) reader.complain("earlier", inner.problem().message);
  }
  read_ticks(reader, line, attempt.ticks);
  reader.text("query_type", attempt.query_type);
  reader.text("query_transport", attempt.query_transport);
  reader.text("server", attempt.server);
  read_limits(reader, line, attempt.limits);
  check(reader, attempt);
  if (!reader.finish()) return tl::unexpected(Problem{0, reader.problem().column, reader.problem().message});
  return attempt;
}

}  // namespace egressproof::probe
