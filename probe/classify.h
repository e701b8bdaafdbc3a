// From libcurl's result to the stable outcome codes. Pure.
#pragma once

#include <string>

#include "probe/observation.h"

namespace egressproof::probe {

// What libcurl tells of a transfer that ended.
struct CurlResult {
  int code = 0;                  // CURLcode
  long os_error = 0;             // CURLINFO_OS_ERRNO
  std::string text;              // CURLOPT_ERRORBUFFER
  Stage stage = Stage::connect;  // the stage that was running
};

Code classify(const CurlResult& result);

// For an error of recv() or send() on a connection that was made.
Code classify_errno(Stage stage, int error);

// "egressproof fixture=allow nonce=... receipt=17 mac=..." anywhere in `bytes`, ended by a newline, or by a quotation
// mark: within JSON.
std::optional<Answer> find_answer(const std::string& bytes);

// Printable ASCII as is, all else as \xNN; at most `limit` bytes of input.
std::string escape(const std::string& bytes, std::size_t limit);

}  // namespace egressproof::probe
