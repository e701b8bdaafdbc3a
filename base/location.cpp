#include "base/location.h"

namespace egressproof {

std::string to_string(const Location& at) {
  std::string text = at.file;
  if (at.line > 0) text += ":" + std::to_string(at.line);
  if (at.line > 0 && at.column > 0) text += ":" + std::to_string(at.column);
  return text;
}

}  // namespace egressproof
