// All that the lab, kind, a user's cluster and the fake have in common. Backends know nothing of expectations or
// verdicts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "probe/codec.h"
#include "runner/plan/plan.h"
#include "runner/policy/applied.h"
#include "runner/policy/mesh_record.h"
#include "runner/scenario/scenario.h"
#include "target/codec.h"

namespace egressproof::backend {

// A second probe in a pod, under another identity: what a tenant's process becomes by runAsUser or setuid. In attempt()
// its batches go by `name`; its address is the pod's.
struct ExtraProbe {
  std::string pod;   // name of the profile
  std::string name;  // "P2@1337"; no pod's nor another probe's name
  int uid = 1000;
  int gid = 1000;
  // In a pod of its own; its address is that one's. Only where detect() has the feature "pod-template".
  std::optional<scenario::PodTemplate> own_pod = {};
  // See scenario::Identity. Only where detect() has the feature "capabilities".
  std::vector<std::string> capabilities = {};
};

// What open() shall build. Values, so that a plan can be opened twice.
struct Blueprint {
  scenario::Suite suite;                    // fixtures, records
  std::vector<scenario::Profile> profiles;  // one pod each; the vantage among them
  std::map<std::string, std::string> keys;  // fixture -> key of its answers
  bool keep = false;                        // keep the work folder after close()
  std::vector<ExtraProbe> extra_probes;
};

// Versions under test: "istiod", "envoy", "kernel", ...
using Versions = std::map<std::string, std::string>;

// Told as it happens: "istiod ready", with milliseconds since open() began.
using Progress = std::function<void(const std::string& step)>;

// One world. The destructor tears it down; close() does so too and can report.
class World {
 public:
  virtual ~World() = default;
  // Puts a generation in place of the one before and returns once it is acknowledged (barrier), not yet canaried.
  // Fills generation, applied_at, acknowledged_at and because. Error kind environment: a rejected resource, with the
  // control plane's own words, or a deadline with what was awaited.
  // `while_waiting` is called now and then meanwhile, on the caller's thread, and may call attempt(): so that the
  // canaries see the change as it happens.
  virtual Result<policy::Applied> apply(const policy::Generation& generation,
                                        const std::function<void()>& while_waiting) = 0;
  // From now on each record that moves (scenario::Record::moved_to) holds its other values; returns once it is so. Only
  // where detect() has the feature "record-changes".
  virtual Result<void> move_records();
  // Runs one batch in each named pod, all at once. Whatever goes wrong with one pod's stream is in its BatchResult.
  // Where detect() has the feature "policy-changes", a second thread may call this for other probes while apply(),
  // attempt() and receipts() go on in the first.
  virtual Result<std::map<std::string, probe::BatchResult>> attempt(
      const std::map<std::string, std::vector<probe::Attempt>>& batches) = 0;
  // Whether end_ticks() can be asked for; where it cannot, attempts with ticks last as long as they say.
  virtual bool ends_ticks() const { return false; }
  // Attempts with ticks that these probes have open end after their next answer, as if their time were up.
  virtual void end_ticks(const std::set<std::string>& probes) { static_cast<void>(probes); }
  // Everything received so far.
  virtual Result<target::Journal> receipts() = 0;
  // Everything the proxies logged so far; waits (bounded) until what they have buffered is written.
  virtual Result<std::vector<policy::MeshRecord>> mesh_records() = 0;
  // Errors that appeared since apply(): rejected resources, a proxy that died. Empty: healthy.
  virtual std::vector<std::string> health() = 0;
  // Source addresses by pod: what a receipt's peer must be when the request left by that pod.
  virtual std::map<std::string, std::vector<std::string>> pod_addresses() = 0;
  virtual Versions versions() = 0;
  // A process in each pod's namespaces, by pod, for people who want to look around ("nsenter --target PID --net").
  // Empty: the pods of this world are not on this machine.
  virtual std::map<std::string, int> pod_processes() { return {}; }
  // Folder with logs and configuration; empty if there is none.
  virtual std::string work_folder() = 0;
  virtual Result<void> close() = 0;
};

inline Result<void> World::move_records() {
  return fail(ErrorKind::internal, "the records of this world stay as they are");
}

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  // Tries each need once and says why not (error kind environment).
  virtual Result<plan::Capabilities> detect() = 0;
  virtual Result<std::unique_ptr<World>> open(const Blueprint& blueprint, const Progress& progress) = 0;
};

}  // namespace egressproof::backend
