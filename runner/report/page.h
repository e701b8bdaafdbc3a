// The parts of the HTML report that are the same in every report: runner/report/templates, embedded by the build.
#pragma once

#include <string_view>

namespace egressproof::report {

std::string_view page_html();  // with {{name}} where the report is put in
std::string_view page_css();
std::string_view page_js();

}  // namespace egressproof::report
