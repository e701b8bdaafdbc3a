#include "runner/scenario/attempt_reader.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "probe/codec.h"

namespace egressproof::scenario {
namespace {

constexpr std::uint64_t max_hops = 20;
constexpr std::uint64_t max_datagrams = 100;
constexpr std::uint64_t max_hello_segments = 64;

class AttemptReader {
 public:
  AttemptReader(Problems& problems, const Node& node, const std::string& what)
      : problems_(problems), map_(problems, node, what) {}

  WrittenAttempt read() {
    AttemptSpec& spec = written_.spec;
    read_protocol();
    text("to", spec.to);
    text("dial", spec.dial);
    if (take("tls") != nullptr) map_.flag("tls", spec.tls);
    text("sni", spec.sni);
    read_alpn();
    if (take("ech") != nullptr) map_.flag("ech", spec.ech_extension);
    if (const auto version = choice("tls-version", {"1.2", "1.3"})) spec.tls_version = *version;
    if (const Node* node = take("hello-segments"))
      if (const auto count = read_number(problems_, *node, "'hello-segments'", 1, max_hello_segments))
        spec.hello_segments = static_cast<int>(*count);
    read_ip_protocol();
    read_outer();
    text("host", spec.host);
    text("method", spec.method);
    text("path", spec.path);
    fields("headers", spec.headers);
    fields("fields", spec.fields);
    read_payload();
    if (const Node* node = take("datagrams"))
      if (const auto count = read_number(problems_, *node, "'datagrams'", 1, max_datagrams))
        spec.datagrams = static_cast<int>(*count);
    if (take("answer") != nullptr) map_.flag("answer", spec.expects_answer);
    if (const Node* node = take("follow-redirects"))
      if (const auto hops = read_number(problems_, *node, "'follow-redirects'", 0, max_hops))
        spec.follow_redirects = static_cast<int>(*hops);
    read_earlier();
    read_ticks();
    read_family();
    read_query_type();
    text("server", spec.server);
    read_limits();
    map_.finish();
    return std::move(written_);
  }

 private:
  const Node* take(const std::string& key) {
    const Node* node = map_.take(key);
    if (node == nullptr) return nullptr;
    written_.keys[key] = map_.key_at(key);
    written_.values[key] = node->at;
    return node;
  }
  void text(const std::string& key, std::optional<std::string>& value) {
    const Node* node = take(key);
    if (node == nullptr) return;
    value = read_text(problems_, *node, "'" + key + "'");
    if (value) written_.texts.push_back({*value, node->at});
  }
  void fields(const std::string& key, std::optional<probe::Fields>& value) {
    const Node* node = take(key);
    if (node == nullptr) return;
    value = read_fields(problems_, *node, "'" + key + "'");
    if (!value) return;
    for (std::size_t i = 0; i < value->size(); ++i)
      for (const auto& [part, at] : {std::pair{&(*value)[i].first, &node->items[i].items[0].at},
                                     {&(*value)[i].second, &node->items[i].items[1].at}})
        written_.texts.push_back({*part, *at});
  }
  // One of the names, or nullopt with a problem.
  std::optional<std::string> choice(const std::string& key, const std::vector<std::string>& names) {
    const Node* node = take(key);
    if (node == nullptr) return std::nullopt;
    auto name = read_text(problems_, *node, "'" + key + "'");
    if (!name || std::find(names.begin(), names.end(), *name) != names.end()) return name;
    problems_.add(node->at, "'" + key + "' must be " + one_of(names) + ", not '" + *name + "'",
                  did_you_mean(*name, names));
    return std::nullopt;
  }
  void read_protocol() {
    const auto name = choice("protocol", {"http/1.1", "http/2", "tls", "tcp", "dns", "udp", "icmp", "ip", "syn"});
    if (!name) return;
    if (const auto protocol = probe::protocol_from(*name)) written_.spec.protocol = *protocol;
  }
  void read_ip_protocol() {  // as IANA numbers them
    const auto name = choice("ip-protocol", {"ipip", "gre", "sctp"});
    if (name) written_.spec.ip_protocol = *name == "ipip" ? 4 : *name == "gre" ? 47 : 132;
  }
  void read_family() {
    const auto name = choice("family", {"ipv4", "ipv6", "any"});
    if (!name) return;
    written_.spec.family = *name == "ipv4"   ? probe::Family::ipv4
                           : *name == "ipv6" ? probe::Family::ipv6
                                             : probe::Family::any;
  }
  void read_query_type() {
    if (auto name = choice("query-type", {"A", "AAAA", "TXT"})) written_.spec.query_type = std::move(*name);
  }
  // YAML knows characters only: each up to U+00FF is the byte of that number, as in the probe's JSON.
  void read_payload() {
    std::optional<std::string>& payload = written_.spec.payload;
    text("payload", payload);
    std::string bytes;
    if (payload && !utf8_to_bytes(*payload, bytes))
      problems_.add(written_.values["payload"], "'payload' is bytes: it can hold characters up to U+00FF alone",
                    "\"\\xff\" is the byte FF");
    else if (payload)
      payload = std::move(bytes);
  }
  void read_alpn() {
    const Node* node = take("alpn");
    if (node == nullptr) return;
    std::vector<std::string> names;
    for (const PlacedText& name : read_texts(problems_, *node, "'alpn'")) {
      if (name.text.empty() || name.text.size() > 255)
        problems_.add(name.at, "a protocol name of ALPN has 1 to 255 bytes");
      names.push_back(name.text);
      written_.texts.push_back(name);
    }
    written_.spec.alpn = std::move(names);
  }
  void read_outer() {
    const Node* node = take("outer");
    if (node == nullptr) return;
    MapReader map(problems_, *node, "'outer'");
    probe::OuterTls outer;
    map.text("sni", outer.sni, Need::required);
    map.finish();
    if (const Node* sni = find(*node, "sni")) written_.texts.push_back({sni->text, sni->at});
    written_.spec.outer = std::move(outer);
  }
  void read_earlier() {
    const Node* node = take("earlier");
    if (node == nullptr) return;
    MapReader map(problems_, *node, "'earlier'");
    probe::EarlierRequest earlier;
    map.text("host", earlier.host, Need::required);
    map.text("path", earlier.path);
    map.finish();
    for (const char* key : {"host", "path"})
      if (const Node* value = find(*node, key)) written_.texts.push_back({value->text, value->at});
    written_.spec.earlier = std::move(earlier);
  }
  void read_ticks() {
    const Node* node = take("ticks");
    if (node == nullptr) return;
    MapReader map(problems_, *node, "'ticks'");
    TicksSpec ticks;
    for (const auto& [key, value] :
         {std::pair{"every", &ticks.every}, {"lasting", &ticks.lasting}, {"cut-within", &ticks.cut_within}})
      if (const Node* said = map.take(key))
        *value = read_duration(problems_, *said, "'" + std::string(key) + "'").value_or(*value);
    read_cut_from(map, ticks);
    map.finish();
    if (ticks.every >= ticks.lasting) problems_.add(node->at, "'every' must be shorter than 'lasting'");
    if (ticks.cut_within >= ticks.lasting)
      problems_.add(node->at, "'cut-within' must be shorter than 'lasting': the change comes first");
    written_.spec.ticks = ticks;
  }
  void read_cut_from(MapReader& map, TicksSpec& ticks) {
    const Node* node = map.take("cut-from");
    if (node == nullptr) return;
    const auto from = read_text(problems_, *node, "'cut-from'");
    if (!from || *from == "in-force") return;
    if (*from == "applied")
      ticks.cut_from = CutFrom::applied;
    else
      problems_.add(node->at, "'cut-from' must be 'applied' or 'in-force', not '" + *from + "'",
                    did_you_mean(*from, {"applied", "in-force"}));
  }
  void read_limits() {
    const Node* node = take("limits");
    if (node == nullptr) return;
    AttemptSpec& spec = written_.spec;
    MapReader map(problems_, *node, "'limits'");
    for (const auto& [key, limit] : {std::pair{"resolve", &spec.resolve_limit},
                                     {"connect", &spec.connect_limit},
                                     {"tls", &spec.tls_limit},
                                     {"response", &spec.response_limit}})
      if (const Node* value = map.take(key)) *limit = read_duration(problems_, *value, "'" + std::string(key) + "'");
    map.finish();
  }

