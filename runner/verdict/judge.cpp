#include <algorithm>

#include "runner/scenario/past_proxy.h"
#include "runner/verdict/long_lived.h"
#include "runner/verdict/mesh.h"
#include "runner/verdict/verdict.h"

namespace egressproof::verdict {
namespace {

using evidence::Row;
using probe::Code;
using scenario::Expect;

bool name_failed(Code code) {
  return code == Code::name_not_found || code == Code::name_no_data || code == Code::name_server_failure ||
         code == Code::name_timeout;
}

// Requests before the last one may rightly have arrived elsewhere.
bool has_earlier_requests(const probe::Attempt& attempt) {
  return attempt.earlier.has_value() || attempt.follow_redirects > 0;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class Judge {
 public:
  Judge(const Row& row, const evidence::Evidence& evidence)
      : row_(row),
        receipts_complete_(evidence.receipts_complete),
        records_readable_(evidence.records_readable),
        mesh_(read(row.probe.logged, row.cell.profile, row.cell.inbound)),
        expect_(row.cell.expectation.expect) {
    finding_.scenario = row.cell.scenario;
    finding_.case_id = row.cell.case_id;
    finding_.profile = row.cell.profile;
    finding_.expectation = row.cell.expectation;
    finding_.mechanism = mesh_.mechanism;
    finding_.reached = evidence::reached(row.probe);
    if (row.probe.observed) finding_.stage = probe::to_string(row.probe.observed->reached);
  }

  Finding run() {
    decide();
    finding_.status = status();
    return std::move(finding_);
  }

 private:
  [[nodiscard]] bool target_is_forbidden() const { return expect_ != Expect::allow && expect_ != Expect::outage; }
  [[nodiscard]] bool controls_allowed() const { return row_.control.allowed_before && row_.control.allowed_after; }
  [[nodiscard]] const probe::Observation& observed() const { return *row_.probe.observed; }

  // The mesh's own request: there is no client to ask.
  void decide_fetched() {
    const target::Receipt* touch = evidence::touch(row_.probe, row_.cell.target);
    const target::Receipt* arrival = evidence::arrival(row_.probe, row_.cell.target);
    if (target_is_forbidden() && touch != nullptr) return leak(arrival != nullptr ? *arrival : *touch);
    if (arrival != nullptr)
      return set(Verdict::allow, "it was fetched: " + target() + " has the receipt (" +
                                     std::to_string(arrival->number) + " from " + arrival->peer + ")");
    if (row_.via_addresses.empty())
      return inconclusive("the addresses of " + row_.cell.via + " are not known, so that nobody can tell who fetches");
    if (const std::string why = why_absence_proves_nothing(); !why.empty()) return inconclusive(why);
    if (mesh_.say != Say::denied)
      return inconclusive("nothing was fetched by " + row_.cell.via + ", and no witness tells who denied it");
    set(Verdict::deny,
        "denied by " + mesh_.mechanism + "; nothing arrived at " + target() + ", and its control did before and after",
        mesh_.layer);
  }

  void decide() {
    if (row_.cell.fetched) return decide_fetched();
    if (row_.long_lived)
      if (auto said = judge_long_lived(row_, receipts_complete_, mesh_)) {
        rerouted_rightly_ = said->verdict == Verdict::rerouted;
        return set(said->verdict, said->because, said->layer);
      }
    const target::Receipt* touch = evidence::touch(row_.probe, row_.cell.target);
    const target::Receipt* arrival = evidence::arrival(row_.probe, row_.cell.target);
    if (target_is_forbidden() && touch != nullptr) return leak(arrival != nullptr ? *arrival : *touch);
    if (row_.probe.observed && !row_.began_in_force)
      return inconclusive("the attempt began before the policy was in force in " + row_.cell.profile);
    if (!row_.errors.empty()) return set(Verdict::error, "the harness failed: " + row_.errors.front());
    if (!row_.probe.observed) return set(Verdict::error, "the probe told nothing of the attempt");
    if (observed().code == Code::local_error || observed().code == Code::unsupported)
      return set(Verdict::error, "the probe could not try: " + observed().detail);
    // Who expects no answer can say that it sent, not that it arrived.
    if (!row_.probe.attempt.expects_answer && target_is_forbidden() && observed().code == Code::ok)
      return forbidden_and_failed();
    if (evidence::client_ok(row_.probe)) return target_is_forbidden() ? forbidden_and_ok() : allowed_and_ok();
    if (was_answered() && !proxy_answered())
      return inconclusive("someone who is no fixture of this run answered the client (" + client() + ")");
    return target_is_forbidden() ? forbidden_and_failed() : allowed_and_failed();
  }

  void set(Verdict verdict, const std::string& because, Layer layer = Layer::none) {
    finding_.verdict = verdict;
    finding_.because = because;
    finding_.layer = layer;
  }
  void inconclusive(const std::string& because) { set(Verdict::inconclusive, because); }
  void outage(const std::string& because) {
    inconclusive("an outage, which tells nothing about the policy: " + because);
  }

  void leak(const target::Receipt& receipt) {
    std::string because = "a " + words_of(receipt.kind) + " arrived at the forbidden " + target() + " (receipt " +
                          std::to_string(receipt.number) + " from " + receipt.peer + ")";
    const bool logged = mesh_.say != Say::nothing && mesh_.say != Say::held;
    if (logged && !mesh_.mechanism.empty()) because += "; the mesh logged " + mesh_.mechanism;
    if (!logged && row_.meshed)
      because += row_.cell.fetched ? "; no sidecar stands in the way of what the mesh itself fetches"
                                   : "; the mesh logged nothing of it";
    if (const std::string relay = plan::relay_of(row_.cell.via); !relay.empty()) {
      by_another_path_ = !came_by(receipt, row_.via_addresses);
      because += by_another_path_ ? "; not by way of relay " + relay + " (" + listed(row_.via_addresses) + ")"
                                  : by_way_of_relay();
    }
    if (row_.probe.observed && !row_.began_in_force) because += "; the policy was not in force when the attempt began";
    set(Verdict::leak, because);
  }

  static bool came_by(const target::Receipt& receipt, const std::vector<std::string>& addresses) {
    return std::find(addresses.begin(), addresses.end(), evidence::address_part(receipt.peer)) != addresses.end();
  }

  [[nodiscard]] std::string by_way_of_relay() const {
    const std::string relay = plan::relay_of(row_.cell.via);
    return relay.empty() ? "" : "; by way of relay " + relay;
  }

  // A 2xx or a completed exchange without the proof that it was a fixture.
  [[nodiscard]] bool was_answered() const {
    if (observed().code != Code::ok) return false;
    const int status = observed().http_status.value_or(200);
    return status >= 200 && status < 300;
  }

  // Bytes that the client did not read as HTTP, of a proxy that wrote down that it refused and answered.
  [[nodiscard]] bool proxy_answered() const {
    return !observed().http_status && mesh_.say == Say::denied && mesh_.answered;
  }

  // Where the last request of a successful attempt arrived, if not at the target.
  [[nodiscard]] std::string arrived_elsewhere() const {
    const auto is_target = [&](const std::string& fixture) {
      return evidence::arrival(row_.probe, {fixture, ""}) == nullptr ||
             (fixture == row_.cell.target.fixture && row_.cell.target.host.empty());
    };
    if (row_.probe.genuine_answer) {
      const std::string& answered = observed().answer->fixture;
      return is_target(answered) ? "" : answered;
    }
    const auto found = std::find_if_not(finding_.reached.rbegin(), finding_.reached.rend(), is_target);
    return found == finding_.reached.rend() ? "" : *found;
  }

  // Why nothing can be concluded from the absence of a receipt at the target; "": it can.
  [[nodiscard]] std::string why_absence_proves_nothing() const {
    if (!receipts_complete_) return "receipts of this run are lost or unreadable";
    if (!controls_allowed())
      return "the positive control was not allowed before and after (" + row_.control.why_not + ")";
    const auto unexplained = std::find_if(row_.unattributed.begin(), row_.unattributed.end(), [&](const auto& receipt) {
      return (mesh_.say != Say::denied && !was_refused() && !went_elsewhere()) || !was_silent(receipt);
    });
    if (unexplained != row_.unattributed.end())
      return "a " + words_of(unexplained->kind) + " without a nonce came to " + row_.cell.target.fixture +
             " from this pod meanwhile (receipt " + std::to_string(unexplained->number) + "), and may be the attempt's";
    return "";
  }

  // Its SYN was answered with RST: it never had a connection that could be a silent one of somebody's.
  [[nodiscard]] bool was_refused() const { return row_.probe.observed && observed().code == Code::connect_refused; }

  // The pod's own proxy wrote down each request with the connection that it went by, and all of those are known.
  [[nodiscard]] bool went_elsewhere() const {
    bool told = false;
    for (const policy::MeshRecord& record : row_.probe.logged) {
      if (record.proxy != row_.cell.profile) continue;
      told = true;
      if (record.upstream_local.empty() ||
          std::none_of(row_.probe.received.begin(), row_.probe.received.end(),
                       [&](const target::Receipt& receipt) { return receipt.peer == record.upstream_local; }))
        return false;
    }
    return told;
  }

  // Nothing was sent: where a proxy's own record says what it did with the attempt, such a connection is one that it
  // opened ahead of need.
  static bool was_silent(const target::Receipt& receipt) {
    return receipt.kind == target::ReceiptKind::connection || receipt.kind == target::ReceiptKind::packet;
  }

  void forbidden_and_ok() {
    const std::string elsewhere = arrived_elsewhere();
    if (elsewhere.empty())
      return inconclusive("the client succeeded, but no fixture has a receipt: someone else answered or it is lost");
    if (const std::string why = why_absence_proves_nothing(); !why.empty()) return inconclusive(why);
    std::string because = "the client succeeded at " + elsewhere + ", and nothing arrived at " + target();
    if (expect_ == Expect::reroute && !as_rerouted(elsewhere))
      because += "; expected at " + row_.cell.rerouted_to + ", reached " + listed(finding_.reached);
    rerouted_rightly_ = expect_ == Expect::reroute && as_rerouted(elsewhere);
    set(Verdict::rerouted, because);
  }

  // Nowhere but at the role's own fixture.
  [[nodiscard]] bool as_rerouted(const std::string& last) const {
    return last == row_.cell.rerouted_to &&
           (has_earlier_requests(row_.probe.attempt) ||
            std::all_of(finding_.reached.begin(), finding_.reached.end(), [&](const std::string& fixture) {
              return fixture == last || (fixture == row_.cell.target.fixture && !row_.cell.target.host.empty());
            }));
  }

  // Where a Host is what the case is about, another one's request may rightly arrive at the same fixture.
  [[nodiscard]] bool arrived_where_it_should_not() const {
    return std::any_of(finding_.reached.begin(), finding_.reached.end(), [&](const std::string& fixture) {
      return fixture != row_.cell.target.fixture || row_.cell.target.host.empty();
    });
  }

  void forbidden_and_failed() {
    if (name_failed(observed().code)) return outage("the name did not resolve (" + client() + ")");
    if (const std::string why = why_absence_proves_nothing(); !why.empty()) return inconclusive(why);
    if (arrived_where_it_should_not() && !has_earlier_requests(row_.probe.attempt))
      return inconclusive("the client failed (" + client() + "), but something arrived at " + listed(finding_.reached));
    switch (mesh_.say) {
      case Say::denied:
        // A gateway connects for TLS that it passes on before it knows its client: then somebody has a receipt.
        if (finding_.reached.empty() && !mesh_.connected.empty())
          return inconclusive("the mesh denied it (" + mesh_.mechanism + ") when it was connected to " +
                              mesh_.connected + " already, and no fixture has a receipt of that");
        return denied(mesh_.layer, "denied by " + mesh_.mechanism);
      case Say::failed:
        return outage("the mesh logged " + mesh_.mechanism + " (" + client() + ")");
      case Say::forwarded:
        return inconclusive("the mesh did not deny it but sent it on (" + mesh_.mechanism + "), and nothing arrived");
      case Say::unclear:
        return inconclusive("the mesh's record does not say that it denied: " + mesh_.mechanism);
      case Say::held:
      case Say::nothing:
        break;
    }
    if (!records_readable_)
      return inconclusive("no witness of who denied: " + client() +
                          ", and the records of the mesh and the network could "
                          "not be read");
    const Code code = observed().code;
    if (mesh_.say == Say::held) {
      if (code == Code::response_timeout && observed().bytes_received == 0 && row_.proxy_seen_around)
        return denied(mesh_.layer, "denied by " + mesh_.mechanism);
      return inconclusive("it was led to the sidecar (" + mesh_.mechanism + "), but " + client() +
                          ", or the sidecar was not seen alive before and after");
    }
    if (!row_.meshed && (code == Code::connect_refused || code == Code::connect_timeout ||
                         code == Code::connect_unreachable || code == Code::connect_reset))
      return denied(Layer::unknown, "without a mesh, the connection was not made");
    if (row_.meshed && code == Code::connect_refused && row_.proxy_seen_around)
      return denied(Layer::capture, "the connection was refused before the sidecar, which was alive, logged it");
    inconclusive("no witness of who denied: " + client() + ", and the mesh logged nothing of it");
  }

  void denied(Layer layer, const std::string& how) {
    if (scenario::is_past_proxy(row_.cell.case_id) && layer != Layer::network_policy)
      return inconclusive("whether NetworkPolicy denies it was to be shown, but it was " + how + " (" + client() + ")");
    if (row_.cell.default_deny_overridden && layer == Layer::sidecar)
      return inconclusive("the profile says that its default deny is overridden, but it was " + how + " (" + client() +
                          ")");
    set(Verdict::deny,
        how + " (" + client() + "); nothing arrived at " + target() + ", and its control did before and after", layer);
  }

  void allowed_and_ok() {
    const target::Receipt* at_target = evidence::arrival(row_.probe, row_.cell.target);
    if (at_target == nullptr) {
      const std::string elsewhere = arrived_elsewhere();
      if (!receipts_complete_) return inconclusive("receipts of this run are lost or unreadable");
      if (elsewhere.empty())
        return inconclusive("the client succeeded, but no fixture has a receipt: someone else answered or it is lost");
      return set(Verdict::rerouted, "the client succeeded at " + elsewhere + " instead of " + target());
    }
    if (row_.via_addresses.empty())
      return inconclusive("the addresses of " + row_.cell.via + " are not known, so that the path is not");
    for (const target::Receipt& receipt : row_.probe.received) {
      if (receipt.fixture != row_.cell.target.fixture || receipt.kind == target::ReceiptKind::dns) continue;
      if (!came_by(receipt, row_.via_addresses))
        return set(Verdict::wrong_path, "it arrived at " + target() + " from " + evidence::address_part(receipt.peer) +
                                            ", not from " + row_.cell.via + " (" + listed(row_.via_addresses) + ")");
    }
    std::string because = "the client succeeded, and " + target() + " has the receipt (" +
                          std::to_string(at_target->number) + " from " + at_target->peer + ")" + by_way_of_relay();
    if (row_.long_lived) because += "; not cut within " + cut_limit(row_.cell) + ": " + how_long(*row_.long_lived);
    set(Verdict::allow, because);
  }

  void allowed_and_failed() {
    if (name_failed(observed().code)) return outage("the name did not resolve (" + client() + ")");
    if (mesh_.say == Say::failed) return outage("the mesh logged " + mesh_.mechanism + " (" + client() + ")");
    if (!controls_allowed()) return outage("the positive control failed too (" + row_.control.why_not + ")");
    std::string because = "the client failed (" + client() + "), and the positive control did not";
    if (mesh_.say == Say::denied) because += "; denied by " + mesh_.mechanism;
    if (row_.long_lived) because += "; " + how_long(*row_.long_lived);
    set(Verdict::false_deny, because, mesh_.say == Say::denied ? mesh_.layer : Layer::unknown);
  }

  [[nodiscard]] Status status() const {
    const auto stance = row_.cell.expectation.stance;
    if (finding_.verdict == Verdict::error) return Status::error;
    if (finding_.verdict == Verdict::inconclusive && !(expect_ == Expect::outage && outage_was_shown()))
      return Status::inconclusive;
    // What arrived before the policy was in force shows no documented hole; an enforced denial it still breaks.
    if (finding_.verdict == Verdict::leak && !row_.began_in_force &&
        (expect_ == Expect::leak || stance == scenario::Stance::implementation_defined))
      return Status::inconclusive;
    if (stance == scenario::Stance::implementation_defined) return Status::recorded;
    switch (expect_) {
      case Expect::allow:
        return finding_.verdict == Verdict::allow ? Status::pass : Status::fail;
      case Expect::deny:
        return finding_.verdict == Verdict::deny ? Status::pass : Status::fail;
      case Expect::reroute:
        return finding_.verdict == Verdict::rerouted && rerouted_rightly_ ? Status::pass : Status::fail;
      case Expect::leak:
        // The documented hole is the relay's; what came past it is another one.
        if (finding_.verdict == Verdict::leak && by_another_path_) return Status::fail;
        return finding_.verdict == Verdict::leak ? Status::known_leak : Status::news;
      case Expect::outage:
        return finding_.verdict == Verdict::inconclusive ? Status::pass : Status::fail;
    }
    return Status::error;
  }

  // Not merely that nothing could be concluded: the path itself failed, nothing arrived, and no rule denied it.
  [[nodiscard]] bool outage_was_shown() const {
    if (!row_.probe.observed || !row_.began_in_force || mesh_.say == Say::denied) return false;
    if (evidence::touch(row_.probe, row_.cell.target) != nullptr || was_answered()) return false;
    const auto failed = [](const evidence::Witnesses& control) {
      return control.observed && control.observed->code != Code::ok && control.observed->code != Code::local_error &&
             control.observed->code != Code::unsupported;
    };
    return name_failed(observed().code) || mesh_.say == Say::failed ||
           (failed(row_.control.before) && failed(row_.control.after));
  }

  [[nodiscard]] std::string client() const {
    std::string text = "the client saw " + probe::to_string(observed().code) + " in stage " + finding_.stage;
    if (observed().http_status) text += ", status " + std::to_string(*observed().http_status);
    return text;
  }

  [[nodiscard]] std::string target() const {
    const plan::Destination& target = row_.cell.target;
    return target.host.empty() ? target.fixture : target.fixture + " for " + target.host;
  }

  const Row& row_;
  bool receipts_complete_;
  bool records_readable_;
  MeshSay mesh_;
  Expect expect_;
  bool rerouted_rightly_ = false;
  bool by_another_path_ = false;  // a leak, but not by the relay that was dialled
  Finding finding_;
};

}  // namespace

Judged judge(const evidence::Evidence& evidence) {
  Judged judged;
  for (const Row& row : evidence.rows) judged.findings.push_back(Judge(row, evidence).run());
  return judged;
}

}  // namespace egressproof::verdict
