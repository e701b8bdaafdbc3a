#include <iostream>

#include "runner/cli/exit_code.h"
#include "runner/cli/verbs.h"
#include "runner/cli/worlds.h"

namespace egressproof::cli {

Verb add_version(CLI::App& app) {
  app.add_subcommand("version", "Show the version and the lab's toolchain");
  return [] {
    std::cout << "egressproof " << EGRESSPROOF_VERSION << "\ntoolchain " << default_toolchain() << '\n';
    return static_cast<int>(run::exit_matched);
  };
}

}  // namespace egressproof::cli
