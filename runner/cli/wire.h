// An attempt and an expectation in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "probe/attempt.h"
#include "runner/plan/plan.h"

namespace egressproof::cli {

// One line a layer: "dials 198.51.100.66:80", "TLS: SNI allow.test, ALPN http/1.1", "GET /r/{nonce}, Host: allow.test".
std::vector<std::string> wire_lines(const probe::Attempt& attempt);

// As written in scenario files: "A", "D", "R", "L", "X"; with "~" where implementation-defined.
std::string code_of(const scenario::Expectation& expectation);

// "deny: nothing may arrive at deny".
std::string sentence_of(const plan::Cell& cell);

}  // namespace egressproof::cli
