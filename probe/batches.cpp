#include "probe/batches.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/object_reader.h"
#include "probe/codec.h"
#include "probe/ticker.h"

namespace egressproof::probe {
namespace {

constexpr std::uint64_t default_parallel = 32;
constexpr std::uint64_t max_parallel = 1000;

// A message may quote bytes that are not UTF-8.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string type_of(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  return json.is_object() && json.contains("type") && json["type"].is_string() ? json["type"] : "";
}

void Batches::take(const std::string& line) {
  ++line_;
  const std::string type = type_of(line);
  if (type == "batch")
    begin(line);
  else if (type == "run")
    run(line);
  else if (!open_)
    problem(0, "no batch is open");
  else
    add(line);
}

void Batches::end() {
  if (open_) problem(0, "the input ended before batch '" + name_ + "' was run");
}

void Batches::reset() {
  open_ = false;
  name_.clear();
  attempts_.clear();
  sequences_.clear();
  nonces_.clear();
  line_ = 0;
}

void Batches::problem(int column, const std::string& message) const {
  tell_(text_of({{"type", "problem"}, {"line", line_}, {"column", column}, {"message", message}}));
}

// A batch with a malformed first line is open all the same: its closing record must come.
void Batches::begin(const std::string& line) {
  if (open_)
    problem(0, "batch '" + name_ + "' was not run; its " + std::to_string(attempts_.size()) + " attempts are dropped");
  reset();
  open_ = true;
  line_ = 1;
  ObjectReader reader(line);
  std::string type;
  std::uint64_t parallel = default_parallel;
  reader.text("type", type, true);
  reader.text("batch", name_, true);
  reader.number("parallel", parallel, max_parallel);
  if (parallel == 0) reader.complain("parallel", "'parallel' counts from 1");
  if (!reader.finish()) problem(reader.problem().column, reader.problem().message);
  options_.parallel = static_cast<int>(parallel);
}

void Batches::add(const std::string& line) {
  auto attempt = decode_attempt(line);
  if (!attempt)
    problem(attempt.error().column, attempt.error().message);
  else if (!sequences_.insert(attempt->sequence).second)
    problem(0, "attempt " + std::to_string(attempt->sequence) + " came before in this batch");
  else if (!nonces_.insert(attempt->nonce).second)
    problem(0, "nonce " + attempt->nonce + " came before in this batch");
  else
    attempts_.push_back(std::move(*attempt));
}

void Batches::run(const std::string& line) {
  ObjectReader reader(line);
  std::string type;
  reader.text("type", type, true);
  if (!reader.finish()) problem(reader.problem().column, reader.problem().message);
  if (!open_) problem(0, "no batch is open");
  std::string told;
  std::size_t count = 0;
  allow_ticks();
  run_attempts(attempts_, options_, [&](const Observation& seen) {
    const std::string observation = encode(seen);
    told += observation + "\n";
    ++count;
    tell_(observation);
  });
  tell_(
      text_of({{"type", "closing"}, {"batch", bytes_to_utf8(name_)}, {"count", count}, {"sha256", sha256_hex(told)}}));
  reset();
}

}  // namespace egressproof::probe
