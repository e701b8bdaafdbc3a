#include "target/codec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/object_reader.h"

namespace egressproof::target {
namespace {

constexpr std::array<std::pair<ReceiptKind, const char*>, 7> kinds{{{ReceiptKind::connection, "connection"},
                                                                    {ReceiptKind::tls, "tls"},
                                                                    {ReceiptKind::request, "request"},
                                                                    {ReceiptKind::greeting, "greeting"},
                                                                    {ReceiptKind::payload, "payload"},
                                                                    {ReceiptKind::dns, "dns"},
                                                                    {ReceiptKind::packet, "packet"}}};

Json to_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(bytes_to_utf8(text));
  return list;
}

// Runs `read` on each object of the list; its first problem becomes one of `reader`.
template <class Read>
void each(ObjectReader& reader, std::string_view text, const char* key, Read read) {
  const Json* list = reader.array(key);
  if (list == nullptr) return;
  for (const Json& one : *list) {
    ObjectReader inner(one.is_object() ? one : Json::object(), text);
    read(inner);
    if (!inner.finish()) reader.complain(key, "in '" + std::string(key) + "': " + inner.problem().message);
  }
}

std::vector<std::uint16_t> ports_of(ObjectReader& reader, const char* key) {
  std::vector<std::uint16_t> ports;
  const Json* list = reader.array(key);
  if (list == nullptr) return ports;
  for (const Json& port : *list) {
    if (!port.is_number_unsigned() || port.get<std::uint64_t>() == 0 || port.get<std::uint64_t>() > 65535) {
      reader.complain(key, "'" + std::string(key) + "' must be a list of port numbers");
      break;
    }
    ports.push_back(port.get<std::uint16_t>());
  }
  return ports;
}

std::uint16_t port_of(ObjectReader& reader, const char* key, std::uint16_t fallback) {
  std::uint64_t port = fallback;
  reader.number(key, port, 65535);
  return static_cast<std::uint16_t>(port);
}

}  // namespace

std::string encode(const Config& config) {
  Json fixtures = Json::array();
  for (const Fixture& one : config.fixtures)
    fixtures.push_back({{"name", one.name},
                        {"key", one.key},
                        {"addresses", one.addresses},
                        {"ports", one.ports},
                        {"every_port", one.every_port},
                        {"dns_names", one.dns_names},
                        {"listening", one.listening},
                        {"udp_ports", one.udp_ports},
                        {"udp_silent", one.udp_silent},
                        {"speaks_first", one.speaks_first},
                        {"relays_to", one.relays_to}});
  Json records = Json::array();
  for (const Record& one : config.records)
    records.push_back({{"name", one.name},
                       {"type", one.type},
                       {"values", to_json(one.values)},
                       {"ttl", one.ttl},
                       {"rotate", one.rotate},
                       {"moved_to", to_json(one.moved_to)}});
  const Json json = {{"fixtures", fixtures},
                     {"records", records},
                     {"zones", config.zones},
                     {"dns_address", config.dns_address},
                     {"dns_port", config.dns_port},
                     {"redirect_port", config.redirect_port},
                     {"udp_redirect_port", config.udp_redirect_port},
                     {"packet_witness", config.packet_witness},
                     {"journal", config.journal.string()},
                     {"ca_file", config.ca_file.string()},
                     {"ca_certificate_file", config.ca_certificate_file.string()},
                     {"ca_key_file", config.ca_key_file.string()},
                     {"inspection_port", config.inspection_port}};
  return json.dump(1);
}

