#include <array>
#include <utility>

#include "base/nearest.h"
#include "base/object_reader.h"
#include "runner/backend/fake/fake.h"

namespace egressproof::backend::fake {
namespace {

constexpr std::array<std::pair<const char*, Behaviour>, 8> behaviours{
    {{"leak", Behaviour::leak},
     {"deny", Behaviour::deny},
     {"deny_silent", Behaviour::deny_silent},
     {"wrong_path", Behaviour::wrong_path},
     {"answered_by_other", Behaviour::answered_by_other},
     {"forged_answer", Behaviour::forged_answer},
     {"local_error", Behaviour::local_error},
     {"outage", Behaviour::outage}}};

constexpr std::array<std::pair<const char*, StreamFault>, 4> stream_faults{
    {{"killed", StreamFault::killed},
     {"truncated", StreamFault::truncated},
     {"lost_line", StreamFault::lost_line},
     {"duplicated_line", StreamFault::duplicated_line}}};

template <class Names, class Value>
void pick(ObjectReader& reader, const char* key, const Names& names, Value& value) {
  std::string text;
  reader.text(key, text, true);
  std::vector<std::string> known;
  for (const auto& [name, one] : names) {
    known.emplace_back(name);
    if (text != name) continue;
    value = one;
    return;
  }
  const auto close = nearest(text, known);
  reader.complain(key, "unknown " + std::string(key) + " '" + text + "'" +
                           (close ? " (did you mean '" + *close + "'?)" : std::string()));
}

template <class One, class Read>
void each(ObjectReader& reader, std::string_view text, const char* key, std::vector<One>& all, Read read) {
  const Json* list = reader.array(key);
  if (list == nullptr) return;
  for (const Json& item : *list) {
    ObjectReader inner(item.is_object() ? item : Json::object(), text);
    One one;
    read(inner, one);
    if (!inner.finish()) reader.complain(key, "in '" + std::string(key) + "': " + inner.problem().message);
    all.push_back(std::move(one));
  }
}

int small(ObjectReader& reader, const char* key) {
  std::uint64_t value = 0;
  reader.number(key, value, 1000000);
  return static_cast<int>(value);
}

}  // namespace

Result<Faults> decode_faults(const std::string& json, const std::string& file) {
  ObjectReader reader(json);
  Faults faults;
  each(reader, json, "overrides", faults.overrides, [](ObjectReader& inner, Override& one) {
    inner.text("attempt", one.attempt, true);
    pick(inner, "behaviour", behaviours, one.behaviour);
  });
  each(reader, json, "streams", faults.streams, [](ObjectReader& inner, BrokenStream& one) {
    inner.text("attempt", one.attempt, true);
    pick(inner, "fault", stream_faults, one.fault);
  });
  each(reader, json, "enforcement", faults.enforcement, [](ObjectReader& inner, Enforcement& one) {
    inner.text("profile", one.profile, true);
    inner.flag("never", one.never);
    one.rounds = small(inner, "rounds");
  });
  each(reader, json, "policy_changes", faults.policy_changes, [](ObjectReader& inner, PolicyChange& one) {
    inner.text("attempt", one.attempt, true);
    inner.text("profile", one.profile, true);
    inner.text("remove", one.remove);
  });
  each(reader, json, "rejections", faults.rejections, [](ObjectReader& inner, Rejection& one) {
    one.generation = small(inner, "generation");
    inner.text("message", one.message, true);
  });
  reader.texts("lost_receipts", faults.lost_receipts);
  reader.text("journal_lost_at", faults.journal_lost_at);
  reader.texts("stopped", faults.stopped);
  reader.texts("unresolvable", faults.unresolvable);
  if (const Json* names = reader.object("readdress"))
    for (const auto& [name, address] : names->items()) {
      if (address.is_string())
        faults.readdress[name] = address.get<std::string>();
      else
        reader.complain("readdress", "'readdress' must be an object of IP literals");
    }
  reader.texts("unhealthy", faults.unhealthy);
  reader.text("crash_at", faults.crash_at);
  reader.text("detect_error", faults.detect_error);
  reader.text("open_error", faults.open_error);
  if (reader.finish()) return faults;
  return fail(ErrorKind::usage,
              file + ": byte " + std::to_string(reader.problem().column) + ": " + reader.problem().message);
}

}  // namespace egressproof::backend::fake
