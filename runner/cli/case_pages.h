// The catalogue of cases as Markdown, one page a scenario, from the scenario data alone. Pure.
#pragma once

#include <map>
#include <string>

#include "runner/plan/plan.h"
#include "runner/scenario/scenario.h"

namespace egressproof::cli {

// File name -> content: README.md, the index, and SCENARIO.md each. The plan holds all cells of the suite.
std::map<std::string, std::string> case_pages(const scenario::Suite& suite, const plan::Plan& plan);

// Backslashes before what Markdown would act on; the source stays readable. For texts of scenario files.
std::string markdown_text(const std::string& text);

}  // namespace egressproof::cli
