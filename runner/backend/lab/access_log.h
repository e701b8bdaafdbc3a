// Envoy's access log lines (format: mesh_config.cpp) to records. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/policy/mesh_record.h"

namespace egressproof::backend::lab {

struct AccessLog {
  std::vector<policy::MeshRecord> records;
  int malformed = 0;  // lines that look like a record and cannot be read: a witness that was tampered with or cut
};

// `content`: the whole log of pod `proxy`; lines that are not records (the agent's own) are passed over.
AccessLog parse_access_log(std::string_view proxy, std::string_view content);

}  // namespace egressproof::backend::lab
