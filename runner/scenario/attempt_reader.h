// Attempts as written, with the places that later checks point at.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/scenario/reader.h"
#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

struct WrittenAttempt {
  AttemptSpec spec;
  std::map<std::string, Location> keys;    // where each key stands
  std::map<std::string, Location> values;  // where its value stands
  std::vector<PlacedText> texts;           // all that may hold placeholders
  bool sound = true;                       // false: a problem was told, and something may lack because of it
};

WrittenAttempt read_attempt(Problems& problems, const Node& node, const std::string& what);

// overlay() with the places.
WrittenAttempt overlay(const WrittenAttempt& base, const WrittenAttempt& over);

// Whether the key does anything with the attempt's protocol, "host" with tcp for example does not.
bool has_meaning(const std::string& key, const AttemptSpec& spec);

// "tls" and the like, with "over TLS" where it is: for messages.
std::string protocol_name(const AttemptSpec& spec);

}  // namespace egressproof::scenario
