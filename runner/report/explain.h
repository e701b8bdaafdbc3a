// One cell told to a person: expected, observed, what each witness says, where to look, how to repeat it.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

#include "runner/report/cells.h"

namespace egressproof::report {

// Lines below a heading of the caller's; `width` columns where it can be kept. Commands are never broken.
void explain(const Report& report, const CellView& cell, std::size_t width, std::ostream& out);

// "egressproof repro spoof/host-spoof-other-ip --profile P3", quoted for a shell.
std::string repro_line(const verdict::Finding& finding);

// "label     text", wrapped with the text's own indent.
void write_field(const std::string& label, const std::string& text, std::size_t width, std::ostream& out);

// One line each: who, where from, what it carried.
std::string receipt_text(const target::Receipt& receipt);
std::string record_text(const policy::MeshRecord& record);

std::string duration_text(std::chrono::microseconds took);  // "812 us", "2.1 ms", "240 ms", "3.14 s"
std::string joined(const std::vector<std::string>& texts, const std::string& between);

}  // namespace egressproof::report
