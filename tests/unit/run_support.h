// The pipeline over the fake world: the small suite of tests/cli/data/small, and what came of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runner/backend/fake/fake.h"
#include "runner/run/pipeline.h"
#include "runner/scenario/loader.h"

namespace egressproof::run {

inline scenario::Suite small_suite() {
  scenario::Loaded loaded = scenario::load({EGRESSPROOF_SOURCE_DIR "/tests/cli/data/small"});
  for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << scenario::render(one);
  return std::move(loaded.suite);
}

inline Options quick() {
  Options options;
  options.run_id = "test";
  return options;
}

// For worlds in which something never turns.
inline Options impatient() {
  Options options = quick();
  options.enforcement_limit = std::chrono::milliseconds(60);
  return options;
}

inline report::Report run_small(const backend::fake::Faults& faults = {}, const plan::Selection& selection = {},
                                const Options& options = quick(), const scenario::Suite& suite = small_suite()) {
  const auto backend = backend::fake::make(faults);
  const auto capabilities = backend->detect();
  const auto plan = plan::make(suite, selection, capabilities ? *capabilities : plan::Capabilities{}, "seed");
  if (!plan) {
    ADD_FAILURE() << to_string(plan.error());
    return {};
  }
  return execute(suite, *plan, *backend, options);
}

// "case/profile VERDICT status" of those that are not as expected (pass or known-leak), in order.
inline std::vector<std::string> surprises(const report::Report& report) {
  std::vector<std::string> all;
  for (const verdict::Finding& one : report.judged.findings)
    if (one.status != verdict::Status::pass && one.status != verdict::Status::known_leak)
      all.push_back(one.case_id + "/" + one.profile + " " + verdict::to_string(one.verdict) + " " +
                    verdict::to_string(one.status));
  return all;
}

inline const verdict::Finding& finding(const report::Report& report, const std::string& case_id,
                                       const std::string& profile) {
  static const verdict::Finding none;
  for (const verdict::Finding& one : report.judged.findings)
    if (one.case_id == case_id && one.profile == profile) return one;
  ADD_FAILURE() << "no finding " << case_id << " in " << profile;
  return none;
}

// "VERDICT status".
inline std::string told(const report::Report& report, const std::string& case_id, const std::string& profile) {
  const verdict::Finding& one = finding(report, case_id, profile);
  return verdict::to_string(one.verdict) + " " + verdict::to_string(one.status);
}

inline std::string all_errors(const report::Report& report) {
  std::string all;
  for (const std::string& one : report.evidence.errors) all += one + "\n";
  return all;
}

}  // namespace egressproof::run
