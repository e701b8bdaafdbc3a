// What each layer tells apart: the answers of the scenario `granularity`, one row a layer. Pure.
//
// The scenario's cases are one request that is allowed (`base`) and others that differ from it in one thing alone;
// their variants are protocols. Its profiles have one layer each. A row is a profile with one protocol; what stands in
// it is what was observed, never what was expected.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "runner/report/report.h"

namespace egressproof::report {

inline constexpr const char* granularity_scenario = "granularity";

enum class ToldApart {
  unasked,      // no such cell, or not run
  yes,          // denied, by the layer's own record
  no,           // it arrived as the allowed request does
  late,         // the client was denied, but not before the target had a connection; none of the client's bytes
  own_address,  // neither: the layer sends it to an address of the allowed host, whatever was dialled
  unknown       // no verdict, or one that is none of these
};

struct GranularityRow {
  std::string profile, title, protocol;      // protocol: the variant's name
  std::map<std::string, ToldApart> answers;  // by case
  std::vector<std::string> layers;           // that denied, in order of appearance: "sidecar"
  bool base_allowed = false;                 // else no answer of the row counts: all are `unknown`
};

struct Granularity {
  std::vector<std::string> differences;  // cases but the base, in the report's order: the columns
  std::vector<GranularityRow> rows;      // in order of the profiles, then of the protocols
};

// Empty if the report has no such cells. Profiles in which a difference is meant to be allowed (those of the positive
// controls) are left out.
Granularity granularity_of(const Report& report);

std::string to_string(ToldApart answer);  // "yes", "no", "late", "address", "?", "-"

// A table for a terminal; options.width is not looked at, no row is longer than 120 columns with the suite's titles.
void write_granularity(const Granularity& granularity, std::ostream& out);
// The same as a table of Markdown.
void write_granularity_markdown(const Granularity& granularity, std::ostream& out);

}  // namespace egressproof::report
