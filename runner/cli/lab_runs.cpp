#include "runner/cli/lab_runs.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/unique_fd.h"
#include "runner/backend/lab/work_folder.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/lab_up.h"
#include "runner/cli/terminal.h"

namespace egressproof::cli {
namespace {

using backend::lab::LiveRun;

constexpr std::chrono::milliseconds orderly_limit{5000};
constexpr std::chrono::milliseconds killed_limit{5000};

bool is_up(const LiveRun& run) {
  std::error_code code;
  return std::filesystem::exists(run.path / state_file, code);
}

void write_pods(const LiveRun& run) {
  const auto content = read_file(run.path / state_file);
  const Json state = content ? Json::parse(*content, nullptr, false) : Json();
  if (!state.is_object() || !state.contains("pods") || !state["pods"].is_array()) return;
  for (const Json& pod : state["pods"])
    std::cout << "  " << pod.value("profile", "") << "  " << pod.value("title", "") << "\n      "
              << pod.value("enter", "no process in this pod") << '\n';
}

bool lives(const LiveRun& run) {
  const auto runs = backend::lab::live_runs();
  return runs && std::any_of(runs->begin(), runs->end(), [&](const LiveRun& one) { return one.run_id == run.run_id; });
}

// Ends the owner, through a descriptor: its number may be another process's by the time the signal is sent.
Result<void> end(const LiveRun& run) {
  if (run.pid <= 0) return fail(ErrorKind::environment, "run " + run.run_id + ": its owner is not known");
  const UniqueFd owner(static_cast<int>(::syscall(SYS_pidfd_open, run.pid, 0)));
  if (!owner.valid() || !lives(run)) return {};
  const auto ends_within = [&](int signal, std::chrono::milliseconds limit) {
    ::syscall(SYS_pidfd_send_signal, owner.get(), signal, nullptr, 0);
    pollfd entry{owner.get(), POLLIN, 0};
    return ::poll(&entry, 1, static_cast<int>(limit.count())) > 0;
  };
  if (ends_within(SIGTERM, orderly_limit) || ends_within(SIGKILL, killed_limit)) return {};
  return fail(ErrorKind::environment, "run " + run.run_id + ": its owner, process " + std::to_string(run.pid) +
                                          ", did not end within " + std::to_string(killed_limit.count()) +
                                          " ms of SIGKILL");
}

Result<std::vector<LiveRun>> chosen(const DownOptions& options) {
  auto runs = backend::lab::live_runs();
  if (!runs) return runs;
  std::vector<std::string> known;
  for (const LiveRun& run : *runs) known.push_back(run.run_id);
  for (const std::string& id : options.run_ids) {
    if (std::count(known.begin(), known.end(), id) != 0) continue;
    const auto close = nearest(id, known);
    return fail(ErrorKind::usage, "no live run '" + id + "'" + (close ? " (did you mean '" + *close + "'?)" : ""));
  }
  runs->erase(std::remove_if(runs->begin(), runs->end(),
                             [&](const LiveRun& run) {
                               if (!options.run_ids.empty())
                                 return std::count(options.run_ids.begin(), options.run_ids.end(), run.run_id) == 0;
                               return !options.all && !is_up(run);
                             }),
              runs->end());
  return runs;
}

}  // namespace

int lab_status() {
  const auto runs = backend::lab::live_runs();
  if (!runs) return fail_with(runs.error());
  if (runs->empty()) std::cout << "no lab is up\n";
  for (const LiveRun& run : *runs) {
    std::cout << run.run_id << "  " << (is_up(run) ? "lab, up" : "run in progress") << ", process " << run.pid << ", "
              << run.path.string() << '\n';
    if (is_up(run)) write_pods(run);
  }
  return run::exit_matched;
}

int lab_down(const DownOptions& options) {
  const auto runs = chosen(options);
  if (!runs) return fail_with(runs.error());
  int code = run::exit_matched;
  for (const LiveRun& run : *runs) {
    if (auto ended = end(run); !ended)
      code = fail_with(ended.error());
    else
      std::cout << "ended " << run.run_id << '\n';
  }
  const auto removed =
      backend::lab::clean_leftovers(options.all ? backend::lab::Leftovers::all : backend::lab::Leftovers::abandoned);
  if (!removed) return fail_with(removed.error());
  if (*removed > 0)
    std::cout << "removed " << *removed << (*removed == 1 ? " folder" : " folders") << " of dead runs\n";
  if (runs->empty() && *removed == 0) std::cout << "nothing to end\n";
  return code;
}

}  // namespace egressproof::cli
