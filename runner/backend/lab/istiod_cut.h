// A pod for which istiod is gone: what its kernel does is what the kernel of istiod's host does once the process was
// killed. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace egressproof::backend::lab {

// Input of `nft -f -` in the pod: every TCP segment to istiod is answered with RST, and counted; but for RSTs, so that
// istiod learns of the connections that end.
std::string istiod_cut_ruleset();
std::vector<std::string> istiod_cut_arguments();  // of which parse_istiod_cut() takes the output

// How many segments were refused. Error kind environment: not such a listing.
Result<std::uint64_t> parse_istiod_cut(std::string_view listing);

}  // namespace egressproof::backend::lab
