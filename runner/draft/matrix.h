// A small file over a draft's expectations: workload, host and port to allow or deny.
//
//   apiVersion: egressproof/v1
//   kind: Matrix
//   workloads:
//     payments:                      # namespace
//       edition.cnn.com:443: allow
//       edition.cnn.com:80: deny
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/location.h"

namespace egressproof::draft {

struct MatrixCell {
  std::string host;
  int port = 0;
  bool allow = false;
  Location at;
};

struct Matrix {
  std::map<std::string, std::vector<MatrixCell>> workloads;  // by namespace, cells as written
  std::map<std::string, Location> named_at;
};

struct ReadMatrix {
  Matrix matrix;
  std::vector<Diagnostic> problems;  // with the nearest key or word; `workloads` are those of the manifests
};

ReadMatrix read_matrix(const std::string& path, const std::vector<std::string>& workloads);

}  // namespace egressproof::draft
