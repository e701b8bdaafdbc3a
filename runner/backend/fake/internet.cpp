#include "runner/backend/fake/internet.h"

#include <algorithm>

#include "runner/plan/plan.h"

namespace egressproof::backend::fake {

std::string endpoint(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Internet::Internet(std::vector<scenario::Fixture> fixtures, std::map<std::string, std::string> keys,
                   const Faults& faults)
    : fixtures_(std::move(fixtures)), keys_(std::move(keys)) {
  for (scenario::Fixture& fixture : fixtures_)
    if (std::find(faults.stopped.begin(), faults.stopped.end(), fixture.name) != faults.stopped.end())
      fixture.listening = false;
  journal_ = "{\"type\":\"opened\",\"at_us\":" + std::to_string(clock_now().count()) + "}\n";
}

const scenario::Fixture* Internet::listener(const std::string& address, std::uint16_t port) const {
  for (const scenario::Fixture& fixture : fixtures_) {
    if (std::find(fixture.addresses.begin(), fixture.addresses.end(), address) == fixture.addresses.end()) continue;
    const bool open =
        fixture.every_port || std::find(fixture.ports.begin(), fixture.ports.end(), port) != fixture.ports.end();
    return open && fixture.listening ? &fixture : nullptr;
  }
  return nullptr;
}

const scenario::Fixture* Internet::owner(const std::string& address) const {
  const auto found = std::find_if(fixtures_.begin(), fixtures_.end(), [&](const scenario::Fixture& fixture) {
    return std::find(fixture.addresses.begin(), fixture.addresses.end(), address) != fixture.addresses.end();
  });
  return found == fixtures_.end() ? nullptr : &*found;
}

std::string Internet::relayed_to(const scenario::Fixture& fixture) const {
  for (const scenario::Fixture& one : fixtures_)
    if (one.name == fixture.relays_to)
      for (const std::string& address : one.addresses)
        if (address.find(':') == std::string::npos) return address;
  return {};
}

std::map<std::string, std::string> Internet::relays() const {
  std::map<std::string, std::string> found;
  for (const scenario::Fixture& one : fixtures_)
    if (!one.relays_to.empty()) found[plan::relay_end(one.name)] = one.addresses.front();
  return found;
}

bool Internet::exists(const std::string& address) const { return owner(address) != nullptr; }

std::uint64_t Internet::receive(target::Receipt receipt, bool lost) {
  receipt.number = ++receipts_;
  receipt.at = clock_now();
  if (!lost) journal_ += target::encode(receipt) + "\n";
  return receipt.number;
}

probe::Answer Internet::answer(const std::string& fixture, const std::string& nonce, std::uint64_t receipt) const {
  target::Fixture one;
  one.name = fixture;
  one.key = keys_.at(fixture);
  const std::string line = target::encode_answer(one, nonce, receipt);
  const std::size_t mac = line.find(" mac=") + 5;
  return {fixture, nonce.empty() ? "-" : nonce, receipt, line.substr(mac, line.find('\n') - mac)};
}

}  // namespace egressproof::backend::fake
