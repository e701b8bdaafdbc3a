// Parts of the JSON report that more than one form needs. Wire bytes go through base/bytes.h, texts for people are
// UTF-8; attempts, observations and receipts are written by their own codecs.
#pragma once

#include "base/json.h"
#include "runner/report/report.h"

namespace egressproof::report {

Json head_json(const Report& report);  // all of the report but its cells
Json cell_json(const evidence::Row& row, const verdict::Finding& finding);
Json texts_json(const std::vector<std::string>& texts);
Json location_json(const Location& at);

}  // namespace egressproof::report
