// The scenario files as written, nothing derived. Format: docs/scenario-format.md, scenarios/schema.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/location.h"
#include "probe/attempt.h"

namespace egressproof::scenario {

// One fixture of the fake internet; see target/codec.h for what it does.
struct Fixture {
  std::string name;
  std::vector<std::string> addresses;  // IP literals, each owned by one fixture
  std::vector<std::uint16_t> ports;
  bool every_port = false;
  bool listening = true;
  bool speaks_first = false;       // answers every connection before it reads anything
  std::vector<std::string> names;  // DNS names that resolve to the addresses and stand in the certificate
  // Profile in whose workload's pod it listens, behind that pod's sidecar; empty: outside of the mesh.
  std::string pod = {};
  Location at;
  // Fixture to which its connections are spliced, from its own address; then it leaves no receipt. Empty: it answers.
  std::string relays_to = {};
};

// A DNS record beside those that follow from Fixture::names.
struct Record {
  std::string name;
  std::string type = "A";
  std::vector<std::string> values;  // IP literals, or names of fixtures (all their addresses of the type)
  std::uint32_t ttl = 1;
  std::vector<std::string> moved_to = {};  // what it holds from the change of the policies on; empty: it stays
  Location at;
};

// What "{allowed}" and "allowed:443" mean in a profile: the same case is about allow.test in one and a.wild.test in
// another.
struct Role {
  std::string name;     // DNS name
  std::string fixture;  // who owns it: where a rerouted request must arrive
};

enum class Mesh { none, sidecar };

// One Kubernetes object of a policy file, as text.
struct PolicyObject {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string ns;    // as written; empty: the profile's namespace, as `kubectl apply -n` would
  std::string yaml;  // this document alone
  Location at;       // of its first line in the policy file
};

// A column of the matrix: one namespace with one workload under one set of policies.
struct Profile {
  std::string name;   // "P3"
  std::string title;  // "REGISTRY_ONLY + ServiceEntry DNS"
  std::string ns;     // Kubernetes namespace, default: name in lower case with "tenant-" before it
  // Name of the Knative Service; empty: the harness's own. Profiles with one may share a namespace (and its gateway
  // and policies).
  std::string workload = {};
  std::map<std::string, std::string> labels = {};          // of the Service's template, and so of its pods
  std::map<std::string, std::string> service_labels = {};  // of the Service object alone: no policy sees them
  std::string service_account = "default";
  Mesh mesh = Mesh::sidecar;
  // Namespace of an egress gateway of the profile's own, through which allowed requests must leave; empty: none.
  std::string gateway;
  bool vantage = false;  // positive controls are sent from here; exactly one profile, mesh none
  // A Sidecar of its policies denies what is not listed, and another one of them is expected to undo that: in force is
  // the profile while what nothing lists stays reachable.
  bool default_deny_overridden = false;
  std::vector<std::string> policy_files;
  std::vector<PolicyObject> policies;  // of all policy_files, in order
  // What becomes of the policies at the end of the run, while long-lived attempts are on their way: these objects are
  // taken away, and those are added.
  std::vector<PolicyObject> revoked, added;
  std::map<std::string, Role> roles;           // over the file's default roles
  std::map<std::string, std::string> dialled;  // fixture -> address that a client of this profile gets for it (a VIP)
  Location at;
  // One of its NetworkPolicies is expected to undo what the others deny: in force is the profile while everything stays
  // reachable past its sidecar.
  bool network_policy_overridden = false;
};

// From when on a change of policies must have cut what it forbids.
enum class CutFrom {
  in_force,  // it was seen in force in the profile: what comes later the proxy let through
  applied    // the control plane was given it: what comes later includes all that passed while it was on its way
};

// A long-lived attempt; see probe::Ticks. What happens to it is judged at a time after the change of policies that is
// made meanwhile.
struct TicksSpec {
  std::chrono::milliseconds every{100};
  std::chrono::milliseconds lasting{6000};
  std::chrono::milliseconds cut_within{1000};  // after `cut_from`: then nothing may arrive
  CutFrom cut_from = CutFrom::in_force;
};

// An attempt as written: everything optional, so that variants and controls are overlays.
struct AttemptSpec {
  std::optional<probe::Protocol> protocol;
  std::optional<std::string> to;    // "NAME:PORT": resolved and dialled; default of host and sni
  std::optional<std::string> dial;  // "FIXTURE-or-ROLE-or-IP:PORT": dialled without resolving
  std::optional<bool> tls;
  std::optional<std::string> sni;  // "" = none
  std::optional<std::vector<std::string>> alpn;
  std::optional<bool> ech_extension;
  std::optional<std::string> tls_version;
  std::optional<int> hello_segments;
  std::optional<int> ip_protocol;
  std::optional<probe::OuterTls> outer;
  std::optional<std::string> host;
  std::optional<std::string> method;
  std::optional<std::string> path;
  std::optional<probe::Fields> headers;
  std::optional<probe::Fields> fields;
  std::optional<std::string> payload;
  std::optional<int> datagrams;
  std::optional<bool> expects_answer;
  std::optional<int> follow_redirects;
  std::optional<probe::EarlierRequest> earlier;
  std::optional<TicksSpec> ticks;
  std::optional<probe::Family> family;
  std::optional<std::string> query_type;
  std::optional<std::string> server;
  std::optional<std::chrono::milliseconds> resolve_limit, connect_limit, tls_limit, response_limit;
};

// `over` where it says something, else `base`.
AttemptSpec overlay(const AttemptSpec& base, const AttemptSpec& over);

enum class Expect {
  allow,    // A: a receipt at the target, by the expected path
  deny,     // D: nothing at the target
  reroute,  // R: the client succeeds, but at the role's own fixture; nothing at the target
  leak,     // L: documented hole; a receipt at the target. Reported as KNOWN-LEAK, never as a pass
  outage    // X: the target itself is broken; must be told as inconclusive, never as deny
};
enum class Stance { enforced, known_leak, implementation_defined };

struct Expectation {
  Expect expect = Expect::allow;
  Stance stance = Stance::enforced;
  Location at;
};

// Why a cell differs from the published catalogue: the observation wins, and says so.
struct Correction {
  std::vector<std::string> profiles;
  std::string catalogue;  // the catalogue's cell, as written there
  std::string because;
  Location at;
};

struct Variant {
  std::string name;
  AttemptSpec attempt;  // overlay
};

// Who sends the attempt within the pod, where it is not the workload's ordinary process (uid and gid 1000).
struct Identity {
  int uid = 1000, gid = 1000;
  // "NET_RAW": of the Linux capabilities these and no others; empty: those that the world gives such a uid.
  std::vector<std::string> capabilities = {};
};

// What a tenant, or bad luck, does within the pod before the attempt, in order.
enum class PodAct {
  hold_proxy,        // the attempt comes before the proxy's container is started
  stop_proxy,        // the proxy's container got SIGTERM and ended, as when a pod is deleted; the tenant's lives on
  flush_rules,       // `iptables -t nat -F` by the case's identity
  quit_agent,        // POST /quitquitquit to the agent, by the probe
  quit_envoy,        // the same to Envoy's own administration
  drain_listeners,   // POST /drain_listeners to it
  kill_proxy,        // the proxy's Envoy got SIGKILL, and its container ended
  start_proxy,       // that container, or the one that was held back, is started, as a kubelet does, and ready
  lose_istiod,       // the pod's connections to istiod are reset and new ones refused, as when istiod was killed
  take_capture_port  // a process of the tenant listens on the port to which the capture rules lead, and says nothing
};

// A pod of the case's own, beside the profile's workload: what a tenant may write into the template of a Knative
// Service or a Deployment. Everything else is as in the workload.
struct PodTemplate {
  std::map<std::string, std::string> labels, annotations;
  std::string container;             // name of the probe's container; empty: the world's choice
  std::string service_account = {};  // empty: the workload's
  bool knative = true;               // false: a Deployment, even where the workload is a Knative Service
  bool host_network = false;         // Deployments only
  bool from_zero = false;  // Knative Services only: without a pod until the first attempt comes through the activator
  bool ipv6 = false;       // its addresses are of IPv6 alone, as those of a cluster without IPv4
  std::vector<PodAct> first = {};
  // Its namespace has these labels while it is created, and its own again afterwards; "": the label is taken away.
  std::map<std::string, std::string> namespace_labels = {};
  // Sent by an init container of the tenant's, while the pod starts: it is created when the attempt is due.
  bool init_container = false;
  bool ephemeral = false;  // no pod: a container added to the workload's that runs, as `kubectl debug` does
};

// Who in the mesh fetches what a policy names.
enum class Fetcher {
  istiod,  // the control plane
  proxy    // the proxy's container in the workload's pod
};

struct Case {
  std::string id;
  std::string title;
  AttemptSpec attempt;
  std::vector<Variant> variants;       // empty: the case itself; else one row "id.variant" each
  std::optional<AttemptSpec> control;  // overlay for the positive control; absent: the same request
  std::string control_from = {};       // profile whose workload sends the positive control; empty: the vantage
  std::string target;                  // fixture or role; empty: the one dialled
  std::string target_host;             // only requests with this Host or :authority count as arrived there
  std::optional<Identity> identity;
  std::optional<Fetcher> fetched_by = {};  // who sends the request instead of the workload, because a policy names it
  std::map<std::string, PodTemplate>
      pods;  // by variant, "" for those not named: the pod that sends; none: the workload's
  std::vector<std::string> tags;
  std::vector<std::string> needs;  // "kubernetes": skipped with that reason where the backend lacks it
  std::string reference, why, fix;
  std::vector<Correction> corrections;
  std::map<std::string, Expectation> expectations;  // by profile; a profile not named: not applicable
  std::map<std::string, std::map<std::string, Expectation>>
      variant_expectations;  // variant -> its own row, if it has one
  Location at;
};

struct Scenario {
  std::string name;  // "spoof"
  std::string title;
  std::string requirement;  // the sentence under test
  std::vector<Case> cases;  // those of `reach` tables included, as "reach.<target>"
  Location at;
};

struct Suite {
  std::vector<std::string> zones;
  std::vector<Fixture> fixtures;
  std::vector<Record> records;
  std::map<std::string, Role> roles;
  std::vector<Profile> profiles;
  std::vector<Scenario> scenarios;
};

}  // namespace egressproof::scenario
