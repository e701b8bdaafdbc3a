#include <algorithm>

#include "base/bytes.h"
#include "base/object_reader.h"
#include "probe/codec.h"

namespace egressproof::probe {
namespace {

Json to_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(bytes_to_utf8(text));
  return list;
}

void read_stages(ObjectReader& reader, std::string_view line, std::vector<StageResult>& stages) {
  const Json* list = reader.array("stages");
  if (list == nullptr) return;
  for (const Json& one : *list) {
    ObjectReader inner(one.is_object() ? one : Json::object(), line);
    std::string stage;
    std::string code;
    StageResult result;
    inner.text("stage", stage, true);
    inner.text("code", code, true);
    inner.micros("took_us", result.took);
    const auto parsed_stage = stage_from(stage);
    const auto parsed_code = code_from(code);
    if (!inner.finish() || !parsed_stage || !parsed_code) {
      reader.complain("stages", "'stages' must be a list of {stage, code, took_us}");
      return;
    }
    result.stage = *parsed_stage;
    result.code = *parsed_code;
    stages.push_back(result);
  }
}

void read_answer(ObjectReader& reader, std::string_view line, std::optional<Answer>& answer) {
  const Json* object = reader.object("answer");
  if (object == nullptr) return;
  ObjectReader inner(*object, line);
  answer.emplace();
  inner.text("fixture", answer->fixture, true);
  inner.text("nonce", answer->nonce, true);
  inner.number("receipt", answer->receipt, UINT64_MAX, true);
  inner.text("mac", answer->mac, true);
  if (!inner.finish()) reader.complain("answer", inner.problem().message);
}

// [sent_at_us, status, answered_after_us], the last one only of those answered: there are many.
Json to_json(const std::vector<Tick>& ticks) {
  Json list = Json::array();
  for (const Tick& one : ticks) {
    list.push_back({one.sent_at.count(), one.status});
    if (one.answered_after) list.back().push_back(one.answered_after->count());
  }
  return list;
}

void read_ticks(ObjectReader& reader, std::vector<Tick>& ticks) {
  const Json* list = reader.array("ticks");
  if (list == nullptr) return;
  for (const Json& one : *list) {
    const bool numbers =
        one.is_array() && (one.size() == 2 || one.size() == 3) &&
        std::all_of(one.begin(), one.end(), [](const Json& each) {
          return each.is_number_integer() && (!each.is_number_unsigned() || each.get<std::uint64_t>() <= INT64_MAX);
        });
    if (!numbers || one[0] < 0 || one[1] < 0 || one[1] > 999 || (one.size() == 3 && one[2] < 0)) {
      reader.complain("ticks",
                      "'ticks' must be a list of [sent_at_us, status] or [sent_at_us, status, answered_after_us]");
      return;
    }
    Tick tick;
    tick.sent_at = std::chrono::microseconds(one[0].get<std::int64_t>());
    tick.status = one[1].get<int>();
    if (one.size() == 3) tick.answered_after = std::chrono::microseconds(one[2].get<std::int64_t>());
    ticks.push_back(tick);
  }
}

}  // namespace

std::string encode(const Observation& seen) {
  Json json = {{"type", "observation"},
               {"sequence", seen.sequence},
               {"attempt_id", bytes_to_utf8(seen.attempt_id)},
               {"nonce", bytes_to_utf8(seen.nonce)},
               {"code", to_string(seen.code)},
               {"reached", to_string(seen.reached)}};
  Json stages = Json::array();
  for (const StageResult& one : seen.stages)
    stages.push_back({{"stage", to_string(one.stage)}, {"code", to_string(one.code)}, {"took_us", one.took.count()}});
  json["stages"] = stages;
  json["started_at_us"] = seen.started_at.count();
  json["finished_at_us"] = seen.finished_at.count();
  if (!seen.addresses.empty()) json["addresses"] = to_json(seen.addresses);
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = bytes_to_utf8(value);
  };
  put("peer", seen.peer);
  put("local", seen.local);
  if (seen.http_status) json["http_status"] = *seen.http_status;
  put("http_version", seen.http_version);
  put("server_header", seen.server_header);
  put("alpn", seen.alpn);
  put("tls_version", seen.tls_version);
  put("certificate", seen.certificate);
  if (seen.answer)
    json["answer"] = {{"fixture", bytes_to_utf8(seen.answer->fixture)},
                      {"nonce", bytes_to_utf8(seen.answer->nonce)},
                      {"receipt", seen.answer->receipt},
                      {"mac", bytes_to_utf8(seen.answer->mac)}};
  put("body_excerpt", seen.body_excerpt);
  json["bytes_received"] = seen.bytes_received;
  if (!seen.redirects.empty()) json["redirects"] = to_json(seen.redirects);
  if (!seen.dns_answers.empty()) json["dns_answers"] = to_json(seen.dns_answers);
  if (!seen.ticks.empty()) json["ticks"] = to_json(seen.ticks);
  put("detail", seen.detail);
  return json.dump();
}

tl::expected<Observation, Problem> decode_observation(std::string_view line) {
  ObjectReader reader(line);
  Observation seen;
  std::string type;
  std::string code;
  std::string reached;
  reader.text("type", type, true);
  if (type != "observation") reader.complain("type", "'type' must be \"observation\"");
  reader.number("sequence", seen.sequence, UINT64_MAX, true);
  reader.text("attempt_id", seen.attempt_id);
  reader.text("nonce", seen.nonce, true);
  reader.text("code", code, true);
  reader.text("reached", reached, true);
  if (const auto parsed = code_from(code))
    seen.code = *parsed;
  else
    reader.complain("code", parsed.error().message);
  if (const auto parsed = stage_from(reached))
    seen.reached = *parsed;
  else
    reader.complain("reached", parsed.error().message);
  read_stages(reader, line, seen.stages);
  reader.micros("started_at_us", seen.started_at, true);
  reader.micros("finished_at_us", seen.finished_at, true);
  reader.texts("addresses", seen.addresses);
  reader.text("peer", seen.peer);
  reader.text("local", seen.local);
  if (reader.has("http_status")) {
    std::uint64_t status = 0;
    reader.number("http_status", status, 999);
    seen.http_status = static_cast<int>(status);
  }
  reader.text("http_version", seen.http_version);
  reader.text("server_header", seen.server_header);
  reader.text("alpn", seen.alpn);
  reader.text("tls_version", seen.tls_version);
  reader.text("certificate", seen.certificate);
  read_answer(reader, line, seen.answer);
  reader.text("body_excerpt", seen.body_excerpt);
  reader.number("bytes_received", seen.bytes_received, UINT64_MAX);
  reader.texts("redirects", seen.redirects);
  reader.texts("dns_answers", seen.dns_answers);
  read_ticks(reader, seen.ticks);
  reader.text("detail", seen.detail);
  if (!reader.finish()) return tl::unexpected(Problem{0, reader.problem().column, reader.problem().message});
  return seen;
}

}  // namespace egressproof::probe
