#include <algorithm>
#include <set>

#include "runner/scenario/case_check.h"
#include "runner/scenario/kinds.h"
#include "runner/scenario/names.h"
#include "runner/scenario/needs.h"
#include "runner/scenario/pod_template.h"
#include "runner/scenario/rows.h"
#include "runner/scenario/scalars.h"

namespace egressproof::scenario {
namespace {

const std::vector<std::string> capability_names{"NET_RAW", "NET_ADMIN"};

// As probe::is_silent(): no proxy logs such a client before it sends something.
bool is_silent(const AttemptSpec& spec) {
  return spec.protocol == probe::Protocol::tcp && spec.payload.value_or("").empty() && !spec.tls.value_or(false) &&
         !spec.ticks;
}

class ScenarioReader {
 public:
  ScenarioReader(Problems& problems, const Node& root, const Known& known, const Suite& suite)
      : problems_(problems), file_(problems, root, "Scenario"), known_(known), suite_(suite) {
    scenario_.at = root.at;
  }

  Scenario read() {
    file_.take("apiVersion");
    file_.take("kind");
    read_name();
    file_.text("title", scenario_.title, Need::required);
    file_.text("requirement", scenario_.requirement, Need::required);
    read_columns();
    read_cases();
    read_reach();
    file_.finish();
    return std::move(scenario_);
  }

 private:
  void read_name() {
    const Node* node = file_.take("name", Need::required);
    if (node == nullptr) return;
    scenario_.name = read_text(problems_, *node, "'name'").value_or("");
    if (scenario_.name.empty()) return;
    if (!is_id(scenario_.name))
      problems_.add(node->at,
                    "'" + scenario_.name + "' cannot be a scenario's name: lower-case letters, digits and '-'");
    for (const Scenario& other : suite_.scenarios)
      if (other.name == scenario_.name)
        problems_.add(node->at, "a second scenario '" + scenario_.name + "'; the first is at " + to_string(other.at));
  }

  void read_columns() {
    const Node* node = file_.take("profiles", Need::required);
    if (node == nullptr) return;
    std::vector<std::string> names;
    for (const Profile& profile : suite_.profiles) names.push_back(profile.name);
    for (const Node& item : read_list(problems_, *node, "'profiles'")) {
      std::string name = read_text(problems_, item, "each item of 'profiles'").value_or("");
      if (known_.profiles && !name.empty() && std::find(names.begin(), names.end(), name) == names.end())
        problems_.add(item.at, "no profile '" + name + "'", did_you_mean(name, names));
      if (!name.empty() && std::find(columns_.begin(), columns_.end(), name) != columns_.end()) {
        problems_.add(item.at, "profile '" + name + "' is a column twice");
        name.clear();
      }
      columns_.push_back(std::move(name));  // "" keeps the place
    }
    columns_known_ = node->kind == Node::Kind::sequence;
    if (columns_known_ && node->items.empty()) problems_.add(node->at, "'profiles' must not be empty");
  }

  std::vector<Row> rows_of(const Node& node, const std::string& what) {
    if (columns_known_) return read_rows(problems_, node, what, columns_);
    std::vector<Row> rows;  // lengths and columns cannot be told
    for (const Entry* entry : read_entries(problems_, node, what)) rows.push_back({entry->key.text, entry->key.at, {}});
    return rows;
  }

  void read_cases() {
    const Node* expect = file_.take("expect");
    const Node* cases = file_.take("cases");
    if (cases == nullptr && !file_.has("cases") && !file_.has("reach"))
      problems_.add(scenario_.at, "a scenario needs 'cases' (with 'expect') or 'reach'");
    if (expect != nullptr) rows_ = rows_of(*expect, "'expect'");
    if (cases == nullptr) {
      if (expect != nullptr && !file_.has("cases")) problems_.add(file_.key_at("expect"), "'expect' without 'cases'");
      return;
    }
    if (expect == nullptr && !file_.has("expect")) problems_.add(file_.key_at("cases"), "'cases' without 'expect'");
    const auto entries = read_entries(problems_, *cases, "'cases'");
    for (const Entry* entry : entries) read_case(*entry, expect != nullptr);
    check_rows();
  }

  const Row* row_of(const std::string& key) const {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.key == key; });
    return found == rows_.end() ? nullptr : &*found;
  }

