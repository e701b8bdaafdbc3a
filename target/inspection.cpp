#include "target/inspection.h"

#include <charconv>
#include <fstream>
#include <optional>
#include <string>

#include "target/http_head.h"
#include "target/stream.h"

namespace egressproof::target {
namespace {

constexpr std::size_t longest_head = 8192;

struct Reply {
  std::string status;
  std::string body = {};
};

// Nothing: it is no number.
std::optional<std::uint64_t> number_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Reply journal_from(const std::filesystem::path& path, std::uint64_t offset) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {"500 Internal Server Error", "the journal cannot be read\n"};
  const auto size = static_cast<std::uint64_t>(file.tellg());
  if (offset > size) return {"416 Range Not Satisfiable", "the journal has " + std::to_string(size) + " bytes\n"};
  // With the byte before, which must be the end of a line.
  const std::uint64_t begin = offset == 0 ? 0 : offset - 1;
  std::string bytes(size - begin, '\0');
  file.seekg(static_cast<std::streamoff>(begin));
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    return {"500 Internal Server Error", "the journal cannot be read\n"};
  if (offset > 0 && bytes.front() != '\n') return {"400 Bad Request", "no line begins at that byte\n"};
  if (offset > 0) bytes.erase(0, 1);
  const std::size_t last = bytes.rfind('\n');
  bytes.resize(last == std::string::npos ? 0 : last + 1);
  return {"200 OK", std::move(bytes)};
}

Reply answer(const HttpHead& head, const std::filesystem::path& journal) {
  if (head.method != "GET") return {"405 Method Not Allowed"};
  if (head.target == "/healthz") return {"200 OK", "ok\n"};
  if (head.target == "/journal") return journal_from(journal, 0);
  constexpr std::string_view from = "/journal?from=";
  if (head.target.rfind(from, 0) != 0) return {"404 Not Found"};
  const auto offset = number_from(std::string_view(head.target).substr(from.size()));
  return offset ? journal_from(journal, *offset) : Reply{"400 Bad Request", "'from' is a byte offset\n"};
}

}  // namespace

void inspect(int socket, const std::filesystem::path& journal) {
  Stream stream(socket);
  std::string input;
  std::optional<HttpHead> head;
  while (!head) {
    if (!stream.read(input)) return;
    head = read_http_head(input);
    if (!head && input.size() > longest_head) break;
  }
  const Reply reply = head ? answer(*head, journal) : Reply{"431 Request Header Fields Too Large"};
  stream.write("HTTP/1.1 " + reply.status + "\r\nContent-Type: text/plain\r\nContent-Length: " +
               std::to_string(reply.body.size()) + "\r\nConnection: close\r\n\r\n" + reply.body);
  stream.finish();
}

}  // namespace egressproof::target
