// Places in files of the user, and what is wrong there.
#pragma once

#include <string>

namespace egressproof {

struct Location {
  std::string file;
  int line = 0;    // 1-based; 0 = the file as a whole
  int column = 0;  // 1-based
};

struct Diagnostic {
  Location at;
  std::string message;
  std::string hint;     // "did you mean 'expect'?"; may be empty
  std::string context;  // "in case 'host-spoof' (file:12:3)"; may be empty
};

// "file:line:column", without the parts that are not known.
std::string to_string(const Location& at);

}  // namespace egressproof