  void check_rows() {
    std::vector<std::string> ids;
    for (const Case& one : scenario_.cases) ids.push_back(one.id);
    for (const Row& row : rows_) {
      const std::size_t dot = row.key.find('.');
      const std::string id = row.key.substr(0, dot);
      const auto found =
          std::find_if(scenario_.cases.begin(), scenario_.cases.end(), [&](const Case& one) { return one.id == id; });
      if (found == scenario_.cases.end()) {
        problems_.add(row.at, "row '" + row.key + "' belongs to no case", did_you_mean(id, ids));
        continue;
      }
      if (dot == std::string::npos) continue;
      std::vector<std::string> variants;
      for (const Variant& variant : found->variants) variants.push_back(variant.name);
      const std::string name = row.key.substr(dot + 1);
      if (std::find(variants.begin(), variants.end(), name) == variants.end())
        problems_.add(row.at, "row '" + row.key + "' names no variant of the case", did_you_mean(name, variants));
    }
  }

  void check_unique(const Case& one) {
    for (const Scenario& other : suite_.scenarios)
      for (const Case& earlier : other.cases)
        if (earlier.id == one.id)
          problems_.add(one.at, "case '" + one.id + "' is already one of scenario '" + other.name + "' (" +
                                    to_string(earlier.at) + ")");
  }

  Identity read_identity(const Node& node) {
    static constexpr std::uint64_t most = 65535;
    Identity identity;
    MapReader map(problems_, node, "'identity'");
    for (const auto& [key, value] : {std::pair{"uid", &identity.uid}, {"gid", &identity.gid}})
      if (const Node* number = map.take(key))
        if (const auto read = read_number(problems_, *number, "'" + std::string(key) + "'", 0, most))
          *value = static_cast<int>(*read);
    if (const Node* list = map.take("capabilities"))
      for (const PlacedText& name : read_texts(problems_, *list, "'capabilities'")) {
        if (std::find(capability_names.begin(), capability_names.end(), name.text) == capability_names.end())
          problems_.add(
              name.at,
              "'" + name.text + "' is no capability that an attempt can need; known are " + one_of(capability_names),
              did_you_mean(name.text, capability_names));
        identity.capabilities.push_back(name.text);
      }
    map.finish();
    return identity;
  }

  void read_tags(MapReader& map, Case& one) {
    if (const Node* identity = map.take("identity")) one.identity = read_identity(*identity);
    if (const Node* tags = map.take("tags"))
      for (const PlacedText& tag : read_texts(problems_, *tags, "'tags'")) {
        if (!is_id(tag.text))
          problems_.add(tag.at, "'" + tag.text + "' cannot be a tag: lower-case letters, digits and '-'");
        one.tags.push_back(tag.text);
      }
    if (const Node* needs = map.take("needs"))
      for (const PlacedText& need : read_texts(problems_, *needs, "'needs'")) {
        if (std::find(known_needs.begin(), known_needs.end(), need.text) == known_needs.end())
          problems_.add(need.at, "no backend has a feature '" + need.text + "'; known are " + one_of(known_needs),
                        did_you_mean(need.text, known_needs));
        one.needs.push_back(need.text);
      }
  }

  void read_fetched_by(MapReader& map, Case& one, const WrittenCase& written) {
    static const std::vector<std::string> fetchers{"istiod", "proxy"};
    const Node* node = map.take("fetched-by");
    if (node == nullptr) return;
    const std::string name = read_text(problems_, *node, "'fetched-by'").value_or("");
    if (std::find(fetchers.begin(), fetchers.end(), name) == fetchers.end())
      problems_.add(node->at, "'fetched-by' must be " + one_of(fetchers) + ", not '" + name + "'",
                    did_you_mean(name, fetchers));
    one.fetched_by = name == "istiod" ? Fetcher::istiod : Fetcher::proxy;
    if (one.identity || !one.pods.empty())
      problems_.add(node->at, "what the mesh fetches no process of a pod sends: no 'identity', 'pod' and 'pods'");
    for (const VariantPlace& variant : written.variants) {
      const AttemptSpec spec = overlay(one.attempt, variant.attempt.spec);
      if (spec.protocol != probe::Protocol::http1 || !spec.path || spec.path->find("{nonce}") != std::string::npos ||
          spec.ticks)
        problems_.add(node->at,
                      "what the mesh fetches is http/1.1 without 'ticks', with the 'path' that the policy says");
    }
    add_need(one, "mesh-fetches");
  }

