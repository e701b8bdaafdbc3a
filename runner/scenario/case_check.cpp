#include "runner/scenario/case_check.h"

#include <algorithm>
#include <set>

#include "probe/codec.h"
#include "runner/scenario/names.h"
#include "runner/scenario/scalars.h"

namespace egressproof::scenario {
namespace {

const Profile* find_profile(const Suite& suite, const std::string& name) {
  const auto found = std::find_if(suite.profiles.begin(), suite.profiles.end(),
                                  [&](const Profile& profile) { return profile.name == name; });
  return found == suite.profiles.end() ? nullptr : &*found;
}

// One mistake is mostly one in every profile; it is told once, and names profiles only if others are free of it.
class Findings {
 public:
  void in(const Profile& profile) {
    profile_ = profile.name;
    all_.insert(profile.name);
  }
  void add(const Location& at, const std::string& message, const std::string& hint = "") {
    Finding& finding = findings_[to_string(at) + " " + message];
    finding.told = {at, message, hint, ""};
    finding.profiles.insert(profile_);
  }
  void tell(Problems& problems) const {
    for (const auto& [key, finding] : findings_) {
      std::string where;
      for (const std::string& profile : finding.profiles) {
        where += where.empty() ? " (in " : ", ";
        where += profile;
      }
      where += ')';
      if (finding.profiles.size() == all_.size()) where.clear();
      problems.add(finding.told.at, finding.told.message + where, finding.told.hint);
    }
  }

 private:
  struct Finding {
    Diagnostic told;
    std::set<std::string> profiles;
  };
  std::map<std::string, Finding> findings_;
  std::set<std::string> all_;
  std::string profile_;
};

std::vector<std::string> dialable(const Suite& suite, const Profile& profile) {
  std::vector<std::string> names = fixture_names(suite);
  for (std::string& role : role_names(suite, profile)) names.push_back(std::move(role));
  return names;
}

void check_placeholders(Findings& findings, const Suite& suite, const Profile& profile, const PlacedText& text) {
  for (const Placeholder& one : placeholders(text.text)) {
    if (meaning(suite, profile, one)) continue;
    std::string message = text.text.substr(one.begin, one.size);
    std::vector<std::string> known = one.address ? dialable(suite, profile) : role_names(suite, profile);
    if (!one.address) known.emplace_back("nonce");
    message += one.address ? ": no fixture or role '" : ": no role '";
    message += one.name + "'";
    findings.add(text.at, message, did_you_mean(one.name, known));
  }
}

bool all_placeholders_known(const Suite& suite, const Profile& profile, const std::string& text) {
  const auto all = placeholders(text);
  return std::all_of(all.begin(), all.end(), [&](const Placeholder& one) { return meaning(suite, profile, one); });
}

void check_to(Findings& findings, const Suite& suite, const Profile& profile, const AttemptSpec& spec,
              const Location& at, Expect expected) {
  if (!all_placeholders_known(suite, profile, *spec.to)) return;  // told by check_placeholders
  const bool query = spec.protocol == probe::Protocol::dns;
  const std::string text = expand(suite, profile, *spec.to);
  // A query goes to the server's port unless it says another.
  const auto to =
      query && text.find(':') == std::string::npos ? std::optional(HostPort{text, 0}) : parse_host_port(text);
  if (!to) {
    findings.add(at, "'to' must be NAME:PORT with a port from 1 to 65535, not '" + *spec.to + "'");
    return;
  }
  if (canonical_address(to->host)) {
    findings.add(at, "'to' resolves a name; an address is dialled with 'dial'");
    return;
  }
  if (!is_dns_name(to->host, false)) {
    findings.add(at, "'" + to->host + "' is not a DNS name");
    return;
  }
  if (query) return;      // what the answer is, is what the case is about
  if (spec.dial) return;  // beside 'dial' it is a name alone, nobody resolves it
  // A Service of the cluster, in no zone.
  if (to->host == gateway_service(profile) || names_own_service(profile, to->host)) return;
  const Lookup found = look_up(suite, to->host);
  const bool may_be_missing = found == Lookup::no_record && expected == Expect::outage;
  if (found == Lookup::found || may_be_missing) return;
  const bool is_dialable = find_fixture(suite, to->host) != nullptr || find_role(suite, profile, to->host) != nullptr;
  const std::string hint =
      is_dialable ? "fixtures and roles are dialled with 'dial'" : did_you_mean(to->host, known_dns_names(suite));
  if (found == Lookup::no_zone)
    findings.add(at, "'" + to->host + "' is in none of the zones", hint);
  else
    findings.add(at, "'" + to->host + "' has no record, which can only be an outage (X)", hint);
}

void check_dial(Findings& findings, const Suite& suite, const Profile& profile, const AttemptSpec& spec,
                const Location& at) {
  if (!all_placeholders_known(suite, profile, *spec.dial)) return;
  const std::string text = expand(suite, profile, *spec.dial);
  const bool portless = spec.protocol && probe::is_portless(*spec.protocol) && !text.ends_with(']');
  if (portless && text.find(':') != std::string::npos && !canonical_address(text)) {
    findings.add(at, probe::to_string(*spec.protocol) + " has no ports: 'dial' must be FIXTURE, ROLE or IP, not '" +
                         *spec.dial + "'");
    return;
  }
  const auto dial = portless ? std::optional(HostPort{text, 0}) : parse_host_port(text);
  if (!dial) {
    findings.add(
        at, "'dial' must be FIXTURE:PORT, ROLE:PORT or IP:PORT with a port from 1 to 65535, not '" + *spec.dial + "'");
    return;
  }
  if (const auto address = canonical_address(dial->host)) {
    if (is_harness_address(*address))
      findings.add(at, *address + " is in 192.0.2.240/28, which the harness keeps for its canaries");
    return;
  }
  if (find_fixture(suite, dial->host) != nullptr || find_role(suite, profile, dial->host) != nullptr) return;
  const std::string hint = look_up(suite, dial->host) == Lookup::found
                               ? "names are resolved and dialled with 'to'"
                               : did_you_mean(dial->host, dialable(suite, profile));
  findings.add(at, "'dial': no fixture, role or address '" + dial->host + "'", hint);
}

void check_server(Findings& findings, const Suite& suite, const Profile& profile, const AttemptSpec& spec,
                  const Location& at) {
  if (!all_placeholders_known(suite, profile, *spec.server)) return;
  const std::string server = expand(suite, profile, *spec.server);
  if (!canonical_address(server)) findings.add(at, "'server' must be an IP literal, not '" + server + "'");
}

// What one profile would be asked to send.
void check_in_profile(Findings& findings, const Suite& suite, const Profile& profile, const WrittenAttempt& merged,
                      Expect expected) {
  const AttemptSpec& spec = merged.spec;
  if (spec.to) check_to(findings, suite, profile, spec, merged.values.at("to"), expected);
  if (spec.dial) check_dial(findings, suite, profile, spec, merged.values.at("dial"));
  if (spec.server) check_server(findings, suite, profile, spec, merged.values.at("server"));
}

void check_complete(Problems& problems, const WrittenAttempt& merged, const Location& at) {
  if (!merged.sound) return;
  const AttemptSpec& spec = merged.spec;
  if (!spec.protocol) problems.add(at, "the attempt has no 'protocol'");
  if (spec.protocol && probe::is_portless(*spec.protocol) && !spec.dial)
    problems.add(at,
                 "an attempt of protocol " + probe::to_string(*spec.protocol) + " needs 'dial': FIXTURE, ROLE or IP");
  else if (spec.protocol == probe::Protocol::ip && !spec.ip_protocol)
    problems.add(at, "an attempt of protocol ip needs 'ip-protocol'");
  else if (spec.outer && spec.hello_segments.value_or(1) > 1)
    problems.add(at, "the ClientHello within 'outer' is written in one piece: no 'hello-segments'");
  else if (!spec.to && !spec.dial)
    problems.add(at, "the attempt has neither 'to' nor 'dial'");
  else if (spec.protocol == probe::Protocol::dns && !spec.to)
    problems.add(at, "a dns attempt needs 'to', the name that it asks for; whom it asks is said by 'server'");
}

// A key may be for some of the variants alone; one that does nothing in any of them is a mistake.
class Meaningless {
 public:
  void see(const WrittenAttempt& merged) {
    for (const auto& [key, at] : merged.keys) {
      Seen& seen = seen_[to_string(at) + " " + key];
      seen.at = at;
      seen.key = key;
      seen.protocol = protocol_name(merged.spec);
      seen.ever = seen.ever || has_meaning(key, merged.spec);
    }
  }
  void tell(Problems& problems) const {
    for (const auto& [place, seen] : seen_)
      if (!seen.ever) problems.add(seen.at, "'" + seen.key + "' has no meaning with " + seen.protocol);
  }

