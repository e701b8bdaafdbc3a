// The suite's addresses and those that its fixtures have in this cluster. Pure.
//
// Scenario files, policies and reports know each fixture by its documentation address; pods get theirs from the
// cluster. What is sent is translated to the pod's address, what was seen is translated back, so that the same files
// run in every world and two worlds can be compared cell by cell. An Envoy's log line as written is left as it is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "probe/attempt.h"
#include "probe/observation.h"
#include "runner/policy/mesh_record.h"
#include "runner/scenario/scenario.h"
#include "target/receipt.h"

namespace egressproof::backend::cluster {

class Relocation {
 public:
  // Suite's address -> the cluster's. Addresses that are not named stay.
  explicit Relocation(const std::map<std::string, std::string>& addresses = {});

  // Every whole IPv4 or IPv6 literal in the text that is known: "http://198.51.100.66:80/" but not "198.51.100.660".
  [[nodiscard]] std::string to_cluster(std::string_view text) const { return translated(text, there_); }
  [[nodiscard]] std::string to_suite(std::string_view text) const { return translated(text, back_); }

  // The cluster's addresses of those of the suite that are in the block ("198.51.100.64/30"): together they are what
  // the block is for the suite. Empty: none are, or it is no block.
  [[nodiscard]] std::vector<std::string> in_block(const std::string& block) const;

  [[nodiscard]] probe::Attempt to_cluster(probe::Attempt attempt) const;
  [[nodiscard]] probe::Observation to_suite(probe::Observation seen) const;
  [[nodiscard]] target::Receipt to_suite(target::Receipt receipt) const;
  [[nodiscard]] policy::MeshRecord to_suite(policy::MeshRecord record) const;
  // Fixtures and records.
  [[nodiscard]] scenario::Suite to_cluster(scenario::Suite suite) const;

 private:
  using Table = std::map<std::string, std::string, std::less<>>;
  [[nodiscard]] static std::string translated(std::string_view text, const Table& table);
  Table there_, back_;
};

}  // namespace egressproof::backend::cluster
