#include "runner/plan/resolve.h"

#include <charconv>
#include <optional>

#include "base/nearest.h"
#include "probe/codec.h"
#include "runner/plan/plan.h"

namespace egressproof::plan {
namespace {

constexpr const char* dns_authority = "dns";  // the fixture of receipts of DNS queries
constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

bool is_http(const probe::Attempt& attempt) {
  return attempt.protocol == probe::Protocol::http1 || attempt.protocol == probe::Protocol::http2;
}

bool uses_tls(const probe::Attempt& attempt) { return attempt.over_tls || attempt.protocol == probe::Protocol::tls; }

struct Endpoint {
  std::string host;  // name or IP literal without brackets
  std::uint16_t port = 0;
};

Result<Endpoint> endpoint_of(const char* key, const std::string& text) {
  const auto wrong = [&] {
    return fail(ErrorKind::scenario,
                "'" + std::string(key) + "' must be HOST:PORT with a port from 1 to 65535, not '" + text + "'");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong();
  Endpoint made{text.substr(0, colon), 0};
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, made.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || made.port == 0) return wrong();
  if (made.host.size() > 2 && made.host.front() == '[' && made.host.back() == ']')
    made.host = made.host.substr(1, made.host.size() - 2);
  return made;
}

// As a client writes it into Host: an IPv6 literal in brackets, the port unless it is the scheme's own.
std::string authority_of(const Endpoint& endpoint, bool tls) {
  const std::string host = endpoint.host.find(':') == std::string::npos ? endpoint.host : "[" + endpoint.host + "]";
  return endpoint.port == (tls ? https_port : http_port) ? host : host + ":" + std::to_string(endpoint.port);
}

// Fills texts until the first problem, which stays.
class Texts {
 public:
  Texts(const Directory& directory, probe::Family family) : directory_(directory), family_(family) {}
  std::string operator()(const std::string& text) {
    auto filled = directory_.fill(text, family_);
    if (filled) return std::move(*filled);
    if (!problem_) problem_ = filled.error();
    return {};
  }
  void put(const std::optional<std::string>& said, std::string& value) {
    if (said) value = (*this)(*said);
  }
  probe::Fields operator()(const probe::Fields& fields) {
    probe::Fields filled;
    for (const auto& [name, value] : fields) filled.emplace_back((*this)(name), (*this)(value));
    return filled;
  }
  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

 private:
  const Directory& directory_;
  probe::Family family_;
  std::optional<Error> problem_;
};

// Everything that does not depend on who is dialled.
void put_request(const scenario::AttemptSpec& spec, Texts& texts, probe::Attempt& attempt) {
  attempt.over_tls = spec.tls.value_or(false);
  if (spec.sni) attempt.sni = texts(*spec.sni);
  for (const std::string& one : spec.alpn.value_or(std::vector<std::string>())) attempt.alpn.push_back(texts(one));
  attempt.ech_extension = spec.ech_extension.value_or(false);
  attempt.tls_version = spec.tls_version.value_or("");
  attempt.hello_segments = spec.hello_segments.value_or(1);
  if (spec.outer) attempt.outer = probe::OuterTls{texts(spec.outer->sni)};
  texts.put(spec.host, attempt.host);
  texts.put(spec.method, attempt.method);
  texts.put(spec.path, attempt.path);
  if (spec.headers) attempt.headers = texts(*spec.headers);
  if (spec.fields) attempt.fields = texts(*spec.fields);
  texts.put(spec.payload, attempt.payload);
  if (!spec.payload && probe::sends_datagrams(attempt.protocol)) attempt.payload = "egressproof {nonce}\n";
  if (attempt.protocol == probe::Protocol::ip) {
    attempt.ip_protocol = spec.ip_protocol.value_or(0);
    attempt.expects_answer = false;
  }
  attempt.datagrams = spec.datagrams.value_or(attempt.datagrams);
  attempt.expects_answer = spec.expects_answer.value_or(attempt.expects_answer);
  attempt.follow_redirects = spec.follow_redirects.value_or(0);
  if (spec.ticks) attempt.ticks = {spec.ticks->every, spec.ticks->lasting};
  if (spec.earlier) attempt.earlier = {texts(spec.earlier->host), texts(spec.earlier->path)};
  texts.put(spec.query_type, attempt.query_type);
  texts.put(spec.server, attempt.server);
  attempt.limits.resolve = spec.resolve_limit.value_or(attempt.limits.resolve);
  attempt.limits.connect = spec.connect_limit.value_or(attempt.limits.connect);
  attempt.limits.tls = spec.tls_limit.value_or(attempt.limits.tls);
  // Whoever sends datagrams waits to the end of it where none comes back, and spreads them over it.
  constexpr std::chrono::milliseconds for_datagrams{3000};
  attempt.limits.response =
      spec.response_limit.value_or(probe::sends_datagrams(attempt.protocol) ? for_datagrams : attempt.limits.response);
}

class Resolver {
 public:
  Resolver(const Directory& directory, const scenario::AttemptSpec& spec, Dialling dialling)
      : directory_(directory), spec_(spec), dialling_(dialling) {}

