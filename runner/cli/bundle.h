// What a bug report needs, in one file: policies, evidence, versions, and a script that reproduces it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "runner/report/report.h"
#include "runner/scenario/scenario.h"

namespace egressproof::cli {

struct BundleFile {
  std::string content;
  bool program = false;
};
using Bundle = std::map<std::string, BundleFile>;  // by path

// report.json and report.txt; policies.yaml (of the report's profiles, as applied); suite/ (the scenario files that the
// cells need, with all policies); versions.txt; repro.sh. Error kind environment: a file of the suite cannot be read,
// or the suite was made in memory.
//
// `drafted`: the files of a suite that was drafted from manifests (bundled_policies()), instead of the suite's own;
// none: those that it was read from.
Result<Bundle> bundle_of(const scenario::Suite& suite, const report::Report& report,
                         const std::map<std::string, std::string>& drafted = {});

// A gzipped tar with everything below one folder, and nothing in it of the time, the user or the machine.
Result<std::string> tar_gz(const Bundle& bundle, const std::string& folder);

}  // namespace egressproof::cli