  Problems& problems_;
  MapReader map_;
  WrittenAttempt written_;
};

bool one_of_keys(const std::string& key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

}  // namespace

WrittenAttempt read_attempt(Problems& problems, const Node& node, const std::string& what) {
  const std::size_t before = problems.count();
  WrittenAttempt written = AttemptReader(problems, node, what).read();
  written.sound = problems.count() == before;
  return written;
}

WrittenAttempt overlay(const WrittenAttempt& base, const WrittenAttempt& over) {
  WrittenAttempt result = base;
  result.spec = overlay(base.spec, over.spec);
  for (const auto& [key, at] : over.keys) result.keys[key] = at;
  for (const auto& [key, at] : over.values) result.values[key] = at;
  result.texts.insert(result.texts.end(), over.texts.begin(), over.texts.end());
  result.sound = base.sound && over.sound;
  return result;
}

bool has_meaning(const std::string& key, const AttemptSpec& spec) {
  if (!spec.protocol) return true;
  const probe::Protocol protocol = *spec.protocol;
  const bool http = protocol == probe::Protocol::http1 || protocol == probe::Protocol::http2;
  if (one_of_keys(key, {"sni", "alpn", "ech", "tls-version", "hello-segments"})) {
    if (protocol == probe::Protocol::dns || probe::sends_datagrams(protocol)) return false;
    return protocol == probe::Protocol::tls || spec.tls.value_or(false);
  }
  if (key == "outer") return protocol == probe::Protocol::tls;
  if (key == "tls") return protocol != probe::Protocol::dns && !probe::sends_datagrams(protocol);
  if (one_of_keys(key, {"host", "method", "path", "headers", "fields", "follow-redirects", "earlier"})) return http;
  if (key == "ticks") return protocol == probe::Protocol::http1 || protocol == probe::Protocol::tcp;
  if (key == "payload") return protocol == probe::Protocol::tcp || probe::sends_datagrams(protocol);
  if (key == "ip-protocol") return protocol == probe::Protocol::ip;
  if (key == "answer" && protocol == probe::Protocol::ip) return false;
  if (one_of_keys(key, {"datagrams", "answer"})) return probe::sends_datagrams(protocol);
  if (one_of_keys(key, {"query-type", "server"})) return protocol == probe::Protocol::dns;
  return true;
}

std::string protocol_name(const AttemptSpec& spec) {
  if (!spec.protocol) return "no protocol";
  const bool has_tls_choice = *spec.protocol != probe::Protocol::tls && *spec.protocol != probe::Protocol::dns &&
                              !probe::sends_datagrams(*spec.protocol);
  const std::string tls = !has_tls_choice ? "" : spec.tls.value_or(false) ? " over TLS" : " without TLS";
  return "protocol " + probe::to_string(*spec.protocol) + tls;
}

}  // namespace egressproof::scenario
