// What stands in a cell of the text matrix. Each mark tells its status without colour.
#pragma once

#include <string>
#include <string_view>

#include "runner/verdict/verdict.h"

namespace egressproof::report {

enum class Tone { plain, good, warning, bad, unsure, faint, title };

// With SGR codes if `colour`.
std::string painted(std::string_view text, Tone tone, bool colour);

struct Mark {
  std::string text;  // "LEAK!"
  Tone tone = Tone::plain;
  std::string key;      // as the legend names it: "(...)" for all that are recorded
  std::string meaning;  // one line of the legend
  int rank = 0;         // order in the legend
};

Mark mark_of(const verdict::Finding& finding);
Mark skipped_mark();
Mark empty_mark();  // not applicable, or not selected

}  // namespace egressproof::report
