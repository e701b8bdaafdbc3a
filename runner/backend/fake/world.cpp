#include <fnmatch.h>

#include <algorithm>
#include <stdexcept>

#include "base/crypto.h"
#include "base/json.h"
#include "runner/backend/fake/client.h"
#include "runner/backend/fake/fake.h"
#include "runner/backend/fake/internet.h"
#include "runner/backend/fake/mesh_model.h"
#include "runner/scenario/workload.h"

namespace egressproof::backend::fake {
namespace {

bool matches(const std::string& glob, const std::string& text) {
  return !glob.empty() && ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
}

struct FakePod {
  Pod pod;
  std::string ns;
  std::map<std::string, std::string> labels;
  NamespaceModel active, next;
  int rounds_left = 0;  // batches until `next` replaces `active`; -1: never
  bool killed = false;
};

class FakeWorld : public World {
 public:
  FakeWorld(const Blueprint& blueprint, Faults faults)
      : faults_(std::move(faults)),
        internet_(blueprint.suite.fixtures, blueprint.keys, faults_),
        names_(blueprint.suite, faults_),
        client_(internet_, names_, log_) {
    int next = 10;
    for (const scenario::Profile& profile : blueprint.profiles) {
      FakePod& made = pods_[profile.name];
      made.pod = {profile.name, "203.0.113." + std::to_string(next++), profile.mesh == scenario::Mesh::sidecar};
      made.ns = profile.ns;
      made.labels = scenario::pod_labels(profile);
    }
    // Of Istio's rules: what uid or gid 1337 sends is not captured.
    for (const ExtraProbe& extra : blueprint.extra_probes) {
      FakePod& made = pods_[extra.name];
      made = pods_[extra.pod];
      made.pod.meshed = made.pod.meshed && extra.uid != 1337 && extra.gid != 1337;
    }
  }

  Result<policy::Applied> apply(const policy::Generation& generation,
                                const std::function<void()>& while_waiting) override {
    policy::Applied applied;
    applied.generation = generation.number;
    applied.applied_at = clock_now();
    if (while_waiting) while_waiting();  // the old generation is still in force
    for (const Rejection& rejection : faults_.rejections)
      if (rejection.generation == generation.number) return fail(ErrorKind::environment, rejection.message);
    auto model = parse_model(generation.manifests);
    if (!model) return tl::unexpected(model.error());
    for (auto& [name, pod] : pods_) {
      pod.next = for_workload((*model)[pod.ns], pod.labels);
      pod.rounds_left = 0;
      for (const Enforcement& slow : faults_.enforcement)
        if (slow.profile == name) pod.rounds_left = slow.never ? -1 : slow.rounds;
      if (pod.rounds_left == 0) pod.active = pod.next;
    }
    applied.acknowledged_at = clock_now();
    applied.because = "the fake mesh took generation " + std::to_string(generation.number);
    return applied;
  }

  Result<std::map<std::string, probe::BatchResult>> attempt(
      const std::map<std::string, std::vector<probe::Attempt>>& batches) override {
    const std::string batch = "b" + std::to_string(++batches_);
    std::map<std::string, probe::BatchResult> results;
    for (const auto& [name, attempts] : batches) {
      const auto found = pods_.find(name);
      if (found == pods_.end())
        results[name].errors.push_back("there is no probe in pod '" + name + "'");
      else
        results[name] = run(found->second, batch, attempts);
    }
    for (auto& [name, pod] : pods_)
      if (pod.rounds_left > 0 && --pod.rounds_left == 0) pod.active = pod.next;
    return results;
  }

  Result<target::Journal> receipts() override {
    if (journal_lost_) return fail(ErrorKind::environment, "read('receipts.ndjson'): No such file or directory");
    return target::decode_journal(internet_.journal());
  }

  Result<std::vector<policy::MeshRecord>> mesh_records() override { return log_; }
  std::vector<std::string> health() override { return faults_.unhealthy; }

