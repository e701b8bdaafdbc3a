// Observations found by phase, pod and nonce, never by sequence alone. Pure; borrows what it indexes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/evidence/evidence.h"

namespace egressproof::evidence {

struct Told {
  const probe::Observation* observed = nullptr;  // the first, if there are several
  std::vector<std::string> errors;               // of the harness, that concern this attempt
};

class Batches {
 public:
  explicit Batches(const Collected& collected) : batches_(collected.batches) {}
  [[nodiscard]] Told find(const std::string& phase, const std::string& pod, const probe::Attempt& attempt) const;
  // Errors of all streams, each with its phase and pod; attempts without observation are counted, not listed.
  [[nodiscard]] std::vector<std::string> errors() const;

 private:
  const std::map<std::string, std::map<std::string, probe::BatchResult>>& batches_;
};

}  // namespace egressproof::evidence
