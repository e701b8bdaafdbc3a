// Made-up reports: one with every status and verdict, and a wide one for layout.
#pragma once

#include "runner/report/report.h"

namespace egressproof::report::sample {

inline constexpr const char* nonce = "0123456789abcdef0123456789abcdef";
inline constexpr std::chrono::microseconds start{1'700'000'000'000'000};

inline probe::Attempt attempt(const std::string& id) {
  probe::Attempt one;
  one.sequence = 7;
  one.id = id;
  one.nonce = nonce;
  one.address = "198.51.100.66";
  one.port = 80;
  one.host = "allow.test";
  return one;
}

inline probe::Observation observation(probe::Code code, probe::Stage reached) {
  probe::Observation seen;
  seen.sequence = 7;
  seen.nonce = nonce;
  seen.code = code;
  seen.reached = reached;
  seen.started_at = start;
  seen.finished_at = start + std::chrono::microseconds(4250);
  seen.stages = {{probe::Stage::connect, probe::Code::ok, std::chrono::microseconds(312)},
                 {reached, code, std::chrono::microseconds(3938)}};
  seen.peer = "198.51.100.66:80";
  seen.local = "10.1.0.6:41234";
  if (code != probe::Code::ok) seen.detail = "Recv failure: Connection reset by peer";
  return seen;
}

inline target::Receipt receipt(const std::string& fixture, std::uint64_t number) {
  target::Receipt one;
  one.number = number;
  one.connection = number;
  one.kind = target::ReceiptKind::request;
  one.fixture = fixture;
  one.nonce = nonce;
  one.local = "198.51.100.66:80";
  one.peer = "10.1.0.6:40312";
  one.http_version = "1.1";
  one.host = "allow.test";
  one.method = "GET";
  one.path = "/r/" + std::string(nonce);
  one.at = start + std::chrono::microseconds(900);
  return one;
}

inline policy::MeshRecord record(const std::string& cluster, int code, const std::string& flags) {
  policy::MeshRecord one;
  one.proxy = "P3";
  one.at = start + std::chrono::microseconds(4000);
  one.nonce = nonce;
  one.downstream = "10.1.0.6:41234";
  one.destination = "198.51.100.66:80";
  one.cluster = cluster;
  one.code = code;
  one.flags = flags;
  one.authority = "allow.test";
  one.line = R"({"code":502})";
  return one;
}

inline evidence::Witnesses answered(const std::string& id, const std::string& fixture, std::uint64_t number) {
  evidence::Witnesses seen;
  seen.attempt = attempt(id);
  seen.observed = observation(probe::Code::ok, probe::Stage::response);
  seen.observed->http_status = 200;
  seen.observed->http_version = "1.1";
  seen.observed->answer = probe::Answer{fixture, nonce, number, std::string(64, 'a')};
  seen.received = {receipt(fixture, number)};
  seen.genuine_answer = true;
  return seen;
}

inline evidence::Row row(const std::string& scenario, const std::string& id, const std::string& profile,
                         scenario::Expect expect, scenario::Stance stance = scenario::Stance::enforced) {
  evidence::Row one;
  one.cell.scenario = scenario;
  one.cell.case_id = id;
  one.cell.profile = profile;
  one.cell.expectation = {expect, stance, {"scenarios/" + scenario + ".yaml", 31, 40}};
  one.cell.target.fixture = "sink";
  one.cell.via = profile;
  one.via_addresses = {"10.1.0.6"};
  one.began_in_force = true;
  one.proxy_seen_around = true;
  one.probe.attempt = attempt(scenario + "/" + id + "/" + profile);
  one.probe.observed = observation(probe::Code::response_reset, probe::Stage::response);
  one.control.id = "control/" + scenario + "/" + id + "/1";
  one.control.before = answered(one.control.id + "/before", "sink", 3);
  one.control.after = answered(one.control.id + "/after", "sink", 9);
  one.control.allowed_before = one.control.allowed_after = true;
  return one;
}

inline void add(Report& report, evidence::Row one, verdict::Verdict verdict, verdict::Status status,
                const std::string& because, verdict::Layer layer = verdict::Layer::none,
                const std::string& mechanism = "") {
  verdict::Finding finding;
  finding.scenario = one.cell.scenario;
  finding.case_id = one.cell.case_id;
  finding.profile = one.cell.profile;
  finding.expectation = one.cell.expectation;
  finding.verdict = verdict;
  finding.status = status;
  finding.because = because;
  finding.layer = layer;
  finding.mechanism = mechanism;
  if (one.probe.observed) finding.stage = probe::to_string(one.probe.observed->reached);
  for (const auto& got : one.probe.received) finding.reached.push_back(got.fixture);
  report.judged.findings.push_back(finding);
  report.evidence.rows.push_back(std::move(one));
}

inline Report empty() {
  Report report;
  report.tool_version = "0.1.0";
  report.run_id = "1f3a";
  report.seed = "42";
  report.backend = "lab";
  report.versions = {{"envoy", "1.36.1"}, {"istiod", "1.28.0"}, {"kernel", "6.1.0"}};
  report.started_at = "2026-08-22T10:00:00Z";
  report.evidence.receipts_complete = true;
  return report;
}

inline std::vector<policy::CanaryTurn> turns(const std::vector<int>& milliseconds) {
  std::vector<policy::CanaryTurn> list;
  for (std::size_t i = 0; i < milliseconds.size(); ++i)
    list.push_back({"P" + std::to_string(i + 2), true, start, start + std::chrono::milliseconds(milliseconds[i] - 1),
                    start + std::chrono::milliseconds(milliseconds[i]), 12, policy::TimePoint{0}});
  return list;
}

// Every status and verdict once.
inline Report every() {
  using scenario::Expect;
  using scenario::Stance;
  using verdict::Layer;
  using verdict::Status;
  using verdict::Verdict;
  Report report = empty();
  report.profiles = {"P0", "P2", "P3", "P4"};
  report.profile_titles = {
      {"P0", "no mesh"}, {"P2", "REGISTRY_ONLY"}, {"P3", "+ ServiceEntry DNS"}, {"P4", "+ ServiceEntry NONE"}};
  report.policies = {{"P3",
                      {{"Sidecar", "default", {"scenarios/policies/registry-only.yaml", 1, 1}},
                       {"ServiceEntry", "allow", {"scenarios/policies/allow-dns.yaml", 1, 1}}}}};
  report.scenarios = {{"spoof", "Name spoofing",
                       "A workload reaches only allowlisted hosts, whatever Host, SNI or address it puts on the wire."},
                      {"base", "Baseline", ""}};
  report.cases = {
      {"spoof", "host-spoof-other-ip", "allowed Host, forbidden IP",
       "https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/",
       "resolution NONE becomes an ORIGINAL_DST cluster", "never resolution NONE for allowlisting"},
      {"spoof", "lookalike-names.prefix", "names that look like the allowed one", "https://istio.io/", "", ""},
      {"base", "allowed-http", "the allowed host", "https://istio.io/", "", ""},
      {"base", "down", "a target that is down", "https://istio.io/", "", ""}};

  evidence::Row hit = row("spoof", "host-spoof-other-ip", "P0", Expect::allow);
  hit.cell.cut_within = std::chrono::milliseconds(300);
  hit.cell.cut_from = scenario::CutFrom::applied;
  hit.long_lived = {std::chrono::microseconds(1), std::chrono::microseconds(2), std::chrono::microseconds(3), 4, 5, 6,
                    std::chrono::microseconds(7), std::chrono::microseconds(8)};
  hit.probe.attempt.ticks = {std::chrono::milliseconds(50), std::chrono::milliseconds(4000)};
  if (hit.probe.observed)
    hit.probe.observed->ticks = {{std::chrono::microseconds(9), std::chrono::microseconds(10), 200},
                                 {std::chrono::microseconds(11), std::nullopt, 0}};
  hit.meshed = false;
  hit.probe = answered(hit.probe.attempt.id, "sink", 17);
  add(report, hit, Verdict::allow, Status::pass, "a receipt at sink");
  add(report, row("spoof", "host-spoof-other-ip", "P2", Expect::deny), Verdict::deny, Status::pass, "nothing at sink",
      Layer::sidecar, "BlackHoleCluster (UH)");
  hit = row("spoof", "host-spoof-other-ip", "P3", Expect::reroute);
  hit.cell.rerouted_to = "allow";
  hit.probe = answered(hit.probe.attempt.id, "allow", 18);
  add(report, hit, Verdict::rerouted, Status::pass, "a receipt at allow", Layer::sidecar);
  hit = row("spoof", "host-spoof-other-ip", "P4", Expect::leak, Stance::known_leak);
  hit.probe = answered(hit.probe.attempt.id, "sink", 19);
  add(report, hit, Verdict::leak, Status::known_leak, "a receipt at sink, which is a documented hole");

  hit = row("spoof", "lookalike-names.prefix", "P0", Expect::leak, Stance::known_leak);
  add(report, hit, Verdict::deny, Status::news, "nothing arrived at sink", Layer::sidecar, "BlackHoleCluster (UH)");
  hit = row("spoof", "lookalike-names.prefix", "P2", Expect::deny);
  hit.probe = answered(hit.probe.attempt.id, "sink", 20);
  hit.probe.logged = {record("PassthroughCluster", 200, "")};
  hit.probe.logged[0].upstream = "198.51.100.66:80";
  add(report, hit, Verdict::leak, Status::fail, "a receipt at sink although it is denied", Layer::none,
      "upstream 198.51.100.66:80 by PassthroughCluster");
  hit = row("spoof", "lookalike-names.prefix", "P3", Expect::allow, Stance::implementation_defined);
  add(report, hit, Verdict::deny, Status::recorded, "nothing arrived");
  hit = row("spoof", "lookalike-names.prefix", "P4", Expect::deny, Stance::implementation_defined);
  add(report, hit, Verdict::deny, Status::recorded, "nothing arrived");

  hit = row("base", "allowed-http", "P0", Expect::allow);
  hit.probe = answered(hit.probe.attempt.id, "sink", 21);
  hit.probe.received[0].peer = "10.1.0.9:1";
  add(report, hit, Verdict::wrong_path, Status::fail, "it arrived from 10.1.0.9, which is not P0");
  hit = row("base", "allowed-http", "P2", Expect::allow);
  hit.probe.logged = {record("", 502, "")};
  hit.probe.logged[0].route = "block_all";
  add(report, hit, Verdict::false_deny, Status::fail, "nothing arrived at the allowed target", Layer::sidecar,
      "route block_all, 502 direct_response");
  hit = row("base", "allowed-http", "P3", Expect::deny);
  hit.control.allowed_after = false;
  hit.control.why_not = "no answer after the probes";
  hit.control.after.observed.reset();
  hit.began_in_force = false;
  hit.unattributed = {receipt("sink", 40)};
  hit.unattributed[0].nonce = hit.unattributed[0].host = hit.unattributed[0].method = hit.unattributed[0].path = "";
  hit.unattributed[0].kind = target::ReceiptKind::connection;
  add(report, hit, Verdict::inconclusive, Status::inconclusive, "the control was not allowed after the probes");
  hit = row("base", "allowed-http", "P4", Expect::deny);
  hit.probe.observed.reset();
  hit.errors = {"the probe's stream ended before this attempt"};
  add(report, hit, Verdict::error, Status::error, "no observation");
  add(report, row("base", "down", "P0", Expect::outage), Verdict::inconclusive, Status::pass, "the target is down");
  report.skips = {{"base", "down", "P4", "needs kubernetes"}, {"dns", "", "", "needs network-policy"}};

  policy::Applied applied;
  applied.generation = 1;
  applied.applied_at = start;
  applied.acknowledged_at = start + std::chrono::milliseconds(180);
  applied.in_force_at = start + std::chrono::milliseconds(240);
  applied.because = "push 2026/7 acknowledged by 3 of 3 proxies";
  applied.enforcement = turns({120, 240, 90});
  applied.admission = turns({60});
  applied.revocation = turns({75, 80});
  applied.revocation[1].turned = false;
  report.evidence.policies = {applied};
  report.evidence.unattributed = {{"sink", 1}};
  report.seconds = {{"open", 3.25}, {"canary", 0.5}, {"probes", 1.125}, {"close", 0.25}};
  report.exit_code = exit_code(report);
  return report;
}

// The mismatch of every() alone.
inline Report single() {
  Report report = every();
  const evidence::Row kept = report.evidence.rows[5];
  const verdict::Finding found = report.judged.findings[5];
  report.evidence.rows = {kept};
  report.judged.findings = {found};
  report.exit_code = exit_code(report);
  return report;
}

// Bytes of the wire and texts that do harm wherever they are shown as they are.
inline Report nasty() {
  using verdict::Status;
  using verdict::Verdict;
  Report report = every();
  static constexpr char wire[] = "a\x00\x01\x1b[31m\x7f\x80\xff'\"<&>]]>\r\n\xc3\xa9";
  const std::string bytes(wire, sizeof wire - 1);
  const std::string text = "\x1b[2J\xff\xc3\xa9 \xe2\x80\xae <&>\"' ]]> \xef\xbf\xbe\xed\xa0\x80";
  evidence::Row& row = report.evidence.rows[5];
  verdict::Finding& finding = report.judged.findings[5];
  row.probe.attempt.host = bytes;
  row.probe.attempt.path = "/" + bytes;
  row.probe.attempt.sni = bytes;
  row.probe.attempt.headers = {{"x", bytes}};
  row.probe.observed->body_excerpt = bytes;
  row.probe.observed->server_header = bytes;
  row.probe.observed->detail = bytes;
  row.probe.received[0].host = bytes;
  row.probe.received[0].path = bytes;
  row.probe.received[0].nonce = bytes;
  row.probe.received[0].sni = bytes;
  row.probe.logged[0].authority = text;
  row.probe.logged[0].details = text;
  row.cell.target.host = bytes;
  row.errors = {text};
  finding.because = text;
  finding.mechanism = text;
  report.cases[1].title = text;
  report.scenarios[0].title = text;
  report.profile_titles["P2"] = text;
  report.evidence.errors = {text};
  report.skips.push_back({"base", "down", "P3", text});
  report.aborted = text;
  return report;
}

// `rows` cases in two scenarios and nine profiles, all passing but for a few.
inline Report wide(int rows) {
  using scenario::Expect;
  using verdict::Status;
  using verdict::Verdict;
  Report report = empty();
  report.profiles = {"P0", "P1", "P2", "P3", "P3v", "P3t", "P4", "P5n", "P5d"};
  report.scenarios = {{"spoof", "Name spoofing and fronting", ""}, {"wildcard", "Wildcard hosts", ""}};
  for (int i = 0; i < rows; ++i) {
    const std::string scenario = i < rows / 2 ? "spoof" : "wildcard";
    const std::string id =
        i % 7 == 3 ? "lookalike-names.suffix-with-a-long-tail-" + std::to_string(i) : "case-" + std::to_string(i);
    report.cases.push_back({scenario, id, "title", "https://istio.io/", "", ""});
    for (std::size_t p = 0; p < report.profiles.size(); ++p) {
      const std::string& profile = report.profiles[p];
      if (p == 5 && i % 3 != 0) continue;
      if (p < 2)
        add(report, row(scenario, id, profile, Expect::allow), Verdict::allow, Status::pass, "arrived");
      else if (p == 3)
        add(report, row(scenario, id, profile, Expect::reroute), Verdict::rerouted, Status::pass, "rerouted");
      else if (p == 6 && i % 4 == 0)
        add(report, row(scenario, id, profile, Expect::leak, scenario::Stance::known_leak), Verdict::leak,
            Status::known_leak, "leak");
      else
        add(report, row(scenario, id, profile, Expect::deny), Verdict::deny, Status::pass, "denied");
    }
  }
  report.exit_code = exit_code(report);
  return report;
}

}  // namespace egressproof::report::sample
