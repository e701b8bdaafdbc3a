#include "runner/run/stages.h"

#include <poll.h>

#include <algorithm>
#include <future>

#include "base/clock.h"
#include "base/crypto.h"
#include "runner/evidence/fetch.h"
#include "runner/policy/manifests.h"

namespace egressproof::run {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int look_every_ms = 10;
constexpr int looks_after = 3;            // at most, until every canary is seen clearly
constexpr milliseconds open_limit{3000};  // for the first receipts of long-lived attempts
constexpr int await_open_every_ms = 50;
constexpr milliseconds ticks_limit{120'000};  // of attempts whose end is asked for
constexpr milliseconds late_ticks{500};       // in which those of what was not cut come
constexpr int generation_none = 1;
constexpr int generation_policies = 2;
constexpr int generation_revoked = 3;

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void add_probe(backend::Blueprint& blueprint, const plan::ExtraProbe& probe) {
  for (const backend::ExtraProbe& one : blueprint.extra_probes)
    if (one.name == probe.name) return;
  blueprint.extra_probes.push_back(
      {probe.profile, probe.name, probe.identity.uid, probe.identity.gid, probe.pod, probe.identity.capabilities});
}

// Numbers a batch: 1, 2, 3 ...
std::vector<probe::Attempt> numbered(std::vector<probe::Attempt> attempts) {
  std::uint64_t sequence = 0;
  for (probe::Attempt& attempt : attempts) attempt.sequence = ++sequence;
  return attempts;
}

}  // namespace

std::optional<Error> Stages::asked_to_stop(const std::string& where) const {
  if (const int signal = options_.interrupted ? options_.interrupted() : 0; signal != 0)
    return Error{ErrorKind::interrupted, "interrupted by signal " + std::to_string(signal) + " " + where, {}};
  if (options_.deadline.count() > 0 && Clock::now() - began_ >= options_.deadline)
    return Error{ErrorKind::inconclusive,
                 "the run's deadline of " + std::to_string(options_.deadline.count()) + " ms passed " + where,
                 {}};
  return std::nullopt;
}

Result<void> Stages::open() {
  auto manifests = policy::manifests(profiles_, policy::Scope::with_harness_hosts);
  if (!manifests) return tl::unexpected(manifests.error());
  manifests_ = std::move(*manifests);
  backend::Blueprint blueprint;
  blueprint.suite = suite_;
  // A fixture whose pod is not there is not there either.
  std::erase_if(blueprint.suite.fixtures, [&](const scenario::Fixture& fixture) {
    return !fixture.pod.empty() &&
           std::none_of(profiles_.begin(), profiles_.end(), [&](const auto& one) { return one.name == fixture.pod; });
  });
  for (scenario::Fixture& canary : canary_fixtures()) blueprint.suite.fixtures.push_back(std::move(canary));
  blueprint.profiles = profiles_;
  for (const scenario::Fixture& fixture : blueprint.suite.fixtures) blueprint.keys[fixture.name] = random_hex(32);
  blueprint.keep = options_.keep;
  for (const plan::ExtraProbe& one : extra_probes_) add_probe(blueprint, one);
  for (const scenario::Profile& profile : profiles_)
    if (const auto lookout = past_proxy_probe(profile)) add_probe(blueprint, *lookout);
  collected.keys = blueprint.keys;
  auto opened = backend_.open(blueprint, [this](const std::string& step) { tell(step); });
  if (!opened) return tl::unexpected(opened.error());
  world = std::move(*opened);
  if (options_.on_folder && !world->work_folder().empty()) options_.on_folder(world->work_folder());
  if (options_.on_world) options_.on_world(*world);
  versions = world->versions();
  collected.pod_addresses = world->pod_addresses();
  canaries_.emplace(*world, profiles_, collected.keys);
  return {};
}

Result<void> Stages::follow(TurnWatch& watch, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const auto looks = canaries_->look();
    if (!looks) return tl::unexpected(looks.error());
    watch.see(*looks);
    if (watch.complete() || Clock::now() >= deadline) return {};
    if (auto stop = asked_to_stop("while waiting for canaries: " + joined(watch.gaps()))) return tl::unexpected(*stop);
    ::poll(nullptr, 0, look_every_ms);
  }
}

