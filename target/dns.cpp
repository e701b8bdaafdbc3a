#include "target/dns.h"

#include <ldns/ldns.h>

#include <memory>

namespace egressproof::target {
namespace {

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

std::string lower_without_dot(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (!name.empty() && name.back() == '.') name.pop_back();
  return name;
}

bool below(const std::string& name, const std::string& parent) {
  return name.size() > parent.size() && name.compare(name.size() - parent.size(), parent.size(), parent) == 0 &&
         name[name.size() - parent.size() - 1] == '.';
}

// The owner among the records that answers for `name`; "" if none does.
std::string owner_of(const Config& config, const std::string& name) {
  std::string best;
  for (const Record& record : config.records) {
    if (record.name == name) return name;
    if (record.name.rfind("*.", 0) == 0 && below(name, record.name.substr(2)) && record.name.size() > best.size())
      best = record.name;
  }
  return best;
}

void add_records(ldns_pkt* reply, const Config& config, const std::string& owner, const std::string& asked,
                 ldns_rr_type type) {
  for (const Record& record : config.records) {
    if (record.name != owner || ldns_get_rr_type_by_name(record.type.c_str()) != type) continue;
    for (const std::string& value : record.values) {
      const std::string line = asked + ". " + std::to_string(record.ttl) + " IN " + record.type + " " + value;
      ldns_rr* rr = nullptr;
      if (ldns_rr_new_frm_str(&rr, line.c_str(), 0, nullptr, nullptr) == LDNS_STATUS_OK)
        ldns_pkt_push_rr(reply, LDNS_SECTION_ANSWER, rr);
    }
  }
}

}  // namespace

std::optional<DnsReply> answer_dns(const Config& config, const unsigned char* query, std::size_t size) {
  ldns_pkt* parsed = nullptr;
  if (ldns_wire2pkt(&parsed, query, size) != LDNS_STATUS_OK) return std::nullopt;
  const Packet request(parsed, ldns_pkt_free);
  if (ldns_pkt_qr(request.get()) || ldns_pkt_qdcount(request.get()) != 1) return std::nullopt;
  const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(request.get()), 0);
  const std::unique_ptr<char, decltype(&free)> text(ldns_rdf2str(ldns_rr_owner(question)), free);
  const std::string asked = lower_without_dot(text ? text.get() : "");

  const Packet reply(ldns_pkt_new(), ldns_pkt_free);
  ldns_pkt_set_id(reply.get(), ldns_pkt_id(request.get()));
  ldns_pkt_set_qr(reply.get(), true);
  ldns_pkt_set_rd(reply.get(), ldns_pkt_rd(request.get()));
  ldns_pkt_push_rr(reply.get(), LDNS_SECTION_QUESTION, ldns_rr_clone(question));
  bool ours = false;
  for (const std::string& zone : config.zones) ours = ours || asked == zone || below(asked, zone);
  const std::string owner = ours ? owner_of(config, asked) : "";
  if (!ours) {
    ldns_pkt_set_rcode(reply.get(), LDNS_RCODE_REFUSED);
  } else {
    ldns_pkt_set_aa(reply.get(), true);
    if (owner.empty())
      ldns_pkt_set_rcode(reply.get(), LDNS_RCODE_NXDOMAIN);
    else
      add_records(reply.get(), config, owner, asked, ldns_rr_get_type(question));
  }
  std::uint8_t* wire = nullptr;
  std::size_t length = 0;
  if (ldns_pkt2wire(&wire, reply.get(), &length) != LDNS_STATUS_OK) return std::nullopt;
  const std::unique_ptr<std::uint8_t, decltype(&free)> owned(wire, free);
  return DnsReply{asked, {wire, wire + length}};
}

}  // namespace egressproof::target
