#include <algorithm>

#include "runner/scenario/kinds.h"
#include "runner/scenario/names.h"
#include "runner/scenario/scalars.h"

namespace egressproof::scenario {
namespace {

constexpr std::uint32_t max_ttl = 86400;

void read_zones(Problems& problems, MapReader& file, Suite& suite) {
  const Node* node = file.take("zones", Need::required);
  if (node == nullptr) return;
  for (const PlacedText& zone : read_texts(problems, *node, "'zones'")) {
    if (!is_dns_name(zone.text, false))
      problems.add(zone.at, "zone '" + zone.text + "' is not a DNS name");
    else
      suite.zones.push_back(zone.text);
  }
  if (node->kind == Node::Kind::sequence && node->items.empty()) problems.add(node->at, "'zones' must not be empty");
}

void read_addresses(Problems& problems, const Node* node, const Suite& suite, Fixture& fixture) {
  if (node == nullptr) return;
  for (const Node& item : read_list(problems, *node, "'addresses'")) {
    const auto address = read_address(problems, item, "each item of 'addresses'");
    if (!address) continue;
    const Fixture* owner = nullptr;
    for (const Fixture& other : suite.fixtures)
      if (std::find(other.addresses.begin(), other.addresses.end(), *address) != other.addresses.end()) owner = &other;
    if (owner != nullptr)
      problems.add(item.at, "address " + *address + " is already that of fixture '" + owner->name + "' (" +
                                to_string(owner->at) + "); receipts could not be told apart");
    else if (std::find(fixture.addresses.begin(), fixture.addresses.end(), *address) != fixture.addresses.end())
      problems.add(item.at, "address " + *address + " stands here twice");
    else
      fixture.addresses.push_back(*address);
  }
  if (node->kind == Node::Kind::sequence && node->items.empty())
    problems.add(node->at, "'addresses' must not be empty");
}

void read_ports(Problems& problems, const Node* node, Fixture& fixture) {
  if (node == nullptr) return;
  for (const Node& item : read_list(problems, *node, "'ports'")) {
    const auto port = read_number(problems, item, "each item of 'ports'", 1, 65535);
    if (!port) continue;
    const auto number = static_cast<std::uint16_t>(*port);
    if (std::find(fixture.ports.begin(), fixture.ports.end(), number) != fixture.ports.end())
      problems.add(item.at, "port " + std::to_string(number) + " stands here twice");
    else
      fixture.ports.push_back(number);
  }
}

// A name that the authoritative server will answer.
bool is_served(Problems& problems, const PlacedText& name, const Suite& suite, bool wildcard) {
  if (!is_dns_name(name.text, wildcard)) {
    problems.add(name.at, "'" + name.text + "' is not a DNS name");
    return false;
  }
  Suite zones_alone;
  zones_alone.zones = suite.zones;
  if (!suite.zones.empty() && look_up(zones_alone, name.text) == Lookup::no_zone) {
    problems.add(name.at, "'" + name.text + "' is in none of the zones, so nobody would answer for it");
    return false;
  }
  return true;
}

void read_names(Problems& problems, const Node* node, const Suite& suite, Fixture& fixture) {
  if (node == nullptr) return;
  for (const PlacedText& name : read_texts(problems, *node, "'names'")) {
    if (!is_served(problems, name, suite, false)) continue;
    const auto has_it = [&](const Fixture& one) {
      return std::any_of(one.names.begin(), one.names.end(),
                         [&](const std::string& other) { return folded_name(other) == folded_name(name.text); });
    };
    const auto other = std::find_if(suite.fixtures.begin(), suite.fixtures.end(), has_it);
    if (other != suite.fixtures.end())
      problems.add(name.at, "'" + name.text + "' is already a name of fixture '" + other->name + "' (" +
                                to_string(other->at) + ")");
    else if (has_it(fixture))
      problems.add(name.at, "'" + name.text + "' stands here twice");
    else
      fixture.names.push_back(name.text);
  }
}

// Told already; no reason to ask for ports too.
bool is_not_false(const Node& map, const std::string& key) {
  const Node* node = find(map, key);
  return node != nullptr && node->text != "false";
}

bool has_ipv4_alone(const Fixture& fixture) {
  return std::none_of(fixture.addresses.begin(), fixture.addresses.end(), is_ipv6);
}

void read_fixture(Problems& problems, const Entry& entry, Suite& suite) {
  Fixture fixture;
  fixture.name = entry.key.text;
  fixture.at = entry.key.at;
  const Problems::Context context(problems, "fixture '" + fixture.name + "'", fixture.at);
  if (!is_dns_label(fixture.name))
    problems.add(fixture.at, "'" + fixture.name + "' cannot be a fixture's name: lower-case letters, digits and '-'");
  MapReader map(problems, entry.value, "a fixture");
  read_addresses(problems, map.take("addresses", Need::required), suite, fixture);
  read_ports(problems, map.take("ports"), fixture);
  map.flag("every-port", fixture.every_port);
  map.flag("listening", fixture.listening);
  map.flag("speaks-first", fixture.speaks_first);
  map.text("pod", fixture.pod);
  if (!fixture.pod.empty() &&
      (fixture.every_port || fixture.speaks_first || fixture.addresses.size() != 1 || map.has("names")))
    problems.add(map.key_at("pod"), "a fixture in a pod has one address, of the pod, and 'ports', and nothing more");
  map.text("relays-to", fixture.relays_to);
  if (!fixture.relays_to.empty() && (fixture.every_port || fixture.speaks_first || !fixture.listening ||
                                     !fixture.pod.empty() || !has_ipv4_alone(fixture)))
    problems.add(map.key_at("relays-to"),
                 "a fixture that relays has addresses of IPv4, 'ports' and 'names', and nothing more");
  read_names(problems, map.take("names"), suite, fixture);
  const bool says_ports = map.has("ports") || fixture.every_port || is_not_false(entry.value, "every-port");
  if (fixture.listening && !says_ports && entry.value.kind == Node::Kind::map)
    problems.add(entry.value.at, "a fixture that listens needs 'ports' or 'every-port: true'");
  map.finish();
  suite.fixtures.push_back(std::move(fixture));
}

// Whom a fixture relays to may stand below it.
void check_relay(Problems& problems, const Entry& entry, const Suite& suite) {
  const Fixture* relay = find_fixture(suite, entry.key.text);
  const Node* node = find(entry.value, "relays-to");
  if (relay == nullptr || node == nullptr || relay->relays_to.empty()) return;
  const Problems::Context context(problems, "fixture '" + relay->name + "'", relay->at);
  const Fixture* other = find_fixture(suite, relay->relays_to);
  if (other == nullptr) {
    problems.add(node->at, "no fixture '" + relay->relays_to + "'",
                 did_you_mean(relay->relays_to, fixture_names(suite)));
    return;
  }
  const std::string whom = "fixture '" + other->name + "' ";
  if (!other->relays_to.empty()) {
    problems.add(node->at, whom + "is a relay itself: there is one on a way");
  } else if (!other->listening || !other->pod.empty()) {
    problems.add(node->at, whom + "cannot be relayed to: it must listen, and in no pod");
  } else if (std::all_of(other->addresses.begin(), other->addresses.end(), is_ipv6)) {
    problems.add(node->at, whom + "has no IPv4 address to relay to");
  } else {
    for (const std::uint16_t port : relay->ports)
      if (std::find(other->ports.begin(), other->ports.end(), port) == other->ports.end())
        problems.add(node->at, whom + "has no port " + std::to_string(port) + " in 'ports' to relay to");
  }
}

void read_record_value(Problems& problems, const PlacedText& value, const Suite& suite, const Record& record,
                       std::vector<std::string>& values) {
  const bool ipv6 = record.type == "AAAA";
  if (const auto address = canonical_address(value.text)) {
    if (is_harness_address(*address))
      problems.add(value.at, *address + " is in 192.0.2.240/28, which the harness keeps for its canaries");
    if (is_ipv6(*address) != ipv6)
      problems.add(value.at, *address + " cannot stand in a record of type " + record.type);
    values.push_back(*address);
    return;
  }
  const Fixture* fixture = find_fixture(suite, value.text);
  if (fixture == nullptr)
    problems.add(value.at, "'" + value.text + "' is neither an IP literal nor a fixture",
                 did_you_mean(value.text, fixture_names(suite)));
  else if (std::none_of(fixture->addresses.begin(), fixture->addresses.end(),
                        [&](const std::string& address) { return is_ipv6(address) == ipv6; }))
    problems.add(value.at, "fixture '" + value.text + "' has no address for a record of type " + record.type);
  values.push_back(value.text);
}

void read_record(Problems& problems, const Node& node, Suite& suite) {
  Record record;
  record.at = node.at;
  MapReader map(problems, node, "a record");
  if (const Node* name = map.take("name", Need::required)) {
    record.name = read_text(problems, *name, "'name'").value_or("");
    if (!record.name.empty()) is_served(problems, {record.name, name->at}, suite, true);
  }
  if (const Node* type = map.take("type")) {
    record.type = read_text(problems, *type, "'type'").value_or("A");
    if (record.type != "A" && record.type != "AAAA")
      problems.add(type->at, "record type '" + record.type + "' is not served; 'A' and 'AAAA' are");
  }
  for (const auto& [key, need, into] :
       {std::tuple{"values", Need::required, &record.values}, {"moved-to", Need::optional, &record.moved_to}}) {
    const Node* values = map.take(key, need);
    if (values == nullptr) continue;
    const std::string name = "'" + std::string(key) + "'";
    for (const PlacedText& value : read_texts(problems, *values, name))
      read_record_value(problems, value, suite, record, *into);
    if (values->kind == Node::Kind::sequence && values->items.empty())
      problems.add(values->at, name + " must not be empty");
  }
  if (const Node* ttl = map.take("ttl"))
    record.ttl = static_cast<std::uint32_t>(read_number(problems, *ttl, "'ttl'", 0, max_ttl).value_or(record.ttl));
  map.finish();
  suite.records.push_back(std::move(record));
}

}  // namespace

std::optional<std::string> read_address(Problems& problems, const Node& node, const std::string& what) {
  const auto text = read_text(problems, node, what);
  if (!text) return std::nullopt;
  auto address = canonical_address(*text);
  if (!address)
    problems.add(node.at, what + " must be an IP literal, not '" + *text + "'");
  else if (is_harness_address(*address))
    problems.add(node.at, *address + " is in 192.0.2.240/28, which the harness keeps for its canaries");
  return address;
}

std::map<std::string, Role> read_roles(Problems& problems, const Node& node, const Known& known, const Suite& suite) {
  std::map<std::string, Role> roles;
  for (const Entry* entry : read_entries(problems, node, "'roles'")) {
    const std::string& name = entry->key.text;
    const Problems::Context context(problems, "role '" + name + "'", entry->key.at);
    if (!is_id(name) || name == "nonce")
      problems.add(entry->key.at, "'" + name + "' cannot be a role: lower-case letters, digits and '-', not 'nonce'");
    Role role;
    MapReader map(problems, entry->value, "a role");
    if (const Node* dns_name = map.take("name", Need::required)) {
      role.name = read_text(problems, *dns_name, "'name'").value_or("");
      if (!role.name.empty() && !is_dns_name(role.name, false))
        problems.add(dns_name->at, "'" + role.name + "' is not a DNS name");
      else if (known.fixtures && !role.name.empty() && look_up(suite, role.name) == Lookup::no_zone)
        problems.add(dns_name->at, "'" + role.name + "' is in none of the zones",
                     did_you_mean(role.name, known_dns_names(suite)));
    }
    if (const Node* fixture = map.take("fixture", Need::required)) {
      role.fixture = read_text(problems, *fixture, "'fixture'").value_or("");
      if (known.fixtures && !role.fixture.empty() && find_fixture(suite, role.fixture) == nullptr)
        problems.add(fixture->at, "no fixture '" + role.fixture + "'",
                     did_you_mean(role.fixture, fixture_names(suite)));
    }
    if (find_fixture(suite, name) != nullptr && role.fixture != name && !role.fixture.empty())
      problems.add(entry->key.at,
                   "role '" + name + "' has the name of a fixture but means fixture '" + role.fixture + "'",
                   "'dial' could not tell them apart");
    map.finish();
    roles.emplace(name, std::move(role));
  }
  return roles;
}

void read_fixtures(Problems& problems, const Node& root, Suite& suite) {
  MapReader file(problems, root, "Fixtures");
  file.take("apiVersion");
  file.take("kind");
  read_zones(problems, file, suite);
  if (const Node* fixtures = file.take("fixtures", Need::required)) {
    const auto entries = read_entries(problems, *fixtures, "'fixtures'");
    for (const Entry* entry : entries) read_fixture(problems, *entry, suite);
    for (const Entry* entry : entries) check_relay(problems, *entry, suite);
    if (fixtures->kind == Node::Kind::map && fixtures->entries.empty())
      problems.add(fixtures->at, "'fixtures' must not be empty");
  }
  if (const Node* records = file.take("records"))
    for (const Node& record : read_list(problems, *records, "'records'")) read_record(problems, record, suite);
  if (const Node* roles = file.take("roles")) suite.roles = read_roles(problems, *roles, {true, false}, suite);
  file.finish();
}

}  // namespace egressproof::scenario
