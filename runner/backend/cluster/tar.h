// Archives with nothing in them of the time, the user or the machine: the same entries give the same bytes.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "base/result.h"

namespace egressproof::backend::cluster {

struct TarEntry {
  bool folder = false;
  mode_t mode = 0755;
  std::string content = {};
};
using TarTree = std::map<std::string, TarEntry>;  // by path without leading slash; a folder comes before its files

enum class Compression { none, gzip };

// Error kind internal: libarchive's own words.
Result<std::string> tar_of(const TarTree& tree, Compression compression = Compression::none);

}  // namespace egressproof::backend::cluster