  void read_control_from(MapReader& map, Case& one) {
    const Node* node = map.take("control-from");
    if (node == nullptr) return;
    one.control_from = read_text(problems_, *node, "'control-from'").value_or("");
    std::vector<std::string> names;
    for (const Profile& profile : suite_.profiles) names.push_back(profile.name);
    if (known_.profiles && std::find(names.begin(), names.end(), one.control_from) == names.end())
      problems_.add(node->at, "no profile '" + one.control_from + "'", did_you_mean(one.control_from, names));
  }

  void read_corrections(MapReader& map, Case& one) {
    const Node* list = map.take("corrections");
    if (list == nullptr) return;
    for (const Node& item : read_list(problems_, *list, "'corrections'")) {
      Correction correction;
      correction.at = item.at;
      MapReader entry(problems_, item, "a correction");
      if (const Node* profiles = entry.take("profiles", Need::required))
        for (const PlacedText& name : read_texts(problems_, *profiles, "'profiles'")) {
          if (columns_known_ && std::find(columns_.begin(), columns_.end(), name.text) == columns_.end())
            problems_.add(name.at, "profile '" + name.text + "' is no column of this scenario",
                          did_you_mean(name.text, columns_));
          correction.profiles.push_back(name.text);
        }
      entry.text("catalogue", correction.catalogue, Need::required);
      entry.text("because", correction.because, Need::required);
      entry.finish();
      one.corrections.push_back(std::move(correction));
    }
  }

  void read_variants(MapReader& map, Case& one, WrittenCase& written) {
    const Node* variants = map.take("variants");
    if (variants != nullptr) {
      for (const Entry* entry : read_entries(problems_, *variants, "'variants'")) {
        const std::string& name = entry->key.text;
        if (!is_id(name))
          problems_.add(entry->key.at, "'" + name + "' cannot be a variant: lower-case letters, digits and '-'");
        VariantPlace place{name, entry->key.at, read_attempt(problems_, entry->value, "a variant"), {}};
        one.variants.push_back({name, place.attempt.spec});
        written.variants.push_back(std::move(place));
      }
      if (variants->kind == Node::Kind::map && variants->entries.empty())
        problems_.add(variants->at, "'variants' must not be empty");
    }
    if (variants == nullptr) written.variants.push_back({"", one.at, {}, {}});
  }

  void give_expectations(Case& one, WrittenCase& written) {
    const Row* row = row_of(one.id);
    if (row != nullptr) one.expectations = row->cells;
    for (VariantPlace& variant : written.variants) {
      const Row* own = variant.name.empty() ? nullptr : row_of(one.id + "." + variant.name);
      if (own != nullptr) one.variant_expectations[variant.name] = own->cells;
      const Row* used = own != nullptr ? own : row;
      if (used != nullptr) {
        variant.cells = used->cells;
        continue;
      }
      // The lack of a row was told; the attempts are checked all the same, as loosely as any cell would.
      for (const std::string& column : columns_) variant.cells[column].expect = Expect::outage;
    }
  }

