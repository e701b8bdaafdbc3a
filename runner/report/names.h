// The words of reports: enumerators to text and back. JSON uses them as they are.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "runner/scenario/scenario.h"
#include "runner/verdict/verdict.h"

namespace egressproof::report {

inline constexpr std::array all_statuses = {
    verdict::Status::pass, verdict::Status::known_leak,   verdict::Status::news, verdict::Status::recorded,
    verdict::Status::fail, verdict::Status::inconclusive, verdict::Status::error};

std::string to_string(scenario::Expect expect);  // "allow", "deny", "reroute", "leak", "outage"
std::string to_string(scenario::Stance stance);  // "enforced", "known-leak", "implementation-defined"

// Empty: no such word.
std::optional<scenario::Expect> expect_from(std::string_view text);
std::optional<scenario::Stance> stance_from(std::string_view text);
std::optional<verdict::Verdict> verdict_from(std::string_view text);
std::optional<verdict::Status> status_from(std::string_view text);
std::optional<verdict::Layer> layer_from(std::string_view text);

// Whether the verdict is the one that was written down, whatever the stance.
bool as_expected(scenario::Expect expect, verdict::Verdict seen);

}  // namespace egressproof::report