  std::map<std::string, std::vector<std::string>> pod_addresses() override {
    std::map<std::string, std::vector<std::string>> addresses;
    for (const auto& [name, pod] : pods_) addresses[name] = {pod.pod.address};
    for (const auto& [name, address] : internet_.relays()) addresses[name] = {address};
    return addresses;
  }

  Versions versions() override { return {{"fake", EGRESSPROOF_VERSION}}; }
  std::string work_folder() override { return ""; }
  Result<void> close() override { return {}; }

 private:
  void change_policies(const std::string& attempt_id) {
    for (const PolicyChange& change : faults_.policy_changes) {
      if (!matches(change.attempt, attempt_id)) continue;
      NamespaceModel& model = pods_[change.profile].active;
      if (change.remove.empty()) model = {};
      model.services.erase(std::remove_if(model.services.begin(), model.services.end(),
                                          [&](const Service& one) { return one.name == change.remove; }),
                           model.services.end());
    }
  }

  probe::BatchResult run(FakePod& pod, const std::string& batch, const std::vector<probe::Attempt>& attempts) {
    probe::BatchReader reader(batch, attempts);
    std::string hashed;
    std::size_t count = 0;
    for (const probe::Attempt& attempt : attempts) {
      const BrokenStream* broken = nullptr;
      for (const BrokenStream& one : faults_.streams)
        if (matches(one.attempt, attempt.id)) broken = &one;
      pod.killed = pod.killed || (broken != nullptr && broken->fault == StreamFault::killed);
      if (pod.killed) return reader.finish();
      if (matches(faults_.crash_at, attempt.id)) throw std::logic_error("the fake was told to crash at " + attempt.id);
      change_policies(attempt.id);
      journal_lost_ = journal_lost_ || matches(faults_.journal_lost_at, attempt.id);
      std::optional<Behaviour> behaviour;
      for (const Override& one : faults_.overrides)
        if (matches(one.attempt, attempt.id)) behaviour = one.behaviour;
      const bool lose = std::any_of(faults_.lost_receipts.begin(), faults_.lost_receipts.end(),
                                    [&](const std::string& glob) { return matches(glob, attempt.id); });
      const std::string line = probe::encode(client_.carry_out(attempt, pod.pod, pod.active, behaviour, lose));
      hashed += line + "\n";
      ++count;
      if (broken != nullptr && broken->fault == StreamFault::truncated) {
        reader.feed(std::string_view(line).substr(0, line.size() / 2));
        return reader.finish();
      }
      if (broken == nullptr || broken->fault != StreamFault::lost_line) reader.feed(line);
      if (broken != nullptr && broken->fault == StreamFault::duplicated_line) reader.feed(line);
    }
    const Json closing = {{"type", "closing"}, {"batch", batch}, {"count", count}, {"sha256", sha256_hex(hashed)}};
    reader.feed(closing.dump());
    return reader.finish();
  }

  Faults faults_;
  Internet internet_;
  Names names_;
  std::vector<policy::MeshRecord> log_;
  Client client_;
  std::map<std::string, FakePod> pods_;
  int batches_ = 0;
  bool journal_lost_ = false;
};

class FakeBackend : public Backend {
 public:
  explicit FakeBackend(Faults faults) : faults_(std::move(faults)) {}

  [[nodiscard]] std::string name() const override { return "fake"; }

  Result<plan::Capabilities> detect() override {
    if (!faults_.detect_error.empty()) return fail(ErrorKind::environment, faults_.detect_error);
    return plan::Capabilities{"fake", {"netns", "udp", "icmp", "capabilities", "kernel-witness"}};
  }

  Result<std::unique_ptr<World>> open(const Blueprint& blueprint, const Progress& progress) override {
    if (!faults_.open_error.empty()) return fail(ErrorKind::environment, faults_.open_error);
    if (progress) progress("fake world of " + std::to_string(blueprint.profiles.size()) + " pods");
    return std::make_unique<FakeWorld>(blueprint, faults_);
  }

 private:
  Faults faults_;
};

}  // namespace

std::unique_ptr<Backend> make(Faults faults) { return std::make_unique<FakeBackend>(std::move(faults)); }

}  // namespace egressproof::backend::fake
