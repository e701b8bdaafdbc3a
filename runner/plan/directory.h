// Who is meant in one profile: roles, fixtures, DNS names and addresses. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "probe/attempt.h"
#include "runner/scenario/scenario.h"

namespace egressproof::plan {

bool is_address(const std::string& text);  // an IP literal, without brackets

// "allow.test" of "ALLOW.Test.:8443": as names and Hosts are compared, without case, final dot and port.
std::string bare_name(std::string_view host);

// Borrows suite and profile. A role goes before a fixture of the same name, a profile's role before the suite's.
class Directory {
 public:
  Directory(const scenario::Suite& suite, const scenario::Profile& profile) : suite_(suite), profile_(profile) {}

  // nullptr: there is none.
  [[nodiscard]] const scenario::Role* role(const std::string& role) const;
  [[nodiscard]] const scenario::Role* role_of_name(const std::string& dns_name) const;
  [[nodiscard]] const scenario::Fixture* fixture(const std::string& role_or_fixture) const;
  // By Fixture::names and records, exact before wildcard, longer wildcards before shorter; `{nonce}` stands for a
  // label.
  [[nodiscard]] const scenario::Fixture* owner_of_name(const std::string& dns_name) const;
  // By what clients of the profile dial, then by Fixture::addresses.
  [[nodiscard]] const scenario::Fixture* owner_of_address(const std::string& address) const;

  // "" if the fixture has no address of the family.
  [[nodiscard]] std::string real_address(const scenario::Fixture& fixture, probe::Family family) const;
  // Profile::dialled of the fixture if it is of the family; "" if it has none.
  [[nodiscard]] std::string dialled_address(const scenario::Fixture& fixture, probe::Family family) const;

  // Whether it is what clients of the profile dial for some fixture, a VIP: real to them alone.
  [[nodiscard]] bool is_dialled(const std::string& address) const;

  // "{allowed}", "{sink.address}": the text with all placeholders replaced; `{nonce}` stays. An address is of `family`,
  // and what clients of the profile dial. Error kind scenario, with the nearest name.
  [[nodiscard]] Result<std::string> fill(const std::string& text, probe::Family family) const;
  // All that a `dial` may name.
  [[nodiscard]] std::vector<std::string> dialable_names() const;

 private:
  const scenario::Suite& suite_;
  const scenario::Profile& profile_;
};

}  // namespace egressproof::plan
