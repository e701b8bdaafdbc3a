#include "target/dns.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <functional>
#include <memory>

namespace egressproof::target {
namespace {

template <auto Free>
struct Release {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Packet = std::unique_ptr<ldns_pkt, Release<ldns_pkt_free>>;
using Rr = std::unique_ptr<ldns_rr, Release<ldns_rr_free>>;
using Text = std::unique_ptr<char, Release<std::free>>;

constexpr std::size_t header_size = 12;
constexpr std::size_t udp_limit = 512;       // RFC 1035, 4.2.1
constexpr std::uint16_t edns_limit = 1232;   // what fits an IPv6 packet of 1280 bytes: no fragments
constexpr std::uint8_t bad_version = 1;      // the upper bits of BADVERS, 16 (RFC 6891, 9)
constexpr std::size_t longest_string = 255;  // of TXT
constexpr int longest_chain = 8;             // of CNAMEs
constexpr std::uint32_t negative_ttl = 1;    // seconds

std::string lower_without_dot(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (!name.empty() && name.back() == '.') name.pop_back();
  return name;
}

std::string text_of(const ldns_rdf* name) {
  const Text text(ldns_rdf2str(name));
  return lower_without_dot(text ? text.get() : "");
}

bool below(const std::string& name, const std::string& parent) {
  return name.size() > parent.size() && name.compare(name.size() - parent.size(), parent.size(), parent) == 0 &&
         name[name.size() - parent.size() - 1] == '.';
}

// The served zone of a name, the longest if several are; nullptr: not ours.
const std::string* zone_of(const Config& config, const std::string& name) {
  const std::string* best = nullptr;
  for (const std::string& zone : config.zones)
    if ((name == zone || below(name, zone)) && (best == nullptr || zone.size() > best->size())) best = &zone;
  return best;
}

// The owner among the records that answers for `name`; "" if none does.
std::string owner_of(const Config& config, const std::string& name) {
  std::string best;
  for (const Record& record : config.records) {
    const std::string owner = lower_without_dot(record.name);
    if (owner == name) return name;
    if (owner.rfind("*.", 0) == 0 && below(name, owner.substr(2)) && owner.size() > best.size()) best = owner;
  }
  return best;
}

bool exists(const Config& config, const std::string& name, const std::string& zone) {
  return name == zone || !owner_of(config, name).empty() ||
         std::any_of(config.records.begin(), config.records.end(),
                     [&](const Record& record) { return below(lower_without_dot(record.name), name); });
}

// Not in presentation format: the text may hold quotes and anything else.
bool add_text(ldns_rr* rr, std::string_view text) {
  do {
    const std::string_view part = text.substr(0, longest_string);
    std::string bytes(1, static_cast<char>(part.size()));
    bytes += part;
    ldns_rdf* rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, bytes.size(), bytes.data());
    if (rdf == nullptr || !ldns_rr_push_rdf(rr, rdf)) return false;
    text.remove_prefix(part.size());
  } while (!text.empty());
  return true;
}

// nullptr: the value cannot be one of the type. The owner is copied.
Rr make_rr(const ldns_rdf* owner, ldns_rr_type type, std::uint32_t ttl, const std::string& value) {
  if (type == LDNS_RR_TYPE_TXT) {
    Rr rr(ldns_rr_new());
    ldns_rr_set_owner(rr.get(), ldns_rdf_clone(owner));
    ldns_rr_set_type(rr.get(), type);
    ldns_rr_set_class(rr.get(), LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr.get(), ttl);
    return add_text(rr.get(), value) ? std::move(rr) : nullptr;
  }
  const Text name(ldns_rr_type2str(type));
  const std::string line = ". " + std::to_string(ttl) + " IN " + name.get() + " " + value;
  ldns_rr* parsed = nullptr;
  if (ldns_rr_new_frm_str(&parsed, line.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK) return nullptr;
  Rr rr(parsed);
  ldns_rdf_deep_free(ldns_rr_owner(parsed));
  ldns_rr_set_owner(parsed, ldns_rdf_clone(owner));
  return rr;
}

void push(ldns_pkt* reply, ldns_pkt_section section, Rr rr) {
  if (rr) ldns_pkt_push_rr(reply, section, rr.release());
}

Rr soa_of(const std::string& zone) {
  const std::string line = zone + ". " + std::to_string(negative_ttl) + " IN SOA ns." + zone + ". hostmaster." + zone +
                           ". 1 3600 600 86400 " + std::to_string(negative_ttl);
  ldns_rr* rr = nullptr;
  ldns_rr_new_frm_str(&rr, line.c_str(), 0, nullptr, nullptr);
  return Rr(rr);
}

std::string wire_of(const ldns_pkt* packet) {
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&wire, packet, &size) != LDNS_STATUS_OK) return {};
  const std::unique_ptr<std::uint8_t, Release<std::free>> owned(wire);
  return {reinterpret_cast<const char*>(wire), size};
}

// A header alone: identifier, RD and opcode of the query, QR, rcode FORMERR.
std::string format_error(std::string_view query) {
  std::string wire(query.substr(0, 3));
  wire[2] = static_cast<char>((static_cast<unsigned char>(wire[2]) & 0x79U) | 0x80U);
  wire += static_cast<char>(LDNS_RCODE_FORMERR);
  return wire + std::string(header_size - 4, '\0');
}

// Collects the answer's records; `values` tells what a record holds this time.
class Lookup {
 public:
  using Values = std::function<std::vector<std::string>(const Record&, const std::string&)>;
  Lookup(const Config& config, ldns_pkt* reply, Values values)
      : config_(config), reply_(reply), values_(std::move(values)) {}

