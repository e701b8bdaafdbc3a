#include "runner/run/case_text.h"

namespace egressproof::run {

FoundCase find_case(const scenario::Suite& suite, const std::string& scenario, const std::string& case_id) {
  for (const scenario::Scenario& one : suite.scenarios) {
    if (one.name != scenario) continue;
    for (const scenario::Case& candidate : one.cases) {
      if (candidate.id == case_id) return {&one, &candidate, nullptr};
      for (const scenario::Variant& variant : candidate.variants)
        if (candidate.id + "." + variant.name == case_id) return {&one, &candidate, &variant};
    }
  }
  return {};
}

}  // namespace egressproof::run
