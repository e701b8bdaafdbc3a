// Holes that policies leave, as data: what it is, why it is one, what to change. From the catalogue of bypasses; each
// is shown by a receipt before it is told of.
#pragma once

#include <string_view>

namespace egressproof::draft {

struct Hole {
  std::string_view key;    // "none-host-spoof"
  std::string_view title;  // what a workload can do
  std::string_view why;
  std::string_view fix;
  std::string_view reference;
};

// The hole of a key; an unknown key is a mistake of the caller and gives the first one of the table.
const Hole& hole(std::string_view key);
bool is_hole(std::string_view key);

}  // namespace egressproof::draft