// A look that fails here fails in follow() too, which tells.
Result<policy::Applied> Stages::change(const policy::Generation& generation, TurnWatch& watch) {
  return world->apply(generation, [&] {
    if (asked_to_stop("")) return;
    if (const auto looks = canaries_->look()) watch.see(*looks);
  });
}

Result<void> Stages::before_any_policy() {
  TurnWatch watch(Change::nothing, profiles_);
  if (auto done = change({generation_none, "", false}, watch); !done) return tl::unexpected(done.error());
  if (auto followed = follow(watch, options_.enforcement_limit); !followed) return followed;
  if (watch.complete()) return {};
  return fail(
      ErrorKind::environment,
      "before any policy a canary is not reachable, so that the path itself is broken: " + joined(watch.gaps()));
}

Result<void> Stages::apply() {
  TurnWatch watch(Change::policies, profiles_);
  auto done = change({generation_policies, manifests_ + canary_manifests(profiles_), true}, watch);
  if (!done) return tl::unexpected(done.error());
  applied = std::move(*done);
  if (auto followed = follow(watch, options_.enforcement_limit); !followed) return followed;
  watch.fill(applied, applied.applied_at);
  applied.in_force_at = std::max(applied.acknowledged_at, watch.turned_at());
  applied.because += ", canaries right in " + std::to_string(watch.right_profiles()) + " of " +
                     std::to_string(watch.profiles()) + " profiles";
  if (const std::string names = watch.overridden(); !names.empty())
    applied.because += ", default deny overridden as expected in " + names;
  if (const std::string names = watch.network_overridden(); !names.empty())
    applied.because += ", NetworkPolicy overridden as expected in " + names;
  for (const std::string& gap : watch.gaps())
    collected.errors.push_back("not in force within " + std::to_string(options_.enforcement_limit.count()) +
                               " ms: " + gap);
  return {};
}

Result<void> Stages::send(const char* name, const std::map<std::string, std::vector<probe::Attempt>>& batches) {
  auto results = world->attempt(batches);
  if (!results) return tl::unexpected(results.error());
  collected.batches[name] = std::move(*results);
  return {};
}

namespace {

// Controls of what is out of order on purpose fail as they should.
bool meant_to_fail(const plan::Plan& plan, const plan::Control* control) {
  return std::any_of(plan.cells.begin(), plan.cells.end(), [&](const plan::Cell& cell) {
    return &plan.controls[cell.control] == control && cell.expectation.expect == scenario::Expect::outage;
  });
}

// `controls` were numbered in this order.
Result<void> stop_at_failed(const plan::Plan& plan, const std::vector<const plan::Control*>& controls,
                            const probe::BatchResult& batch) {
  for (const auto& [sequence, seen] : batch.observations) {
    const auto number = static_cast<std::size_t>(sequence) - 1;
    if (seen.code == probe::Code::ok || number >= controls.size() || meant_to_fail(plan, controls[number])) continue;
    return fail(ErrorKind::inconclusive, controls[number]->id + " failed: " + to_string(seen.code) +
                                             ", and a failed control ends the run (fail-fast)");
  }
  return {};
}

}  // namespace