  void run(const ldns_rr* question) {
    std::unique_ptr<ldns_rdf, Release<ldns_rdf_deep_free>> owner(ldns_rdf_clone(ldns_rr_owner(question)));
    std::string asked = text_of(owner.get());
    const std::string* zone = zone_of(config_, asked);
    const ldns_rr_type type = ldns_rr_get_type(question);
    if (zone == nullptr || ldns_rr_get_class(question) != LDNS_RR_CLASS_IN || type == LDNS_RR_TYPE_AXFR ||
        type == LDNS_RR_TYPE_IXFR) {
      ldns_pkt_set_rcode(reply_, LDNS_RCODE_REFUSED);
      return;
    }
    ldns_pkt_set_aa(reply_, true);
    for (int hop = 0; hop < longest_chain; ++hop) {
      const auto next = add_records(owner.get(), asked, *zone, type);
      if (next.empty()) return;
      asked = lower_without_dot(next);
      zone = zone_of(config_, asked);
      if (zone == nullptr) return;  // the client asks on by itself
      owner.reset(ldns_dname_new_frm_str(next.c_str()));
      if (!owner) return;
    }
  }

 private:
  // The name to go on with, if the answer is an alias.
  std::string add_records(const ldns_rdf* owner, const std::string& asked, const std::string& zone, ldns_rr_type type) {
    const std::string of = owner_of(config_, asked);
    std::string alias;
    std::size_t added = 0;
    for (const Record& record : config_.records) {
      if (of.empty() || lower_without_dot(record.name) != of) continue;
      const ldns_rr_type held = ldns_get_rr_type_by_name(record.type.c_str());
      const bool is_alias = held == LDNS_RR_TYPE_CNAME && type != LDNS_RR_TYPE_CNAME && type != LDNS_RR_TYPE_ANY;
      if (held != type && type != LDNS_RR_TYPE_ANY && !is_alias) continue;
      for (const std::string& value : values_(record, asked)) {
        push(reply_, LDNS_SECTION_ANSWER, make_rr(owner, held, record.ttl, value));
        ++added;
        if (is_alias) alias = value;
      }
    }
    if (added == 0 && asked == zone && type == LDNS_RR_TYPE_SOA) {
      push(reply_, LDNS_SECTION_ANSWER, soa_of(zone));
    } else if (added == 0) {
      if (!exists(config_, asked, zone)) ldns_pkt_set_rcode(reply_, LDNS_RCODE_NXDOMAIN);
      push(reply_, LDNS_SECTION_AUTHORITY, soa_of(zone));
    }
    return alias;
  }

