#include "base/bytes.h"
#include "base/crypto.h"
#include "base/object_reader.h"
#include "probe/codec.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t max_quoted = 200;  // bytes of a line that is shown to people

// Any bytes may have come; errors end up in JSON.
std::string shown(std::string_view line) { return bytes_to_utf8(line.substr(0, max_quoted)); }

}  // namespace

BatchReader::BatchReader(std::string batch, const std::vector<Attempt>& asked) : batch_(std::move(batch)) {
  for (const Attempt& attempt : asked)
    if (!asked_.emplace(attempt.sequence, attempt.nonce).second)
      result_.errors.push_back("batch " + batch_ + ": attempt " + std::to_string(attempt.sequence) +
                               " was asked for twice");
}

bool BatchReader::feed(std::string_view line) {
  const auto complain = [&](const std::string& what) { result_.errors.push_back("batch " + batch_ + ": " + what); };
  if (ended_) {
    complain("a line after the closing record");
    return true;
  }
  const Json json = Json::parse(line, nullptr, false);
  const std::string type = json.is_object() && json.contains("type") && json["type"].is_string() ? json["type"] : "";
  if (type == "problem") {
    complain("the probe did not understand a line: " + shown(line));
    return false;
  }
  if (type == "closing") {
    ObjectReader reader(line);
    std::string ignored;
    std::string batch;
    std::string hash;
    std::uint64_t count = 0;
    reader.text("type", ignored, true);
    reader.text("batch", batch, true);
    reader.number("count", count, UINT64_MAX, true);
    reader.text("sha256", hash, true);
    const std::size_t errors = result_.errors.size();
    if (!reader.finish()) complain("malformed closing record: " + reader.problem().message);
    if (batch != batch_) complain("closing record of batch '" + shown(batch) + "'");
    if (count != count_)
      complain("closing record counts " + std::to_string(count) + " observations, " + std::to_string(count_) + " came");
    if (hash != sha256_hex(hashed_)) complain("closing record's hash does not fit the lines that came");
    ended_ = true;
    result_.closed = result_.errors.size() == errors;
    return true;
  }
  if (type != "observation") {
    complain("unexpected line: " + shown(line));
    return false;
  }
  hashed_.append(line).append("\n");
  ++count_;
  const auto seen = decode_observation(line);
  if (!seen) {
    complain("malformed observation at byte " + std::to_string(seen.error().column) + ": " + seen.error().message);
    return false;
  }
  const std::string number = std::to_string(seen->sequence);
  const auto asked = asked_.find(seen->sequence);
  if (asked == asked_.end())
    complain("observation of attempt " + number + ", which was not asked for");
  else if (asked->second != seen->nonce)
    complain("observation " + number + " has another attempt's nonce");
  else if (!result_.observations.emplace(seen->sequence, *seen).second)
    complain("observation " + number + " came twice");
  return false;
}

BatchResult BatchReader::finish() {
  if (!ended_) result_.errors.push_back("batch " + batch_ + ": the stream ended without a closing record");
  for (const auto& [sequence, nonce] : asked_)
    if (result_.observations.count(sequence) == 0)
      result_.errors.push_back("batch " + batch_ + ": no observation of attempt " + std::to_string(sequence));
  return std::move(result_);
}

}  // namespace egressproof::probe