  Result<Resolved> run() {
    if (!spec_.protocol) return fail(ErrorKind::scenario, "the attempt has no 'protocol'");
    if (!spec_.to && !spec_.dial) return fail(ErrorKind::scenario, "the attempt has neither 'to' nor 'dial'");
    attempt().protocol = *spec_.protocol;
    attempt().family = spec_.family.value_or(probe::Family::ipv4);
    Texts texts(directory_, attempt().family);
    put_request(spec_, texts, attempt());
    const std::string to = spec_.to ? texts(*spec_.to) : "";
    const std::string dial = spec_.dial ? texts(*spec_.dial) : "";
    if (texts.problem()) return tl::unexpected(*texts.problem());
    Result<void> put;
    if (attempt().protocol == probe::Protocol::dns) {
      put = put_query(to);
    } else {
      // `dial` first: beside it `to` only names.
      if (spec_.dial) put = put_dialled(dial);
      if (put && spec_.to) put = put_named(to);
      if (put && spec_.dial && !spec_.to) put_literal_host();
    }
    if (!put) return tl::unexpected(put.error());
    return checked();
  }

 private:
  probe::Attempt& attempt() { return resolved_.attempt; }

  Result<void> put_query(const std::string& to) {
    if (to.empty()) return fail(ErrorKind::scenario, "a dns attempt needs 'to' (who is asked is said by 'server')");
    attempt().name = to;
    if (to.find(':') != std::string::npos) {
      const auto endpoint = endpoint_of("to", to);
      if (!endpoint) return tl::unexpected(endpoint.error());
      attempt().name = endpoint->host;
      attempt().port = endpoint->port;
    }
    resolved_.fixture = dns_authority;
    return {};
  }

  Result<void> put_dialled(const std::string& dial) {
    const bool portless = probe::is_portless(attempt().protocol);
    const auto endpoint = portless ? Result<Endpoint>(Endpoint{dial, 0}) : endpoint_of("dial", dial);
    if (!endpoint) return tl::unexpected(endpoint.error());
    attempt().port = endpoint->port;
    const bool literal = is_address(endpoint->host);
    const scenario::Fixture* fixture =
        literal ? directory_.owner_of_address(endpoint->host) : directory_.fixture(endpoint->host);
    if (!literal && fixture == nullptr) {
      const auto close = nearest(endpoint->host, directory_.dialable_names());
      return fail(ErrorKind::scenario, "'dial' names '" + endpoint->host + "', which is no role, fixture or address" +
                                           (close ? " (did you mean '" + *close + "'?)" : ""));
    }
    if (fixture != nullptr) resolved_.fixture = fixture->name;
    client_address_ = literal ? endpoint->host : client_address(*fixture);
    attempt().address = client_address_;
    if (dialling_ == Dialling::real && fixture != nullptr && (!literal || directory_.is_dialled(endpoint->host)))
      attempt().address = directory_.real_address(*fixture, attempt().family);
    if (!attempt().address.empty()) return {};
    return fail(ErrorKind::scenario, "fixture '" + fixture->name + "' has no address of the family asked for");
  }

