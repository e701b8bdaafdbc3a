// The fake world's DNS: what the authoritative server of the real worlds answers for the same suite. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probe/observation.h"
#include "runner/backend/fake/fake.h"
#include "runner/scenario/scenario.h"

namespace egressproof::backend::fake {

struct Lookup {
  probe::Code code = probe::Code::ok;
  std::vector<std::string> addresses;
};

class Names {
 public:
  Names(const scenario::Suite& suite, const Faults& faults);
  // `type`: "A" or "AAAA". A name outside the zones is refused (name_server_failure).
  [[nodiscard]] Lookup find(const std::string& name, const std::string& type) const;

 private:
  std::vector<std::string> zones_;
  std::vector<scenario::Record> records_;  // values are IP literals
  std::map<std::string, std::string> readdress_;
};

}  // namespace egressproof::backend::fake
