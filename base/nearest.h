// "Did you mean ...?"
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace egressproof {

// The candidate with the smallest edit distance (insert, delete, substitute, swap of neighbours), if it is at most a
// third of the longer word's length, rounded up, and at most 3. Ties: the first candidate.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace egressproof
