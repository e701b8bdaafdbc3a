// From what the manifests say to a matrix that `run` takes: workloads times targets, what is expected of each cell, and
// the manifest and line that it follows from. Pure.
//
// The expectations are what the manifests SAY: a host that is listed is allowed on its ports, everything else is
// denied, whatever name or address is put on the wire. Where the mesh lets more through, that is a finding.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/draft/matrix.h"
#include "runner/draft/model.h"
#include "runner/draft/policies.h"

namespace egressproof::draft {

// What would leave a cell open: one of holes.h, and the place in the user's manifest.
struct Cause {
  std::string hole;
  std::string object;  // "ServiceEntry cnn"
  Location at;
};

struct Cell {
  char code = '.';      // as in scenario files
  std::string follows;  // "ServiceEntry cnn (egress.yaml:14)"
  std::vector<Cause> causes;
};

struct Row {
  std::string id, title;
  std::vector<std::pair<std::string, std::string>> attempt;  // keys and values as YAML
  std::vector<std::pair<std::string, std::string>> control;
  std::string target, target_host;
  bool past_sidecar = false;  // sent by the proxy's own uid
  bool bypass = false;
  std::string reference;
  std::map<std::string, Cell> cells;  // by profile; absent: not applicable
};

struct Topic {
  std::string name, title, requirement;
  std::vector<Row> rows;
};

struct Draft {
  std::map<std::string, std::string> profiles;  // namespace -> name of its profile
  std::vector<PolicySet> policies;
  std::vector<Topic> topics;
  std::map<std::string, std::string> files;  // relative path -> content; those of policies too
  std::vector<Aside> asides;                 // what could not be mapped, and why
  // What the case and profile of a finding leads to; nullptr: none.
  [[nodiscard]] const Cell* cell(const std::string& scenario, const std::string& case_id,
                                 const std::string& profile) const;
};

struct Options {
  std::string default_ns = "default";
  // Path of a manifest as the draft's profiles.yaml should name it.
  std::map<std::string, std::string> referenced_as;
  std::string source;              // as given to --policies, for comments
  const Matrix* matrix = nullptr;  // over the expectations; borrowed
};

// Error kind scenario: nothing to draft (no workload and no host), more hosts than addresses, a matrix that names an
// unknown workload.
Result<Draft> make_draft(const Manifests& manifests, const Model& model, const Options& options);

std::string place_of(const Location& at);  // "file:line"

}  // namespace egressproof::draft
