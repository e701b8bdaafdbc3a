// The fake world's far side: which fixture owns an address, and the receipt journal.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "probe/observation.h"
#include "runner/backend/fake/fake.h"
#include "runner/scenario/scenario.h"
#include "target/codec.h"

namespace egressproof::backend::fake {

class Internet {
 public:
  Internet(std::vector<scenario::Fixture> fixtures, std::map<std::string, std::string> keys, const Faults& faults);

  // The fixture that listens there; nullptr: none does.
  [[nodiscard]] const scenario::Fixture* listener(const std::string& address, std::uint16_t port) const;
  // Whether the address exists: nothing listening is a refusal then, else silence.
  [[nodiscard]] bool exists(const std::string& address) const;
  [[nodiscard]] const scenario::Fixture* owner(const std::string& address) const;  // nullptr: none
  // The first IPv4 address of whom the fixture relays to; "": it relays to nobody.
  [[nodiscard]] std::string relayed_to(const scenario::Fixture& fixture) const;
  // By plan::relay_end(): the address from which each fixture that relays does so.
  [[nodiscard]] std::map<std::string, std::string> relays() const;

  std::uint64_t new_connection() { return ++connections_; }
  // Numbers and writes the receipt; returns the number. `lost`: the number is used up, the line is not written.
  std::uint64_t receive(target::Receipt receipt, bool lost);
  // The answer that the fixture gives to the request of that receipt.
  [[nodiscard]] probe::Answer answer(const std::string& fixture, const std::string& nonce, std::uint64_t receipt) const;
  // What a file of the real target would hold.
  [[nodiscard]] const std::string& journal() const { return journal_; }

 private:
  std::vector<scenario::Fixture> fixtures_;
  std::map<std::string, std::string> keys_;
  std::uint64_t connections_ = 0;
  std::uint64_t receipts_ = 0;
  std::string journal_;
};

// "address:port", "[v6]:port".
std::string endpoint(const std::string& address, std::uint16_t port);

}  // namespace egressproof::backend::fake
