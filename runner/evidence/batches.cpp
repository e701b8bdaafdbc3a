#include "runner/evidence/batches.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace egressproof::evidence {
namespace {

// The number in a sentence about one attempt ("observation 7 came twice", "no observation of attempt 7"); nothing: the
// sentence is about the stream.
std::optional<std::uint64_t> number_in(const std::string& error) {
  for (const std::string_view word : {"observation ", "attempt "})
    for (std::size_t at = error.find(word); at != std::string::npos; at = error.find(word, at + 1)) {
      std::uint64_t number = 0;
      const char* digits = error.data() + at + word.size();
      if (std::from_chars(digits, error.data() + error.size(), number).ec == std::errc()) return number;
    }
  return std::nullopt;
}

std::string place(const std::string& phase, const std::string& pod) { return "phase '" + phase + "' in " + pod; }

}  // namespace

Told Batches::find(const std::string& phase, const std::string& pod, const probe::Attempt& attempt) const {
  Told told;
  const auto of_phase = batches_.find(phase);
  const probe::BatchResult* result = nullptr;
  if (of_phase != batches_.end())
    if (const auto found = of_phase->second.find(pod); found != of_phase->second.end()) result = &found->second;
  if (result == nullptr) {
    told.errors.push_back("no batch of " + place(phase, pod));
    return told;
  }
  std::uint64_t sequence = 0;
  for (const auto& [number, observed] : result->observations) {
    if (observed.nonce != attempt.nonce) continue;
    if (told.observed != nullptr) {
      told.errors.push_back("observed twice, as " + std::to_string(sequence) + " and " + std::to_string(number));
      continue;
    }
    told.observed = &observed;
    sequence = number;
    if (observed.attempt_id != attempt.id)
      told.errors.push_back("the observation with its nonce is of attempt '" + observed.attempt_id + "'");
  }
  if (told.observed == nullptr) told.errors.push_back("the probe told nothing of it");
  if (!result->closed) told.errors.push_back("the probe's stream of " + place(phase, pod) + " is not whole");
  for (const std::string& error : result->errors) {
    const auto number = number_in(error);
    const bool explains = told.observed == nullptr || !result->closed;
    if (number ? told.observed != nullptr && *number == sequence : explains) told.errors.push_back(error);
  }
  if (told.observed != nullptr && told.observed->code == probe::Code::unsupported)
    told.errors.push_back("unsupported by the probe: " + told.observed->detail);
  return told;
}

std::vector<std::string> Batches::errors() const {
  static const std::string missing = "no observation of attempt ";
  std::vector<std::string> all;
  for (const auto& [phase, pods] : batches_)
    for (const auto& [pod, result] : pods) {
      int without = 0;
      for (const std::string& error : result.errors)
        if (error.find(missing) != std::string::npos)
          ++without;
        else
          all.push_back(place(phase, pod) + ": " + error);
      if (without > 0)
        all.push_back(place(phase, pod) + ": " + std::to_string(without) + " attempts without observation");
    }
  return all;
}

}  // namespace egressproof::evidence
