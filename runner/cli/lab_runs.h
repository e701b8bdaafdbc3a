// `lab status` and `lab down`: labs of other processes, by their work folders.
#pragma once

#include <string>
#include <vector>

namespace egressproof::cli {

struct DownOptions {
  std::vector<std::string> run_ids;  // empty: all labs that are up
  bool all = false;                  // runs in progress and kept folders too
};

int lab_status();
int lab_down(const DownOptions& options);

}  // namespace egressproof::cli
