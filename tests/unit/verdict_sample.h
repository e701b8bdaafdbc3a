// One row of evidence, built step by step. A fresh one is a denied request: observed, controls allowed, a block_all
// record.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runner/verdict/verdict.h"

namespace egressproof::verdict {

#define EXPECT_FINDING(finding, wanted_verdict, wanted_status)                       \
  do {                                                                               \
    const Finding& found = (finding);                                                \
    EXPECT_EQ(to_string(found.verdict), to_string(wanted_verdict)) << found.because; \
    EXPECT_EQ(to_string(found.status), to_string(wanted_status)) << found.because;   \
    EXPECT_NE(found.because, "");                                                    \
  } while (false)

inline constexpr const char* own_pod = "P3";
inline constexpr const char* own_address = "203.0.113.13";

inline policy::MeshRecord block_all() {
  policy::MeshRecord record;
  record.proxy = own_pod;
  record.route = "block_all";
  record.details = "direct_response";
  record.code = 502;
  return record;
}

inline policy::MeshRecord black_hole() {
  policy::MeshRecord record;
  record.proxy = own_pod;
  record.cluster = "BlackHoleCluster";
  record.flags = "UH";
  return record;
}

inline policy::MeshRecord by_cluster(const std::string& flags = "", int code = 200,
                                     const std::string& details = "via_upstream") {
  policy::MeshRecord record;
  record.proxy = own_pod;
  record.cluster = "outbound|443||allow.test";
  record.flags = flags;
  record.code = code;
  record.details = details;
  if (flags.empty()) record.upstream = "198.51.100.10:443";
  return record;
}

class Sample {
 public:
  explicit Sample(scenario::Expect expect = scenario::Expect::deny,
                  scenario::Stance stance = scenario::Stance::enforced) {
    row.cell.scenario = "spoof";
    row.cell.case_id = "case";
    row.cell.profile = row.cell.via = own_pod;
    row.cell.expectation = {expect, stance, {}};
    row.cell.target = {"sink", ""};
    if (expect == scenario::Expect::reroute) row.cell.rerouted_to = "allow";
    row.cell.attempt.nonce = row.probe.attempt.nonce = "0123456789abcdef0123456789abcdef";
    row.began_in_force = true;
    row.via_addresses = {own_address};
    row.control.allowed_before = row.control.allowed_after = true;
    row.control.before.observed.emplace().code = probe::Code::ok;
    row.control.after.observed.emplace().code = probe::Code::ok;
    status(502);
    row.probe.logged = {block_all()};
  }

  Sample& code(probe::Code code, probe::Stage stage = probe::Stage::connect) {
    row.probe.observed.emplace();
    row.probe.observed->code = code;
    row.probe.observed->reached = stage;
    return *this;
  }
  Sample& status(int status) {
    code(probe::Code::ok, probe::Stage::response);
    row.probe.observed->http_status = status;
    return *this;
  }
  // The client succeeded with a genuine answer of the fixture, whose receipt is there.
  Sample& answered_by(const std::string& fixture) {
    const std::uint64_t number = receive(fixture).number;
    status(200);
    row.probe.genuine_answer = true;
    row.probe.observed->answer = probe::Answer{fixture, row.probe.attempt.nonce, number, "mac"};
    return *this;
  }
  target::Receipt& receive(const std::string& fixture, target::ReceiptKind kind = target::ReceiptKind::request) {
    target::Receipt one;
    one.number = row.probe.received.size() + 17;
    one.connection = one.number;
    one.kind = kind;
    one.fixture = fixture;
    one.nonce = row.probe.attempt.nonce;
    one.peer = std::string(own_address) + ":4242";
    row.probe.received.push_back(one);
    return row.probe.received.back();
  }
  Sample& logged(const std::vector<policy::MeshRecord>& records) {
    row.probe.logged = records;
    return *this;
  }
  Sample& control(bool before, bool after) {
    row.control.allowed_before = before;
    row.control.allowed_after = after;
    row.control.why_not = before && after ? "" : "before: nothing arrived at sink";
    return *this;
  }
  // The controls' own clients saw the target down.
  Sample& target_down() {
    row.control.before.observed->code = row.control.after.observed->code = probe::Code::connect_refused;
    return control(false, false);
  }

  [[nodiscard]] Finding judged() const {
    evidence::Evidence all;
    all.rows = {row};
    all.receipts_complete = complete;
    all.records_readable = readable;
    return judge(all).findings.at(0);
  }

  evidence::Row row;
  bool complete = true;
  bool readable = true;
};

}  // namespace egressproof::verdict
