// The keys `pod` and `pods` of a case.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/scenario/reader.h"
#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

// `pod` for the whole case, `pods` by variant, over it. Empty: the case has neither.
std::map<std::string, PodTemplate> read_pods(Problems& problems, MapReader& map, const std::vector<Variant>& variants);

// A map of texts, as labels are; absent: empty.
std::map<std::string, std::string> read_labels(Problems& problems, MapReader& map, const std::string& key);

// The same; those that Knative itself gives to the pods of a Service are a problem: they are not the template's to say.
std::map<std::string, std::string> read_own_labels(Problems& problems, MapReader& map, const std::string& key);

// Whoever cannot make the pods of the case must not send from others: `pod-template`, and by their keys `pod-acts` and
// `host-network`.
void add_needs_of_pods(Case& one);

}  // namespace egressproof::scenario