  const Config& config_;
  ldns_pkt* reply_;
  Values values_;
};

Packet empty_reply(const ldns_pkt* request) {
  Packet reply(ldns_pkt_new());
  ldns_pkt_set_id(reply.get(), ldns_pkt_id(request));
  ldns_pkt_set_qr(reply.get(), true);
  ldns_pkt_set_opcode(reply.get(), ldns_pkt_get_opcode(request));
  ldns_pkt_set_rd(reply.get(), ldns_pkt_rd(request));
  ldns_pkt_push_rr(reply.get(), LDNS_SECTION_QUESTION, ldns_rr_clone(ldns_rr_list_rr(ldns_pkt_question(request), 0)));
  if (ldns_pkt_edns(request)) ldns_pkt_set_edns_udp_size(reply.get(), edns_limit);
  return reply;
}

std::size_t limit_of(const ldns_pkt* request, Transport transport) {
  if (transport == Transport::tcp) return UINT16_MAX;
  if (!ldns_pkt_edns(request)) return udp_limit;
  return std::clamp<std::size_t>(ldns_pkt_edns_udp_size(request), udp_limit, edns_limit);
}

}  // namespace

Result<void> check_records(const Config& config) {
  const std::unique_ptr<ldns_rdf, Release<ldns_rdf_deep_free>> root(ldns_dname_new_frm_str("."));
  for (const Record& record : config.records) {
    const auto refuse = [&](const std::string& what) {
      return fail(ErrorKind::usage, "DNS record '" + record.name + "' " + record.type + ": " + what);
    };
    const std::unique_ptr<ldns_rdf, Release<ldns_rdf_deep_free>> owner(ldns_dname_new_frm_str(record.name.c_str()));
    if (!owner) return refuse("not a name");
    if (zone_of(config, lower_without_dot(record.name)) == nullptr) return refuse("in none of the served zones");
    const ldns_rr_type type = ldns_get_rr_type_by_name(record.type.c_str());
    if (type == 0) return refuse("unknown type");
    for (const auto* values : {&record.values, &record.moved_to})
      for (const std::string& value : *values)
        if (!make_rr(root.get(), type, record.ttl, value)) return refuse("malformed value '" + value + "'");
  }
  return {};
}

std::vector<std::string> DnsAuthority::values_of(const Record& record, const std::string& name) {
  if (moved_ && !record.moved_to.empty()) return record.moved_to;
  if (!record.rotate || record.values.empty()) return record.values;
  const std::lock_guard lock(mutex_);
  const std::uint64_t turn = turns_[{&record, name}]++;
  return {record.values[turn % record.values.size()]};
}

std::optional<DnsReply> DnsAuthority::answer(std::string_view query, Transport transport) {
  constexpr unsigned response_bit = 0x80;
  if (query.size() < header_size || (static_cast<unsigned char>(query[2]) & response_bit) != 0) return std::nullopt;
  DnsReply made;
  ldns_pkt* parsed = nullptr;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(query.data());
  if (ldns_wire2pkt(&parsed, bytes, query.size()) != LDNS_STATUS_OK || ldns_pkt_qdcount(parsed) != 1) {
    const Packet unused(parsed);
    made.wire = format_error(query);
    return made;
  }
  const Packet request(parsed);
  const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(request.get()), 0);
  made.parsed = true;
  made.name = text_of(ldns_rr_owner(question));
  const Text type(ldns_rr_type2str(ldns_rr_get_type(question)));
  made.query_type = type ? type.get() : "";

  const Packet reply = empty_reply(request.get());
  if (ldns_pkt_edns(request.get()) && ldns_pkt_edns_version(request.get()) != 0)
    ldns_pkt_set_edns_extended_rcode(reply.get(), bad_version);
  else if (ldns_pkt_get_opcode(request.get()) != LDNS_PACKET_QUERY)
    ldns_pkt_set_rcode(reply.get(), LDNS_RCODE_NOTIMPL);
  else
    Lookup(config_, reply.get(), [this](const Record& record, const std::string& name) {
      return values_of(record, name);
    }).run(question);
  made.wire = wire_of(reply.get());
  if (made.wire.size() > limit_of(request.get(), transport)) {
    const Packet truncated = empty_reply(request.get());
    ldns_pkt_set_aa(truncated.get(), ldns_pkt_aa(reply.get()));
    ldns_pkt_set_tc(truncated.get(), true);
    made.wire = wire_of(truncated.get());
  }
  if (made.wire.empty()) made.wire = format_error(query);
  return made;
}

}  // namespace egressproof::target
