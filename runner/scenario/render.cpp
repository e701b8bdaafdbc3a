#include <algorithm>

#include "base/files.h"
#include "runner/scenario/loader.h"
#include "runner/scenario/text_bytes.h"

namespace egressproof::scenario {
namespace {

constexpr std::size_t max_shown = 140;  // bytes of a source line

// The 1-based line, without its end; "" if the file is gone.
std::string source_line(const Location& at) {
  const auto text = read_file(at.file);
  if (!text || at.line <= 0) return "";
  std::size_t begin = text->starts_with("\xEF\xBB\xBF") ? 3 : 0;
  for (int line = 1; line < at.line; ++line) {
    begin = text->find('\n', begin);
    if (begin == std::string::npos) return "";
    ++begin;
  }
  std::string line = text->substr(begin, text->find('\n', begin) - begin);
  if (line.ends_with('\r')) line.pop_back();
  return printable(line);
}

// As wide as the `characters` first characters of `line`.
std::string blank_like(const std::string& line, std::size_t characters) {
  std::string blank;
  for (const char c : line) {
    if (count_characters({&c, 1}) == 0) continue;
    if (blank.size() == characters) break;
    blank += c == '\t' ? '\t' : ' ';
  }
  blank.resize(std::max(blank.size(), characters), ' ');
  return blank;
}

}  // namespace

std::string render(const Diagnostic& diagnostic) {
  const Location& at = diagnostic.at;
  std::string text = at.file.empty() ? "" : printable(to_string(at)) + ": ";
  text += "error: " + printable(diagnostic.message) + "\n";
  const std::string line = source_line(at);
  const std::string hint = printable(diagnostic.hint);
  const auto column = static_cast<std::size_t>(std::max(1, at.column));
  if (!line.empty() && line.size() <= max_shown && at.column > 0) {
    std::string number = std::to_string(at.line);
    if (number.size() < 5) number.insert(0, 5 - number.size(), ' ');
    text += number + " | " + line + "\n";
    text += std::string(number.size(), ' ') + " | " + blank_like(line, column - 1) + "^";
    text += (hint.empty() ? "" : " " + hint) + "\n";
  } else if (!hint.empty()) {
    text += "      " + hint + "\n";
  }
  if (!diagnostic.context.empty()) text += "      " + printable(diagnostic.context) + "\n";
  return text;
}

}  // namespace egressproof::scenario