  std::string client_address(const scenario::Fixture& fixture) const {
    const probe::Family family = resolved_.attempt.family;
    const std::string dialled = directory_.dialled_address(fixture, family);
    return dialled.empty() ? directory_.real_address(fixture, family) : dialled;
  }

  Result<void> put_named(const std::string& to) {
    const auto endpoint = endpoint_of("to", to);
    if (!endpoint) return tl::unexpected(endpoint.error());
    if (is_address(endpoint->host))
      return fail(ErrorKind::scenario, "'to' needs a name; an address such as '" + to + "' is said by 'dial'");
    if (!spec_.host && is_http(attempt())) attempt().host = authority_of(*endpoint, uses_tls(attempt()));
    if (!spec_.sni && uses_tls(attempt())) attempt().sni = endpoint->host;
    if (spec_.dial) return {};
    attempt().port = endpoint->port;
    const scenario::Fixture* owner = directory_.owner_of_name(endpoint->host);
    if (owner != nullptr && dialling_ == Dialling::client)
      attempt().address = directory_.dialled_address(*owner, attempt().family);
    if (attempt().address.empty()) attempt().name = endpoint->host;
    if (owner != nullptr)
      resolved_.fixture = owner->name;
    else if (const scenario::Role* role = directory_.role_of_name(endpoint->host))
      resolved_.fixture = role->fixture;
    return {};
  }

  // What a client that is given an address writes into Host: also in the control of a VIP, so that it sends the same.
  void put_literal_host() {
    if (is_http(attempt()) && !spec_.host)
      attempt().host = authority_of({client_address_, attempt().port}, uses_tls(attempt()));
  }

  // The probe's own rules, so that what it would refuse is told before anything runs.
  Result<Resolved> checked() {
    probe::Attempt tried = attempt();
    tried.sequence = 1;
    tried.nonce = std::string(32, '0');
    if (const auto accepted = probe::decode_attempt(probe::encode(tried)); !accepted)
      return fail(ErrorKind::scenario, accepted.error().message);
    return std::move(resolved_);
  }

  const Directory& directory_;
  const scenario::AttemptSpec& spec_;
  Dialling dialling_;
  Resolved resolved_;
  std::string client_address_;
};

// Host of "http://host:port/path"; empty: another form.
std::string absolute_form_host(const std::string& path) {
  const std::size_t scheme = path.find("://");
  if (scheme == std::string::npos || path.front() == '/') return {};
  const std::size_t begin = scheme + 3;
  return path.substr(begin, path.find_first_of("/?#", begin) - begin);
}

std::vector<std::string> names_used(const probe::Attempt& attempt) {
  if (attempt.outer) return {attempt.outer->sni, attempt.sni.value_or("")};
  if (uses_tls(attempt)) return {attempt.sni.value_or("")};
  std::vector<std::string> names{absolute_form_host(attempt.path)};
  for (const auto& [name, value] : attempt.fields)
    if (name == ":authority" || bare_name(name) == "host") names.push_back(value);
  names.push_back(attempt.host);
  return names;
}

}  // namespace

Result<Resolved> resolve(const Directory& directory, const scenario::AttemptSpec& spec, Dialling dialling) {
  return Resolver(directory, spec, dialling).run();
}

std::string rerouted_to(const Directory& directory, const probe::Attempt& attempt, const std::string& target) {
  const std::vector<std::string> names = names_used(attempt);
  for (const std::string& name : names)
    if (const scenario::Role* role = directory.role_of_name(name); role != nullptr && role->fixture != target)
      return role->fixture;
  for (const std::string& name : names)
    if (const scenario::Fixture* owner = directory.owner_of_name(name); owner != nullptr && owner->name != target)
      return owner->name;
  const scenario::Role* allowed = directory.role("allowed");
  return allowed != nullptr && allowed->fixture != target ? allowed->fixture : "";
}

Result<probe::Attempt> resolve_attempt(const scenario::Suite& suite, const scenario::Profile& profile,
                                       const scenario::AttemptSpec& spec) {
  return resolve(Directory(suite, profile), spec, Dialling::client).map([](Resolved&& one) {
    return std::move(one.attempt);
  });
}

}  // namespace egressproof::plan
