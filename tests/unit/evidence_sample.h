// A plan of one or more cells, and what three witnesses would tell of it, built step by step.
#pragma once

#include <string>
#include <vector>

#include "runner/evidence/evidence.h"

namespace egressproof::evidence {

inline constexpr const char* pod_address = "203.0.113.13";

class Sample {
 public:
  Sample() {
    scenario::Profile vantage;
    vantage.name = "P0";
    vantage.vantage = true;
    vantage.mesh = scenario::Mesh::none;
    scenario::Profile meshed;
    meshed.name = "P3";
    plan.profiles = {vantage, meshed};
    collected.keys = {{"allow", "key of allow"}, {"sink", "key of sink"}, {"cdn", "key of cdn"}};
    collected.pod_addresses = {{"P0", {"203.0.113.10"}}, {"P3", {pod_address}}};
    policy::Applied applied;
    applied.generation = 2;
    applied.applied_at = at(0);
    applied.in_force_at = at(100);
    collected.policies = {applied};
    for (const char* phase : {"before", "after"}) collected.batches[phase]["P0"].closed = true;
    collected.batches["probe"]["P3"].closed = true;
  }

  static std::chrono::microseconds at(std::int64_t ms) { return std::chrono::milliseconds(ms) + epoch; }

  // A cell of P3 that dials `sink`, expected to be denied.
  probe::Attempt& add_cell(const std::string& id, probe::Protocol protocol = probe::Protocol::http1) {
    plan::Control control;
    control.id = "control/" + id;
    control.expected = {"sink", ""};
    for (auto* one : {&control.before, &control.after}) {
      one->protocol = protocol;
      one->id = control.id + (one == &control.before ? "/before" : "/after");
      one->nonce = nonce(one->id);
    }
    plan.controls.push_back(control);
    plan::Cell cell;
    cell.scenario = "spoof";
    cell.case_id = id;
    cell.profile = cell.pod = cell.via = "P3";
    cell.expectation = {scenario::Expect::deny, scenario::Stance::enforced, {}};
    cell.target = {"sink", ""};
    cell.control = plan.controls.size() - 1;
    cell.attempt.protocol = protocol;
    cell.attempt.id = "spoof/" + id + "/P3";
    cell.attempt.nonce = nonce(cell.attempt.id);
    plan.cells.push_back(cell);
    return plan.cells.back().attempt;
  }

  // The newest cell's attempt as it was observed, from 1000 to 1100 ms; the caller may change it.
  probe::Observation& observe(probe::Code code) {
    return observe_in("probe", "P3", plan.cells.back().attempt, code, 1000);
  }
  probe::Observation& observe_in(const std::string& phase, const std::string& pod, const probe::Attempt& attempt,
                                 probe::Code code, std::int64_t begin_ms) {
    auto& all = collected.batches[phase][pod].observations;
    probe::Observation seen;
    seen.sequence = all.size() + 1;
    seen.attempt_id = attempt.id;
    seen.nonce = attempt.nonce;
    seen.code = code;
    seen.reached = code == probe::Code::ok ? probe::Stage::response : probe::Stage::connect;
    seen.started_at = at(begin_ms);
    seen.finished_at = at(begin_ms + 100);
    seen.peer = "198.51.100.66:80";
    seen.local = std::string(pod_address) + ":" + std::to_string(40000 + seen.sequence);
    return all.emplace(seen.sequence, seen).first->second;
  }

  // Next in the journal; connections are opened by a receipt of kind connection.
  target::Receipt& receive(target::ReceiptKind kind, std::uint64_t connection, const std::string& of_nonce = "",
                           const std::string& fixture = "sink") {
    target::Receipt one;
    one.number = collected.journal.receipts.size() + 1;
    one.connection = connection;
    one.kind = kind;
    one.fixture = fixture;
    one.nonce = of_nonce;
    one.local = "198.51.100.66:80";
    one.peer = std::string(pod_address) + ":" + std::to_string(50000 + connection);
    one.at = at(1050);
    collected.journal.receipts.push_back(one);
    return collected.journal.receipts.back();
  }
  target::Receipt& receive_request(std::uint64_t connection, const std::string& of_nonce,
                                   const std::string& fixture = "sink") {
    receive(target::ReceiptKind::connection, connection, "", fixture);
    return receive(target::ReceiptKind::request, connection, of_nonce, fixture);
  }

  policy::MeshRecord& log(const std::string& of_nonce = "") {
    policy::MeshRecord record;
    record.proxy = "P3";
    record.at = at(1010);
    record.nonce = of_nonce;
    collected.records.push_back(record);
    return collected.records.back();
  }

  // As the fixture would write it under its key.
  [[nodiscard]] probe::Answer answer(const target::Receipt& receipt) const {
    target::Fixture fixture;
    fixture.name = receipt.fixture;
    fixture.key = collected.keys.at(receipt.fixture);
    const std::string line = target::encode_answer(fixture, receipt.nonce, receipt.number);
    return {receipt.fixture, receipt.nonce.empty() ? "-" : receipt.nonce, receipt.number,
            line.substr(line.size() - 65, 64)};
  }

  // Both controls of the newest cell: requests that arrive at the control's fixture.
  void allow_controls() {
    const plan::Control& control = plan.controls.back();
    std::uint64_t connection = 9000 + 2 * plan.controls.size();
    for (const auto& [phase, attempt] : {std::pair{"before", &control.before}, {"after", &control.after}}) {
      probe::Observation& seen = observe_in(phase, "P0", *attempt, probe::Code::ok, phase[0] == 'b' ? 500 : 1500);
      seen.http_status = 200;
      seen.answer = answer(receive_request(++connection, attempt->nonce, control.expected.fixture));
    }
  }

  [[nodiscard]] Evidence joined() const { return join(plan, collected); }
  [[nodiscard]] Row row() const { return joined().rows.back(); }

  static std::string nonce(const std::string& id) {
    std::string digits;
    for (std::size_t i = 0; digits.size() < 32; ++i)
      digits += "0123456789abcdef"[(static_cast<unsigned char>(id[i % id.size()]) + i * id.size()) % 16];
    return digits;
  }

  plan::Plan plan;
  Collected collected;

 private:
  static constexpr std::chrono::microseconds epoch{1700000000000000};
};

inline std::vector<std::uint64_t> numbers(const std::vector<target::Receipt>& receipts) {
  std::vector<std::uint64_t> all;
  for (const target::Receipt& one : receipts) all.push_back(one.number);
  return all;
}

}  // namespace egressproof::evidence
