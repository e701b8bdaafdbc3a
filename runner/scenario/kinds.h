// One reader for each kind of document. They read in the order Fixtures, Profiles, Scenario: each checks its references
// against what the suite holds by then.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/scenario/reader.h"
#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

// Which references can be checked: with a Fixtures document that is absent or unreadable every name would be unknown.
struct Known {
  bool fixtures = false;
  bool profiles = false;
};

// Policy files by path as shown in messages; each is read once however many profiles name it.
using PolicyFiles = std::map<std::string, std::vector<PolicyObject>>;

// `root` is a map whose apiVersion and kind were checked.
void read_fixtures(Problems& problems, const Node& root, Suite& suite);
void read_profiles(Problems& problems, const Node& root, const Known& known, Suite& suite);
void read_scenario(Problems& problems, const Node& root, const Known& known, Suite& suite);

// {name: ..., fixture: ...} by role name. Used by Fixtures and Profiles.
std::map<std::string, Role> read_roles(Problems& problems, const Node& node, const Known& known, const Suite& suite);

// An IP literal in canonical form; the harness's own range is refused.
std::optional<std::string> read_address(Problems& problems, const Node& node, const std::string& what);

// Kubernetes manifests of one file. `named_at` is where a file that cannot be read is told.
std::vector<PolicyObject> read_policy_file(Problems& problems, const std::string& path, const Location& named_at);

}  // namespace egressproof::scenario
