#include "runner/backend/fake/client.h"

#include <algorithm>

#include "probe/codec.h"

namespace egressproof::backend::fake {
namespace {

using probe::Code;
using probe::Protocol;
using probe::Stage;

constexpr const char* foreign_address = "203.0.113.250";  // no pod's

bool is_http(Protocol protocol) { return protocol == Protocol::http1 || protocol == Protocol::http2; }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// All values of a field, joined.
std::string field(const probe::Fields& fields, const std::string& name, const std::string& between) {
  std::string all;
  bool first = true;
  for (const auto& [key, value] : fields) {
    if (lower(key) != name) continue;
    all += (first ? "" : between) + value;
    first = false;
  }
  return all;
}

struct Url {
  bool https = false;
  std::string host, path;
  std::uint16_t port = 0;
};

std::optional<Url> url_of(const std::string& text) {
  Url url;
  std::size_t at = 0;
  if (text.rfind("http://", 0) == 0) {
    at = 7;
  } else if (text.rfind("https://", 0) == 0) {
    at = 8;
    url.https = true;
  } else {
    return std::nullopt;
  }
  const std::size_t slash = text.find('/', at);
  url.host = text.substr(at, slash == std::string::npos ? slash : slash - at);
  url.path = slash == std::string::npos ? "/" : text.substr(slash);
  url.port = url.https ? 443 : 80;
  if (const std::size_t colon = url.host.find(':'); colon != std::string::npos) {
    url.port = static_cast<std::uint16_t>(std::atoi(url.host.c_str() + colon + 1));
    url.host.erase(colon);
  }
  return url;
}

std::string percent_decoded(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::string filled(std::string text, const std::string& nonce) {
  constexpr std::string_view mark = "{nonce}";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + nonce.size()))
    text.replace(at, mark.size(), nonce);
  return text;
}

Client::Request Client::request_of(const probe::Attempt& attempt, const std::string& address) {
  const auto fill = [&](const std::string& text) { return filled(text, attempt.nonce); };
  Request request;
  request.protocol = attempt.protocol;
  request.tls = attempt.over_tls || attempt.protocol == Protocol::tls;
  request.silent = probe::is_silent(attempt);
  request.address = address;
  request.port = attempt.port;
  if (attempt.sni && !attempt.sni->empty()) request.sni = fill(*attempt.sni);
  request.alpn = attempt.alpn;
  request.alpn.push_back("ep-" + attempt.nonce);
  request.ech = attempt.ech_extension;
  request.method = attempt.method;
  request.path = fill(attempt.path);
  request.payload = fill(attempt.payload);
  request.nonce = attempt.nonce;
  request.earlier = attempt.earlier;
  request.host = request.authority = fill(attempt.host);
  request.http_version = attempt.protocol == Protocol::http2 ? "2" : attempt.http_version;
  if (!attempt.fields.empty()) {
    const std::string pseudo = field(attempt.fields, ":authority", ",");
    request.host = fill(pseudo.empty() ? field(attempt.fields, "host", ", ") : pseudo);
    request.authority = fill(pseudo.empty() ? field(attempt.fields, "host", ",") : pseudo);
    if (const std::string path = field(attempt.fields, ":path", ","); !path.empty()) request.path = fill(path);
  }
  // Envoy's HTTP/1 codec takes the authority of an absolute-form target.
  if (const auto url = url_of(request.path); url && attempt.protocol == Protocol::http1) request.authority = url->host;
  return request;
}

// Closes without an answer, as a TCP proxy does.
static probe::Code closed(bool tls) { return tls ? Code::tls_closed : Code::response_closed; }

Client::Outcome Client::arrive(const scenario::Fixture& fixture, const Request& request, const std::string& address,
                               std::uint16_t port, const std::string& peer) {
  Outcome outcome;
  if (const std::string behind = internet_.relayed_to(fixture); !behind.empty()) {
    if (const scenario::Fixture* other = internet_.listener(behind, port))
      return arrive(*other, request, behind, port, endpoint(fixture.addresses.front(), next_port()));
    outcome.code = closed(request.tls);
    outcome.reached = request.tls ? Stage::tls : Stage::response;
    return outcome;
  }
  target::Receipt receipt;
  receipt.connection = internet_.new_connection();
  receipt.fixture = fixture.name;
  receipt.local = endpoint(address, port);
  receipt.peer = peer;
  internet_.receive(receipt, lose_);
  if (request.tls) {
    receipt.kind = target::ReceiptKind::tls;
    receipt.nonce = request.nonce;
    receipt.sni = request.sni;
    receipt.alpn = request.alpn;
    receipt.ech = request.ech;
    internet_.receive(receipt, lose_);
    receipt.sni.reset();
    receipt.alpn.clear();
    outcome.certificate = fixture.name;
    outcome.reached = Stage::tls;
  }
  if (request.protocol == Protocol::tls) return outcome;
  outcome.reached = Stage::response;
  if (request.silent) return greet(fixture, receipt);
  if (request.protocol == Protocol::tcp) {
    receipt.kind = target::ReceiptKind::payload;
    receipt.nonce = request.payload.find(request.nonce) == std::string::npos ? "" : request.nonce;
    receipt.payload = request.payload.substr(0, 256);
    outcome.answer = internet_.answer(fixture.name, receipt.nonce, internet_.receive(receipt, lose_));
    return outcome;
  }
  receipt.kind = target::ReceiptKind::request;
  receipt.method = request.method;
  receipt.http_version = request.http_version;
  if (request.earlier) {
    target::Receipt earlier = receipt;
    earlier.nonce = probe::earlier_nonce(request.nonce);
    earlier.host = request.earlier->host;
    earlier.path = filled(request.earlier->path, earlier.nonce);
    internet_.receive(earlier, lose_);
  }
  receipt.nonce = request.nonce;
  receipt.host = request.host;
  receipt.path = request.path;
  const std::uint64_t number = internet_.receive(receipt, lose_);
  outcome.status = 200;
  outcome.server = "egressproof-target";
  constexpr std::string_view redirect = "/redirect/";
  if (request.path.rfind(redirect, 0) == 0) {
    outcome.status = 302;
    outcome.location = percent_decoded(request.path.substr(redirect.size()));
  }
  outcome.answer = internet_.answer(fixture.name, request.nonce, number);
  return outcome;
}

void Client::log(const Request& request, const Pod& pod, const Routed& routed, const std::string& local,
                 const std::string& upstream_local, int code) {
  const bool http = is_http(request.protocol) && !request.tls;
  policy::MeshRecord record;
  record.proxy = pod.name;
  record.at = clock_now();
  record.downstream = local;
  record.destination = endpoint(request.address, request.port);
  if (!routed.address.empty()) record.upstream = endpoint(routed.address, routed.port);
  record.upstream_local = upstream_local;
  record.cluster = routed.cluster;
  record.flags = routed.flags;
  if (http) {
    record.nonce = request.nonce;
    record.route = routed.route;
    record.code = code;
    record.details = routed.details;
    record.authority = request.authority;
  }
  record.sni = request.sni.value_or("");
  record.line = std::to_string(record.code) + " " + (record.flags.empty() ? "-" : record.flags) + " " + record.cluster +
                " " + record.destination;
  log_.push_back(std::move(record));
}

Client::Outcome Client::through_proxy(const Request& request, const Pod& pod, const Routed& routed,
                                      const std::string& local) {
  const bool http = is_http(request.protocol) && !request.tls;
  Outcome outcome;
  const auto refuse = [&](Routed how, int status) {
    log(request, pod, how, local, "", status);
    if (http && status != 0) {
      outcome.status = status;
      outcome.server = "envoy";
    } else {
      outcome.code = closed(request.tls);
      outcome.reached = request.tls ? Stage::tls : Stage::response;
    }
    return outcome;
  };
  if (routed.address.empty()) return refuse(routed, routed.code);
  const scenario::Fixture* fixture = internet_.listener(routed.address, routed.port);
  if (fixture == nullptr) {
    Routed failed = routed;
    failed.flags = "UF";
    failed.details = "upstream_reset_before_response_started{connection_failure}";
    // Only a route is answered 503; a TCP proxy closes.
    return refuse(failed, http && !routed.route.empty() ? 503 : 0);
  }
  const std::string upstream_local = endpoint(pod.address, next_port());
  Request forwarded = request;
  if (http && !routed.route.empty()) {
    forwarded.host = request.authority;
    if (const auto url = url_of(request.path)) forwarded.path = url->path;
  }
  outcome = arrive(*fixture, forwarded, routed.address, routed.port, upstream_local);
  log(request, pod, routed, local, upstream_local, outcome.status.value_or(0));
  return outcome;
}

Client::Outcome Client::exchange(const Request& request, const Pod& pod, const NamespaceModel& model,
                                 std::optional<Behaviour> behaviour, const std::string& local) {
  const bool http = is_http(request.protocol) && !request.tls;
  const Flow flow{request.address, request.port, request.tls, request.sni, http, request.authority};
  const auto resolve = [this](const std::string& name) {
    if (internet_.exists(name)) return std::vector<std::string>{name};  // an IP literal
    return names_.find(name, "A").addresses;
  };
  const auto direct = [&](const std::string& peer) {
    if (const scenario::Fixture* fixture = internet_.listener(request.address, request.port))
      return arrive(*fixture, request, request.address, request.port, peer);
    Outcome outcome;
    outcome.code = internet_.exists(request.address) ? Code::connect_refused : Code::connect_timeout;
    outcome.reached = Stage::connect;
    return outcome;
  };
  Outcome outcome;
  if (!behaviour) {
    if (!pod.meshed) return direct(local);
    if (request.silent && inspects(model, request.port)) return hold(request, pod, local);
    return through_proxy(request, pod, route(model, flow, resolve), local);
  }
  switch (*behaviour) {
    case Behaviour::leak:
      if (!pod.meshed) return direct(local);
      return through_proxy(request, pod, {request.address, request.port, "PassthroughCluster", "", 0, "", ""}, local);
    case Behaviour::deny:
      return through_proxy(request, pod, {"", 0, "BlackHoleCluster", "", 0, "UH", ""}, local);
    case Behaviour::wrong_path:
      return direct(endpoint(foreign_address, next_port()));
    case Behaviour::outage: {
      Routed routed{"",  0,    "outbound|" + std::to_string(request.port) + "||" + request.authority, "default",
                    503, "UF", "upstream_reset_before_response_started{connection_failure}"};
      return through_proxy(request, pod, routed, local);
    }
    case Behaviour::deny_silent:
      outcome.code = request.tls ? Code::tls_timeout : Code::response_timeout;
      outcome.reached = request.tls ? Stage::tls : Stage::response;
      return outcome;
    case Behaviour::forged_answer:
    case Behaviour::answered_by_other:
      outcome.status = 200;
      outcome.server = "somebody else";
      if (*behaviour == Behaviour::forged_answer)
        outcome.answer = probe::Answer{"allow", request.nonce, 1, std::string(64, '0')};
      return outcome;
    case Behaviour::local_error:
      outcome.code = Code::local_error;
      outcome.reached = Stage::connect;
      return outcome;
  }
  return outcome;
}

Client::Outcome Client::follow(const probe::Attempt& attempt, const std::string& location, const Pod& pod,
                               const NamespaceModel& model, probe::Observation& seen) {
  const auto url = url_of(location);
  Outcome outcome;
  seen.redirects.push_back(location);
  const Lookup found = url ? names_.find(url->host, "A") : Lookup{Code::name_not_found, {}};
  seen.addresses = found.addresses;
  if (found.addresses.empty()) {
    outcome.code = found.code;
    outcome.reached = Stage::resolve;
    return outcome;
  }
  probe::Attempt hop = attempt;
  hop.port = url->port;
  hop.over_tls = url->https;
  hop.sni = url->https ? std::optional<std::string>(url->host) : std::nullopt;
  hop.host = url->host;
  hop.path = url->path;
  hop.fields.clear();
  hop.earlier.reset();
  const std::string local = endpoint(pod.address, next_port());
  seen.local = local;
  seen.peer = endpoint(found.addresses.front(), hop.port);
  return exchange(request_of(hop, found.addresses.front()), pod, model, std::nullopt, local);
}

void Client::look_up(const probe::Attempt& attempt, const Pod& pod, probe::Observation& seen) {
  const std::string name = filled(attempt.name, attempt.nonce);
  target::Receipt receipt;
  receipt.kind = target::ReceiptKind::dns;
  receipt.fixture = "dns";
  receipt.nonce = name.find(attempt.nonce) == std::string::npos ? "" : attempt.nonce;
  receipt.name = lower(name);
  receipt.peer = endpoint(pod.address, next_port());
  receipt.local = endpoint("203.0.113.1", 53);
  internet_.receive(receipt, lose_);
  const Lookup found = names_.find(name, attempt.query_type);
  seen.code = found.code;
  seen.reached = Stage::resolve;
  seen.dns_answers = found.addresses;
  seen.stages = {{Stage::resolve, found.code, stage_took}};
}

void Client::dial(const probe::Attempt& attempt, const std::string& address, const Pod& pod,
                  const NamespaceModel& model, std::optional<Behaviour> behaviour, probe::Observation& seen) {
  seen.local = endpoint(pod.address, next_port());
  seen.peer = endpoint(address, attempt.port);
  Request request = request_of(attempt, address);
  if (request.earlier && !request.tls) {  // routed by itself; within TLS the proxy sees one connection
    Request earlier = request;
    earlier.nonce = probe::earlier_nonce(attempt.nonce);
    earlier.host = earlier.authority = request.earlier->host;
    earlier.path = filled(request.earlier->path, earlier.nonce);
    earlier.earlier.reset();
    exchange(earlier, pod, model, behaviour, seen.local);
    request.earlier.reset();
  }
  Outcome outcome = exchange(request, pod, model, behaviour, seen.local);
  for (int hops = attempt.follow_redirects; hops > 0 && !outcome.location.empty(); --hops)
    outcome = follow(attempt, outcome.location, pod, model, seen);
  seen.code = outcome.code;
  seen.reached = outcome.reached;
  seen.http_status = outcome.status;
  seen.server_header = outcome.server;
  seen.certificate = outcome.certificate;
  if (!outcome.certificate.empty()) seen.tls_version = "TLSv1.3";
  seen.answer = outcome.answer;
  if (outcome.status) seen.http_version = request.http_version;
  if (outcome.code == Code::local_error) seen.detail = "the fake probe was told to fail";
  for (const Stage stage : {Stage::connect, Stage::tls, Stage::request, Stage::response})
    if (stage <= seen.reached && (stage != Stage::tls || request.tls))
      seen.stages.push_back({stage, stage == seen.reached ? seen.code : Code::ok, stage_took});
}

probe::Observation Client::carry_out(const probe::Attempt& attempt, const Pod& pod, const NamespaceModel& model,
                                     std::optional<Behaviour> behaviour, bool lose_receipts) {
  lose_ = lose_receipts;
  probe::Observation seen;
  seen.sequence = attempt.sequence;
  seen.attempt_id = attempt.id;
  seen.nonce = attempt.nonce;
  seen.started_at = clock_now();
  std::string address = attempt.address;
  if (attempt.protocol == Protocol::dns) {
    look_up(attempt, pod, seen);
  } else {
    if (address.empty()) {
      const char* type = attempt.family == probe::Family::ipv6 ? "AAAA" : "A";
      const Lookup found = names_.find(filled(attempt.name, attempt.nonce), type);
      seen.code = found.code;
      seen.reached = Stage::resolve;
      seen.addresses = found.addresses;
      seen.stages.push_back({Stage::resolve, found.code, stage_took});
      if (!found.addresses.empty()) address = found.addresses.front();
    }
    if (!address.empty() && probe::sends_datagrams(attempt.protocol))
      send(attempt, address, pod, seen);
    else if (!address.empty())
      dial(attempt, address, pod, model, behaviour, seen);
  }
  seen.finished_at = clock_now();
  return seen;
}

}  // namespace egressproof::backend::fake
