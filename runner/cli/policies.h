// A suite from the user's own manifests: read, told, drafted, loaded.
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <map>
#include <string>

#include "runner/draft/draft.h"
#include "runner/report/report.h"
#include "runner/scenario/scenario.h"

namespace egressproof::cli {

struct PoliciesOptions {
  std::string policies;  // file or folder of manifests; empty: none
  std::string matrix;    // file of kind Matrix; empty: none
  std::string default_ns = "default";
};

// --policies, --default-namespace and, with `matrix`, --matrix.
void add_policies_options(CLI::App& app, PoliciesOptions& options, bool matrix);

struct Drafted {
  draft::Manifests manifests;
  draft::Model model;
  draft::Draft draft;
};

// Reads and drafts. Diagnostics go to standard error, with source lines. `output`: the folder where the draft will
// stand, to which references are relative; empty: references are absolute. Error kind scenario.
Result<Drafted> draft_policies(const PoliciesOptions& options, const std::string& output);

// The draft and the manifests that it is of, for a bundle, by path: "suite/..." refers to "manifests/..." beside it; a
// matrix is "matrix.yaml". Left out: topics without a finding in the report. Error kind scenario, or environment: a
// manifest cannot be read any more.
Result<std::map<std::string, std::string>> bundled_policies(const PoliciesOptions& options,
                                                            const report::Report& report);

// The suite of a draft, by way of the loader and a temporary folder that is gone on return. Policy objects are placed
// in the user's manifests.
Result<scenario::Suite> load_draft(const Drafted& drafted);

// What was left out or could not be mapped: one line each, "file:line: what: why".
void write_asides(const Drafted& drafted, std::ostream& out);

// Which manifest leaves which hole, how it was proven, what to change.
void write_findings(const report::Report& report, const Drafted& drafted, const PoliciesOptions& options,
                    std::ostream& out);

}  // namespace egressproof::cli
