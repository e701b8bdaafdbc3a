// The image of probe and target, made of the programs that were built here: no base image, no registry, no engine.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace egressproof::backend::cluster {

// What more the image of a runner has, which runs the suite from within a cluster (kind/in-cluster/).
struct RunnerParts {
  std::filesystem::path kubectl;
  std::filesystem::path suite;  // folder of scenario files: /suite/scenarios
};

// Writes an archive as `docker save` does, for `docker load` and `kind load image-archive`: egressproof-probe and
// egressproof-target of the folder `programs` in /usr/bin, and the shared libraries and the ELF interpreter that ldd
// finds, each at its own path; nothing else, no shell. User 65532:65532. The same files give the same bytes, whenever
// and by whomever it is made. `reference`: "kind.local/egressproof:0.1.0". With `runner` it is the image of a runner:
// egressproof, kubectl and the suite beside them. Errors: kind usage for a reference without a tag; kind environment,
// naming the file or the library that is not there.
Result<void> write_image_archive(const std::filesystem::path& programs, const std::string& reference,
                                 const std::filesystem::path& output,
                                 const std::optional<RunnerParts>& runner = std::nullopt);

}  // namespace egressproof::backend::cluster