Result<void> Stages::controls(const plan::Plan& plan, const char* name, probe::Attempt plan::Control::*which) {
  const auto vantage = std::find_if(profiles_.begin(), profiles_.end(), [](const auto& one) { return one.vantage; });
  if (vantage == profiles_.end()) return fail(ErrorKind::internal, "the plan has no vantage to send controls from");
  std::map<std::string, std::vector<probe::Attempt>> batches;
  std::map<std::string, std::vector<const plan::Control*>> sent_by;
  for (const plan::Control& control : plan.controls) {
    if (!control.beside.empty() && which != &plan::Control::before) continue;
    const std::string& from = control.from.empty() ? vantage->name : control.from;
    batches[from].push_back(control.*which);
    sent_by[from].push_back(&control);
  }
  for (auto& [from, attempts] : batches) {
    tell(counted(attempts.size(), "control") + " from " + from);
    attempts = numbered(std::move(attempts));
  }
  if (auto sent = send(name, batches); !sent) return sent;
  if (!options_.stop_at_failed_control) return {};
  for (const auto& [from, controls] : sent_by)
    if (auto stop = stop_at_failed(plan, controls, collected.batches[name][from]); !stop) return stop;
  return {};
}

Result<void> Stages::probes(const plan::Plan& plan) {
  std::map<std::string, std::vector<probe::Attempt>> batches;
  std::size_t cells = 0;
  for (const plan::Cell& cell : plan.cells) {
    if (cell.cut_within.count() > 0) continue;  // sent while the policies change
    if (cell.fetched) continue;                 // nobody sends it
    batches[cell.pod].push_back(cell.attempt);
    ++cells;
  }
  for (auto& [pod, attempts] : batches) attempts = numbered(std::move(attempts));
  tell(counted(cells, "cell") + " in " + counted(batches.size(), "pod"));
  return send("probe", batches);
}

bool Stages::fetches_seen(const plan::Plan& plan, const target::Journal& journal,
                          const std::vector<policy::MeshRecord>& records) const {
  const auto addresses = world->pod_addresses();
  return std::all_of(plan.cells.begin(), plan.cells.end(), [&](const plan::Cell& cell) {
    if (!cell.fetched) return true;
    const auto from = addresses.find(cell.pod);
    if (from == addresses.end()) return false;
    const evidence::Fetch fetch = evidence::fetch_of(cell, from->second, journal, records);
    return !fetch.received.empty() || !fetch.logged.empty();
  });
}

Result<void> Stages::canaries_again() {
  auto looks = canaries_->look();
  for (int again = 1; again < looks_after && looks && any_unclear(*looks); ++again) looks = canaries_->look();
  if (!looks) {
    // The receipts are gone; collect() tells, and every verdict that needs them is inconclusive.
    collected.errors.push_back("the canaries could not be seen again after the probes: " + to_string(looks.error()));
    return {};
  }
  for (std::string& sentence : mark_lost(applied, profiles_, *looks)) collected.errors.push_back(std::move(sentence));
  return {};
}

Result<void> Stages::make_change(const std::string& manifests) {
  TurnWatch watch(Change::revoked, profiles_);
  auto done = change({generation_revoked, manifests, false}, watch);
  if (!done) return tl::unexpected(done.error());
  collected.change = *done;
  if (auto followed = follow(watch, options_.enforcement_limit); !followed) {
    if (asked_to_stop("")) return followed;
    // What was probed stands; that the receipts are gone makes it inconclusive.
    collected.errors.push_back("the revocation could not be seen: " + to_string(followed.error()));
    return {};
  }
  watch.fill(applied, done->applied_at);
  collected.change->revocation = applied.revocation;
  for (const std::string& gap : watch.gaps())
    collected.errors.push_back("not revoked within " + std::to_string(options_.enforcement_limit.count()) +
                               " ms: " + gap);
  return {};
}

// Those that never arrive are told by the evidence.
Result<void> Stages::await_open(const std::set<std::string>& nonces) {
  const auto deadline = Clock::now() + open_limit;
  for (;;) {
    const auto journal = world->receipts();
    std::set<std::string> missing = nonces;
    if (journal)
      for (const target::Receipt& receipt : journal->receipts) missing.erase(receipt.nonce);
    if (missing.empty() || Clock::now() >= deadline) return {};
    if (auto stop = asked_to_stop("while waiting for long-lived attempts to begin")) return tl::unexpected(*stop);
    ::poll(nullptr, 0, await_open_every_ms);
  }
}

