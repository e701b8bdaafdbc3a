// The hosts of a draft, each played by a fixture on a documentation range (RFC 5737). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runner/draft/model.h"

namespace egressproof::draft {

inline constexpr const char* forbidden_fixture = "forbidden";  // has all names that nobody lists
inline constexpr const char* sink_fixture = "sink";            // no name, every port
inline constexpr const char* sink_address = "198.51.100.254";
inline constexpr const char* unlisted_name = "unlisted.egressproof.test";

struct PlannedFixture {
  std::string name, address;
  std::set<std::uint16_t> ports;
  std::vector<std::string> names;
};

class Internet {
 public:
  // Addresses that the manifests name are kept free for those whom they name.
  explicit Internet(const Model& model);

  // Makes a host known; returns its fixture. A host that is known gets the ports beside its own. `address`: "" for one
  // of the documentation ranges.
  std::string play(const std::string& host, const std::set<std::uint16_t>& ports, const std::string& address = "");
  void also_named(const std::string& host, const std::string& fixture);
  void forbid(const std::string& host) { also_named(host, forbidden_fixture); }
  void every_fixture_has(const std::set<std::uint16_t>& ports);

  [[nodiscard]] std::string fixture_of(const std::string& host) const;  // "": none
  [[nodiscard]] bool full() const { return full_; }                     // there were more hosts than addresses

  // The document of kind Fixtures.
  [[nodiscard]] std::string to_yaml() const;

 private:
  PlannedFixture& fixture(const std::string& name);
  std::string next_address();

  std::vector<PlannedFixture> fixtures_;
  std::map<std::string, std::string> owner_;  // host -> fixture
  std::set<std::string> taken_;
  int next_ = 10;
  bool full_ = false;
};

// "edition-cnn-com"; "any-cnn-com" of "*.cnn.com". Letters, digits and '-' alone.
std::string slug_of(const std::string& host);

// The zone that answers for a name: its last two labels.
std::string zone_of(const std::string& name);

// A text in double quotes, as JSON and YAML have it.
std::string quoted(const std::string& text);

}  // namespace egressproof::draft
