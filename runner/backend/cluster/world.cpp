#include "runner/backend/cluster/world.h"

#include <poll.h>

#include <algorithm>

#include "base/files.h"
#include "runner/backend/batch_limit.h"
#include "runner/backend/cluster/agent_link.h"
#include "runner/backend/cluster/shares.h"
#include "runner/backend/mesh/http.h"

namespace egressproof::backend::cluster {
namespace {

using std::chrono::milliseconds;

constexpr int parallel_attempts = 16;
constexpr milliseconds http_limit{5000};
// Envoy writes at each flush interval, the container runtime and kubectl pass it on.
constexpr std::chrono::seconds log_limit{15};
// What a tenant wrote into the template of a case's pod may keep connections from its proxy, and records with them.
constexpr std::chrono::seconds case_log_limit{3};
constexpr milliseconds poll_every{100};

// Whether a proxy that captures the probe's connections has seen this one: what stays within the pod is not its
// business.
bool through_proxy(const probe::Observation& seen) {
  const auto host = [](const std::string& end) { return end.substr(0, end.rfind(':')); };
  return !seen.local.empty() && seen.local.front() != '[' && host(seen.local) != host(seen.peer);
}

}  // namespace

std::vector<const ClusterWorld::Member*> ClusterWorld::members_of(const std::string& name) const {
  std::vector<const Member*> found;
  for (const Member& member : members_)
    if (member.name == name) found.push_back(&member);
  return found;
}

std::vector<AgentUrl> ClusterWorld::agent_urls(const ProbePlace& place) const {
  std::vector<AgentUrl> urls;
  if (absent_.count(place.name) != 0) return urls;
  for (const Member* member : members_of(place.pod)) {
    if (!member->forward || (place.tenant.ephemeral && !urls.empty())) continue;  // only the first pod has that
    if (member->from_zero)
      urls.push_back({member->forward->url(activator_port),
                      {"Knative-Serving-Namespace: " + place.ns, "Knative-Serving-Revision: " + member->revision}});
    else
      urls.push_back({member->forward->url(place.port)});
  }
  return urls;
}

std::map<std::string, std::string> ClusterWorld::all_agent_urls() const {
  std::map<std::string, std::string> urls;
  for (const ProbePlace& place : places_.probes) {
    if (place.tenant.from_zero) continue;  // asked, it would not be at zero any more
    int number = 0;
    for (const AgentUrl& url : agent_urls(place)) urls[place.name + " #" + std::to_string(++number)] = url.base;
  }
  return urls;
}

Result<std::map<std::string, probe::BatchResult>> ClusterWorld::send(
    const std::map<std::string, std::vector<probe::Attempt>>& batches, milliseconds limit) {
  const AgentAccess access{settings_.run_id, common_.agent_key};
  const std::string name = "b" + std::to_string(++batches_);
  struct Share {
    std::string probe;
    std::vector<probe::Attempt> attempts;
    AgentUrl again;  // another pod
  };
  std::map<std::string, Share> shares;  // by "P2 #1"
  std::map<std::string, AgentUrl> urls;
  std::map<std::string, std::vector<probe::Attempt>> relocated;
  std::map<std::string, probe::BatchResult> results;
  std::vector<const ProbePlace*> beginning;
  for (const auto& [probe, attempts] : batches) {
    const auto place = std::find_if(places_.probes.begin(), places_.probes.end(),
                                    [&, wanted = probe](const ProbePlace& one) { return one.name == wanted; });
    const auto pods = place == places_.probes.end() ? std::vector<AgentUrl>{} : agent_urls(*place);
    if (place != places_.probes.end() && place->tenant.init_container) {
      beginning.push_back(&*place);
      if (auto begun = begin_init(*place, name, attempts); !begun) return tl::unexpected(begun.error());
      continue;
    }
    if (pods.empty()) {
      const auto members = place == places_.probes.end() ? std::vector<const Member*>{} : members_of(place->pod);
      const auto absent = absent_.find(probe);
      results[probe].errors.push_back(absent != absent_.end() ? absent->second
                                      : members.empty()       ? "there is no probe '" + probe + "'"
                                                              : members.front()->missing);
      continue;
    }
    if (std::string there = awake(*place); !there.empty()) {
      results[probe].errors.push_back(std::move(there));
      continue;
    }
    std::vector<probe::Attempt> sent;
    for (const probe::Attempt& attempt : attempts) sent.push_back(relocation_.to_cluster(attempt));
    const auto parts = shares_of(sent, pods.size(), static_cast<std::size_t>(batches_));
    for (std::size_t k = 0; k < parts.size(); ++k) {
      if (parts[k].empty()) continue;
      const std::string key = probe + " #" + std::to_string(k + 1);
      shares[key] = {probe, parts[k], pods[(k + 1) % pods.size()]};
      urls[key] = pods[k];
      relocated[key] = parts[k];
    }
  }
  auto told = exchange(access, urls, relocated, name, parallel_attempts, limit);
  find_woken();
  // What a pod that was lost did not tell, another is asked for; with one pod a workload there is no other.
  std::map<std::string, std::vector<probe::Attempt>> missing;
  for (const auto& [key, share] : shares)
    if (auto rest = unobserved(share.attempts, told[key]); !rest.empty() && share.again.base != urls[key].base) {
      missing[key] = std::move(rest);
      urls[key] = share.again;
    }
  std::map<std::string, std::vector<probe::BatchResult>> by_probe;
  if (!missing.empty()) {
    auto again = exchange(access, urls, missing, name + "r", parallel_attempts, limit);
    for (const auto& [key, attempts] : missing) {
      if (again[key].closed) {
        told[key].errors.clear();
        told[key].closed = true;
      }
      by_probe[shares[key].probe].push_back(std::move(again[key]));
    }
  }
  for (const auto& [key, share] : shares) by_probe[share.probe].push_back(std::move(told[key]));
  for (const ProbePlace* place : beginning)
    by_probe[place->name].push_back(end_init(*place, name, batches.at(place->name)));
  for (auto& [probe, some] : by_probe) {
    results[probe] = joined(std::move(some));
    for (auto& [sequence, seen] : results[probe].observations) seen = relocation_.to_suite(std::move(seen));
  }
  return results;
}

Result<std::map<std::string, probe::BatchResult>> ClusterWorld::attempt(
    const std::map<std::string, std::vector<probe::Attempt>>& batches) {
  std::size_t largest = 0;
  for (const auto& [name, attempts] : batches) largest = std::max(largest, attempts.size());
  const milliseconds limit = milliseconds(30000) + longest_attempt * (largest / parallel_attempts);
  auto results = send(batches, limit);
  if (!results) return results;
  for (const ProbePlace& place : places_.probes) {
    const auto result = results->find(place.name);
    const auto pods = members_of(place.pod);
    if (!place.captured || result == results->end() || pods.empty() || !pods.front()->proxied) continue;
    for (const auto& [sequence, seen] : result->second.observations)
      if (through_proxy(seen)) ++expected_[place.pod][{seen.local, seen.peer}];
  }
  return results;
}

// One journal of many: a connection's number gets its target's own range, for the evidence joins by it.
Result<target::Journal> ClusterWorld::receipts() {
  std::vector<std::string> urls;
  for (const TargetMember& target : targets_)
    urls.push_back(target.forward->url(inspection_port) + "/journal?from=" + std::to_string(target.journal.size()));
  const auto replies = mesh::http_get_all(urls, http_limit);
  target::Journal all;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    TargetMember& target = targets_[i];
    if (!replies[i])
      return fail(ErrorKind::environment,
                  "the receipts of target " + target.fixture + ": " + replies[i].error().message);
    if (replies[i]->status != 200)
      return fail(ErrorKind::environment,
                  "the receipts of target " + target.fixture + ": HTTP status " + std::to_string(replies[i]->status));
    target.journal += replies[i]->body;
    target::Journal one = target::decode_journal(target.journal);
    for (target::Receipt& receipt : one.receipts) {
      if (receipt.connection != 0) receipt.connection += static_cast<std::uint64_t>(i + 1) << 32U;
      all.receipts.push_back(relocation_.to_suite(std::move(receipt)));
    }
    for (const std::string& error : one.errors) all.errors.push_back("target " + target.fixture + ": " + error);
  }
  std::stable_sort(all.receipts.begin(), all.receipts.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return all;
}

Result<std::vector<policy::MeshRecord>> ClusterWorld::records_of(const Member& member) const {
  const Pod& pod = member.pod;
  const auto log = kubectl_.run({"logs", "--namespace", pod.ns, pod.name, "--container", "istio-proxy"});
  if (!log) return tl::unexpected(log.error());
  mesh::AccessLog parsed = mesh::parse_access_log(member.witness, *log);
  if (parsed.malformed > 0)
    return fail(ErrorKind::environment, "the access log of pod " + pod.name + " has malformed records");
  for (policy::MeshRecord& record : parsed.records) record = relocation_.to_suite(std::move(record));
  return std::move(parsed.records);
}

Result<std::vector<policy::MeshRecord>> ClusterWorld::mesh_records() {
  const auto began = std::chrono::steady_clock::now();
  std::map<std::string, std::vector<policy::MeshRecord>> records;  // by member's name
  std::set<std::string> missing;
  for (const Member& member : members_)
    if (member.proxied) missing.insert(member.name);
  for (;;) {
    const auto waited = std::chrono::steady_clock::now() - began;
    for (auto name = missing.begin(); name != missing.end();) {
      const bool late = waited >= (of_a_case(*members_of(*name).front()) ? case_log_limit : log_limit);
      std::vector<policy::MeshRecord> all;
      for (const Member* member : members_of(*name)) {
        auto some = records_of(*member);
        if (!some) return tl::unexpected(some.error());
        all.insert(all.end(), std::make_move_iterator(some->begin()), std::make_move_iterator(some->end()));
      }
      const bool complete = mesh::without_record(expected_[*name], all) == 0;
      records[*name] = std::move(all);
      name = complete || late ? missing.erase(name) : std::next(name);
    }
    if (missing.empty()) break;
    ::poll(nullptr, 0, static_cast<int>(poll_every.count()));
  }
  std::vector<policy::MeshRecord> all;
  for (auto& [name, some] : records)
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  return all;
}

std::vector<std::string> ClusterWorld::health() {
  std::vector<std::string> problems;
  if (!open_) return {"the world is closed"};
  if (std::string lost = ownership_->lost(); !lost.empty()) problems.push_back(std::move(lost));
  if (std::string problem = stand_in_ ? stand_in_->problem() : ""; !problem.empty())
    problems.push_back("marking ingresses ready: " + problem);
  const auto pods = pods_of_run(kubectl_, settings_.run_id);
  if (!pods) return {pods.error().message};
  const auto check = [&](const Pod& mine) {
    const auto now = std::find_if(pods->begin(), pods->end(),
                                  [&](const Pod& pod) { return pod.ns == mine.ns && pod.name == mine.name; });
    if (now == pods->end() || now->ending)
      problems.push_back("pod " + mine.ns + "/" + mine.name + " is gone");
    else if (now->restarts > mine.restarts)
      problems.push_back("a container of pod " + mine.ns + "/" + mine.name + " was started anew");
    else if (!now->ready)
      problems.push_back(describe(*now));
  };
  for (Member& member : members_) {
    if (!member.missing.empty()) continue;
    if (!member.pod.name.empty()) check(member.pod);
    if (std::string how = member.forward ? member.forward->ended() : ""; !how.empty()) problems.push_back(how);
  }
  for (TargetMember& target : targets_) {
    check(target.pod);
    if (std::string how = target.forward ? target.forward->ended() : ""; !how.empty()) problems.push_back(how);
  }
  const auto status = proxy_status();
  if (!status) {
    problems.push_back(status.error().message);
  } else {
    const std::vector<std::string> namespaces = meshed_namespaces();
    for (std::string& rejected : mesh::rejections(*status))
      if (std::any_of(namespaces.begin(), namespaces.end(), [&](const std::string& ns) {
            return rejected.find("." + ns + " rejected ") != std::string::npos;
          }))
        problems.push_back(std::move(rejected));
  }
  return problems;
}

std::map<std::string, std::vector<std::string>> ClusterWorld::pod_addresses() {
  std::map<std::string, std::vector<std::string>> addresses;
  for (const Member& member : members_) addresses[member.name].push_back(member.pod.address);
  for (const ProbePlace& place : places_.probes)
    if (place.name != place.pod) addresses[place.name] = addresses[place.pod];
  for (const scenario::Fixture& fixture : blueprint_.suite.fixtures)
    for (const TargetMember& target : targets_)
      if (!fixture.relays_to.empty() && target.fixture == fixture.name)
        addresses[plan::relay_end(fixture.name)] = {target.pod.address};
  return addresses;
}

Versions ClusterWorld::versions() {
  Versions versions;
  const auto server = kubectl_.run({"version", "--output", "json"});
  const Json told = server ? Json::parse(*server, nullptr, false) : Json();
  if (told.is_object()) {
    versions["kubernetes"] = told.value("serverVersion", Json::object()).value("gitVersion", "");
    versions["kubectl"] = told.value("clientVersion", Json::object()).value("gitVersion", "");
  }
  if (!istiods_.empty())
    if (const auto reply = mesh::http_get({istiods_.front().url(8080) + "/version"}, http_limit)) {
      std::string text = reply->body.substr(0, reply->body.find('\n'));
      if (reply->status == 200 && !text.empty()) versions["istio"] = text;
    }
  for (const Member& member : members_) {
    if (!member.proxied || !member.forward) continue;
    const auto reply = mesh::http_get({member.forward->url(envoy_admin_port) + "/server_info"}, http_limit);
    const Json info = reply ? Json::parse(reply->body, nullptr, false) : Json();
    if (info.is_object()) versions["envoy"] = info.value("version", "");
    break;
  }
  const auto serving = kubectl_.run({"get", "namespace", "knative-serving", "--ignore-not-found", "--output",
                                     "jsonpath={.metadata.labels.app\\.kubernetes\\.io/version}"});
  if (serving && !serving->empty()) versions["knative"] = *serving;
  return versions;
}

Result<void> ClusterWorld::close() {
  if (!open_) return {};
  open_ = false;
  stand_in_.reset();
  members_.clear();
  targets_.clear();
  istiods_.clear();
  Result<void> done;
  if (blueprint_.keep)
    done = ownership_->keep();
  else if (auto removed = remove_runs(kubectl_); !removed)
    done = tl::unexpected(removed.error());
  ownership_.reset();
  return done;
}

ClusterWorld::~ClusterWorld() { (void)ClusterWorld::close(); }

}  // namespace egressproof::backend::cluster