Result<Config> decode_config(std::string_view text) {
  ObjectReader reader(text);
  Config config;
  each(reader, text, "fixtures", [&](ObjectReader& inner) {
    Fixture one;
    inner.text("name", one.name, true);
    inner.text("key", one.key, true);
    inner.texts("addresses", one.addresses);
    one.ports = ports_of(inner, "ports");
    inner.flag("every_port", one.every_port);
    inner.texts("dns_names", one.dns_names);
    inner.flag("listening", one.listening);
    one.udp_ports = ports_of(inner, "udp_ports");
    inner.flag("udp_silent", one.udp_silent);
    inner.flag("speaks_first", one.speaks_first);
    inner.text("relays_to", one.relays_to);
    config.fixtures.push_back(std::move(one));
  });
  each(reader, text, "records", [&](ObjectReader& inner) {
    Record one;
    inner.text("name", one.name, true);
    inner.text("type", one.type, true);
    inner.texts("values", one.values);
    std::uint64_t ttl = one.ttl;
    inner.number("ttl", ttl, UINT32_MAX);
    one.ttl = static_cast<std::uint32_t>(ttl);
    inner.flag("rotate", one.rotate);
    inner.texts("moved_to", one.moved_to);
    config.records.push_back(std::move(one));
  });
  reader.texts("zones", config.zones);
  reader.text("dns_address", config.dns_address);
  config.dns_port = port_of(reader, "dns_port", config.dns_port);
  config.redirect_port = port_of(reader, "redirect_port", config.redirect_port);
  config.udp_redirect_port = port_of(reader, "udp_redirect_port", config.udp_redirect_port);
  reader.flag("packet_witness", config.packet_witness);
  const auto path = [&](const char* key, std::filesystem::path& into, bool required) {
    std::string text_of_path;
    reader.text(key, text_of_path, required);
    into = text_of_path;
  };
  path("journal", config.journal, true);
  path("ca_certificate_file", config.ca_certificate_file, false);
  path("ca_key_file", config.ca_key_file, false);
  if (config.ca_certificate_file.empty() != config.ca_key_file.empty())
    reader.complain("ca_key_file", "'ca_certificate_file' and 'ca_key_file' go together");
  path("ca_file", config.ca_file, config.ca_certificate_file.empty());
  config.inspection_port = port_of(reader, "inspection_port", config.inspection_port);
  if (!reader.finish())
    return fail(ErrorKind::usage, "byte " + std::to_string(reader.problem().column) + ": " + reader.problem().message);
  return config;
}

std::string encode(const Receipt& receipt) {
  const char* kind =
      std::find_if(kinds.begin(), kinds.end(), [&](const auto& one) { return one.first == receipt.kind; })->second;
  Json json = {{"type", "receipt"},      {"number", receipt.number},   {"connection", receipt.connection},
               {"kind", kind},           {"fixture", receipt.fixture}, {"nonce", receipt.nonce},
               {"local", receipt.local}, {"peer", receipt.peer},       {"at_us", receipt.at.count()}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = bytes_to_utf8(value);
  };
  if (receipt.sni) json["sni"] = bytes_to_utf8(*receipt.sni);
  if (!receipt.alpn.empty()) json["alpn"] = to_json(receipt.alpn);
  if (receipt.ech) json["ech"] = true;
  put("http_version", receipt.http_version);
  put("host", receipt.host);
  if (receipt.host_header) json["host_header"] = bytes_to_utf8(*receipt.host_header);
  put("method", receipt.method);
  put("path", receipt.path);
  put("name", receipt.name);
  put("query_type", receipt.query_type);
  put("transport", receipt.transport);
  put("payload", receipt.payload);
  return json.dump();
}

Result<Receipt> decode_receipt(std::string_view line) {
  ObjectReader reader(line);
  Receipt receipt;
  std::string type;
  std::string kind;
  reader.text("type", type, true);
  reader.number("number", receipt.number, UINT64_MAX, true);
  reader.number("connection", receipt.connection, UINT64_MAX, true);
  reader.text("kind", kind, true);
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& one) { return one.second == kind; });
  if (found == kinds.end())
    reader.complain("kind", "unknown kind '" + kind + "'");
  else
    receipt.kind = found->first;
  reader.text("fixture", receipt.fixture, true);
  reader.text("nonce", receipt.nonce, true);
  reader.text("local", receipt.local, true);
  reader.text("peer", receipt.peer, true);
  reader.micros("at_us", receipt.at, true);
  if (reader.has("sni")) {
    receipt.sni.emplace();
    reader.text("sni", *receipt.sni);
  }
  reader.texts("alpn", receipt.alpn);
  reader.flag("ech", receipt.ech);
  reader.text("http_version", receipt.http_version);
  reader.text("host", receipt.host);
  if (reader.has("host_header")) {
    receipt.host_header.emplace();
    reader.text("host_header", *receipt.host_header);
  }
  reader.text("method", receipt.method);
  reader.text("path", receipt.path);
  reader.text("name", receipt.name);
  reader.text("query_type", receipt.query_type);
  reader.text("transport", receipt.transport);
  reader.text("payload", receipt.payload);
  if (!reader.finish()) return fail(ErrorKind::environment, reader.problem().message);
  return receipt;
}

std::string encode_answer(const Fixture& fixture, const std::string& nonce, std::uint64_t receipt) {
  const std::string said =
      "fixture=" + fixture.name + " nonce=" + (nonce.empty() ? "-" : nonce) + " receipt=" + std::to_string(receipt);
  return "egressproof " + said + " mac=" + hmac_sha256_hex(fixture.key, said) + "\n";
}

}  // namespace egressproof::target
