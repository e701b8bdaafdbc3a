// SIGINT and SIGTERM ask for an orderly end; the second one ends the program at once.
#pragma once

namespace egressproof::cli {

void catch_interrupts();

// The first signal that came; 0: none.
int interrupted();

}  // namespace egressproof::cli
