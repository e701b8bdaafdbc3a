// JSON with members in the order in which they were written: reports stay byte-identical and readable.
#pragma once

#include <nlohmann/json.hpp>

namespace egressproof {
using Json = nlohmann::ordered_json;
}  // namespace egressproof