// What is cut by then was cut in time, and of what is not some ticks come later. Counted from when the last profile's
// canary turned, as the evidence does (evidence/long_lived.h); where one did not, from now.
Result<void> Stages::watch_on(milliseconds cut_within) {
  const auto& turns = collected.change->revocation;
  policy::TimePoint from = clock_now();
  if (!turns.empty() && std::all_of(turns.begin(), turns.end(), [](const auto& turn) { return turn.turned; })) {
    const auto newest = [](const auto& one, const auto& other) { return one.first_new < other.first_new; };
    from = std::max_element(turns.begin(), turns.end(), newest)->first_new;
  }
  while (clock_now() < from + cut_within + late_ticks) {
    if (auto stop = asked_to_stop("while long-lived attempts are watched")) return tl::unexpected(*stop);
    ::poll(nullptr, 0, look_every_ms);
  }
  return {};
}

Result<void> Stages::revoke(const plan::Plan& plan) {
  std::map<std::string, std::vector<probe::Attempt>> batches;
  std::set<std::string> nonces;
  const milliseconds longer_by = stretch_of(applied);
  const auto add = [&](const std::string& pod, const probe::Attempt& attempt) {
    batches[pod].push_back(attempt);
    if (attempt.ticks)
      batches[pod].back().ticks->lasting = world->ends_ticks() ? ticks_limit : attempt.ticks->lasting + longer_by;
    nonces.insert(attempt.nonce);
  };
  for (const plan::Cell& cell : plan.cells)
    if (cell.cut_within.count() > 0) add(cell.pod, cell.attempt);
  if (batches.empty()) return make_change(manifests_);
  for (const plan::Control& control : plan.controls)
    if (!control.beside.empty()) add(control.beside, control.after);
  for (auto& [pod, attempts] : batches) attempts = numbered(std::move(attempts));
  auto manifests = policy::changed_manifests(profiles_, policy::Scope::with_harness_hosts);
  if (!manifests) return tl::unexpected(manifests.error());
  tell(counted(nonces.size(), "long-lived attempt") + " in " + counted(batches.size(), "pod"));
  std::set<std::string> probes;
  milliseconds longest{0};
  for (const auto& [probe, attempts] : batches) probes.insert(probe);
  for (const plan::Cell& cell : plan.cells) longest = std::max(longest, cell.cut_within);
  auto open = std::async(std::launch::async, [&] { return world->attempt(batches); });
  auto done = await_open(nonces)
                  .and_then([&] { return plan.moves_records ? world->move_records() : Result<void>{}; })
                  .and_then([&] { return make_change(*manifests); })
                  .and_then([&] { return world->ends_ticks() ? watch_on(longest) : Result<void>{}; });
  world->end_ticks(probes);  // whatever came of it
  auto results = open.get();
  if (!results) return tl::unexpected(results.error());
  collected.batches["change"] = std::move(*results);
  return done;
}

Result<void> Stages::collect(const plan::Plan& plan) {
  // Until each fetch of the mesh was made or was seen to be denied. Those of which neither is seen are told by the
  // evidence.
  const auto deadline = Clock::now() + open_limit;
  auto journal = world->receipts();
  auto records = world->mesh_records();
  while (journal && records && !fetches_seen(plan, *journal, *records) && Clock::now() < deadline) {
    ::poll(nullptr, 0, await_open_every_ms);
    journal = world->receipts();
    records = world->mesh_records();
  }
  if (journal) {
    collected.journal = std::move(*journal);
  } else {
    collected.journal_readable = false;
    collected.errors.push_back("the receipts could not be read: " + to_string(journal.error()));
  }
  if (records) {
    collected.records = std::move(*records);
  } else {
    collected.records_readable = false;
    collected.errors.push_back("the proxies' logs could not be read: " + to_string(records.error()));
  }
  for (std::string& problem : world->health()) collected.errors.push_back(std::move(problem));
  collected.pod_addresses = world->pod_addresses();  // some pods came with the first attempt
  collected.policies = {applied};
  return {};
}

Result<void> Stages::close() { return world->close(); }

}  // namespace egressproof::run
