// What standard output and standard error are.
#pragma once

#include <string>

namespace egressproof::cli {

// `when`: auto, always, never. auto: only on a terminal, without NO_COLOR (https://no-color.org), TERM not "dumb".
bool use_colour(const std::string& when, int descriptor);

// Columns of the terminal at `descriptor`; 120 where there is none.
int terminal_width(int descriptor);

bool is_terminal(int descriptor);

// Usage lines are for people: "egressproof: MESSAGE" on standard error.
void complain(const std::string& message);

}  // namespace egressproof::cli
