#include "probe/admission.h"

#include "base/crypto.h"

namespace egressproof::probe {
namespace {

// More batches than a run sends in two minutes. When they are all taken, new batches wait: to forget one early would
// let it be replayed.
constexpr std::size_t most_ids = 10000;

}  // namespace

std::optional<Refusal> Admission::check_locked(const BatchSignature& signature, Milliseconds now) {
  if (signature.run != run_) return Refusal{403, "other_run", "the batch belongs to another run"};
  // No sum of what the client says, which might overflow.
  if (now - signature.issued > signature_validity || signature.issued - now > signature_validity)
    return Refusal{401, "expired", "the batch was signed more than 60 s before or after the probe's own time"};
  if (used_.count(signature.id) != 0) return Refusal{409, "replayed", "the batch was carried out before"};
  return std::nullopt;
}

std::optional<Refusal> Admission::check(const BatchSignature& signature, Milliseconds now) {
  const std::lock_guard lock(mutex_);
  return check_locked(signature, now);
}

bool Admission::genuine(const BatchSignature& signature, std::string_view body) const {
  return equal_in_constant_time(signature.mac, batch_mac(key_, signature, body));
}

std::optional<Refusal> Admission::admit(const BatchSignature& signature, Milliseconds now) {
  const std::lock_guard lock(mutex_);
  if (auto refused = check_locked(signature, now)) return refused;
  for (auto at = used_.begin(); at != used_.end();)
    at = now - at->second > signature_validity ? used_.erase(at) : std::next(at);
  if (running_) return Refusal{429, "busy", "another batch is running"};
  if (used_.size() >= most_ids) return Refusal{429, "busy", "too many batches within two minutes"};
  used_[signature.id] = signature.issued;
  running_ = true;
  return std::nullopt;
}

void Admission::release() {
  const std::lock_guard lock(mutex_);
  running_ = false;
}

std::string Admission::result_mac(const std::string& id, std::string_view earlier) const {
  return probe::result_mac(key_, id, earlier);
}

}  // namespace egressproof::probe