  void read_case(const Entry& entry, bool has_rows) {
    Case one;
    one.id = entry.key.text;
    one.at = entry.key.at;
    const Problems::Context context(problems_, "case '" + one.id + "'", one.at);
    if (!is_id(one.id))
      problems_.add(one.at, "'" + one.id + "' cannot be a case's id: lower-case letters, digits and '-'");
    check_unique(one);
    if (has_rows && row_of(one.id) == nullptr) {
      std::vector<std::string> keys;
      for (const Row& row : rows_) keys.push_back(row.key);
      problems_.add(one.at, "case '" + one.id + "' has no row in 'expect'", did_you_mean(one.id, keys));
    }
    WrittenCase written;
    MapReader map(problems_, entry.value, "a case");
    map.text("title", one.title, Need::required);
    const Node* attempt = map.take("attempt", Need::required);
    if (attempt != nullptr) {
      written.attempt_at = attempt->at;
      written.attempt = read_attempt(problems_, *attempt, "'attempt'");
      one.attempt = written.attempt.spec;
    }
    read_variants(map, one, written);
    if (const Node* control = map.take("control")) {
      written.control_at = control->at;
      written.control = read_attempt(problems_, *control, "'control'");
      one.control = written.control->spec;
    }
    read_control_from(map, one);
    if (const Node* target = map.take("target")) {
      one.target = read_text(problems_, *target, "'target'").value_or("");
      written.target = one.target;
      written.target_at = target->at;
    }
    if (const Node* host = map.take("target-host")) {
      one.target_host = read_text(problems_, *host, "'target-host'").value_or("");
      written.target_host = {one.target_host, host->at};
    }
    one.pods = read_pods(problems_, map, one.variants);
    read_tags(map, one);
    read_fetched_by(map, one, written);
    add_needs_of_pods(one);
    if (one.identity && !one.identity->capabilities.empty()) add_need(one, "capabilities");
    const auto anywhere = [&](const auto& of_spec) {
      return of_spec(one.attempt) || std::any_of(written.variants.begin(), written.variants.end(),
                                                 [&](const auto& variant) { return of_spec(variant.attempt.spec); });
    };
    if (anywhere([](const AttemptSpec& spec) { return spec.ticks.has_value(); })) add_need(one, "policy-changes");
    if (anywhere([](const AttemptSpec& spec) { return spec.outer.has_value(); })) add_need(one, "workload-certificate");
    if (std::any_of(written.variants.begin(), written.variants.end(),
                    [&](const VariantPlace& variant) { return is_silent(overlay(one.attempt, variant.attempt.spec)); }))
      add_need(one, "kernel-witness");
    if (one.pods.empty() && has_need(one, "pod-template"))
      problems_.add(map.key_at("needs"), "a case that needs 'pod-template' has no 'pod'");
    map.text("reference", one.reference, Need::required);
    map.text("why", one.why);
    map.text("fix", one.fix);
    read_corrections(map, one);
    map.finish();
    give_expectations(one, written);
    if (known_.fixtures && attempt != nullptr) check_case(problems_, suite_, written);
    scenario_.cases.push_back(std::move(one));
  }

  void read_reach() {
    const Node* node = file_.take("reach");
    if (node == nullptr) return;
    const Problems::Context context(problems_, "the reach table", file_.key_at("reach"));
    MapReader map(problems_, *node, "'reach'");
    std::optional<probe::Protocol> protocol;
    if (const Node* name = map.take("protocol", Need::required)) {
      const auto text = read_text(problems_, *name, "'protocol'");
      if (text == "tls")
        protocol = probe::Protocol::tls;
      else if (text == "http/1.1")
        protocol = probe::Protocol::http1;
      else if (text)
        problems_.add(name->at, "'protocol' of a reach table must be 'tls' or 'http/1.1', not '" + *text + "'",
                      did_you_mean(*text, {"tls", "http/1.1"}));
    }
    std::string reference;
    map.text("reference", reference, Need::required);
    const Node* expect = map.take("expect", Need::required);
    map.finish();
    if (expect == nullptr) return;
    for (const Row& row : rows_of(*expect, "'expect'")) add_reach(row, protocol, reference);
  }

  void add_reach(const Row& row, std::optional<probe::Protocol> protocol, const std::string& reference) {
    Case one;
    one.id = "reach." + row.key;
    one.at = row.at;
    const auto to = parse_host_port(row.key);
    if (!to || !is_dns_name(to->host, false)) {
      problems_.add(row.at, "'" + row.key + "' must be NAME:PORT with a port from 1 to 65535");
      return;
    }
    one.title = "reach " + to->host + " on port " + std::to_string(to->port);
    one.attempt.protocol = protocol;
    one.attempt.to = row.key;
    if (const Fixture* owner = owner_of(suite_, to->host))
      one.target = owner->name;
    else if (known_.fixtures)
      problems_.add(row.at, "'" + to->host + "' is no fixture's name", did_you_mean(to->host, known_dns_names(suite_)));
    one.reference = reference;
    one.expectations = row.cells;
    check_unique(one);
    scenario_.cases.push_back(std::move(one));
  }

  Problems& problems_;
  MapReader file_;
  const Known& known_;
  const Suite& suite_;
  Scenario scenario_;
  std::vector<std::string> columns_;
  bool columns_known_ = false;
  std::vector<Row> rows_;
};

}  // namespace

void read_scenario(Problems& problems, const Node& root, const Known& known, Suite& suite) {
  suite.scenarios.push_back(ScenarioReader(problems, root, known, suite).read());
}

}  // namespace egressproof::scenario