 private:
  struct Seen {
    Location at;
    std::string key, protocol;
    bool ever = false;
  };
  std::map<std::string, Seen> seen_;
};

void check_target(Findings& findings, const Suite& suite, const Profile& profile, const WrittenCase& written) {
  check_placeholders(findings, suite, profile, written.target_host);
  const std::string& target = written.target;
  if (target.empty() || find_fixture(suite, target) != nullptr || find_role(suite, profile, target) != nullptr) return;
  findings.add(written.target_at, "'target': no fixture or role '" + target + "'",
               did_you_mean(target, dialable(suite, profile)));
}

}  // namespace

void check_case(Problems& problems, const Suite& suite, const WrittenCase& written) {
  Meaningless meaningless;
  Findings findings;
  for (const VariantPlace& variant : written.variants) {
    const WrittenAttempt probe = overlay(written.attempt, variant.attempt);
    check_complete(problems, probe, variant.name.empty() ? written.attempt_at : variant.at);
    meaningless.see(probe);
    const WrittenAttempt control = written.control ? overlay(probe, *written.control) : probe;
    meaningless.see(control);
    for (const auto& [name, cell] : variant.cells) {
      const Profile* profile = find_profile(suite, name);
      if (profile == nullptr) continue;
      findings.in(*profile);
      for (const PlacedText& text : control.texts) check_placeholders(findings, suite, *profile, text);
      check_in_profile(findings, suite, *profile, probe, cell.expect);
      if (written.control) check_in_profile(findings, suite, *profile, control, Expect::allow);
      check_target(findings, suite, *profile, written);
    }
  }
  findings.tell(problems);
  meaningless.tell(problems);
}

}  // namespace egressproof::scenario
