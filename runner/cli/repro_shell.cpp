#include "runner/cli/repro_shell.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/files.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/kind.h"
#include "runner/cli/manual_line.h"
#include "runner/cli/progress.h"
#include "runner/cli/terminal.h"
#include "runner/cli/wire.h"
#include "runner/report/explain.h"
#include "runner/report/printable.h"

namespace egressproof::cli {
namespace {

constexpr scenario::Identity workload_identity{};

// The program within the pod: that of the sandbox is outside the pod's PID namespace, which holds what it started.
int process_within(int pid) {
  const std::string number = std::to_string(pid);
  const auto children = read_file("/proc/" + number + "/task/" + number + "/children");
  const int child = children ? std::atoi(children->c_str()) : 0;
  return child > 0 ? child : pid;
}

scenario::Identity identity_of(const plan::Plan& plan, const plan::Cell& cell) {
  for (const plan::ExtraProbe& probe : plan.extra_probes)
    if (probe.name == cell.pod) return probe.identity;
  return workload_identity;
}

std::map<std::string, std::string> environment_of(const plan::Cell& cell, const std::string& line) {
  std::map<std::string, std::string> made = {{"EP_PROFILE", cell.profile},
                                             {"EP_CASE", cell.scenario + "/" + cell.case_id},
                                             {"EP_NONCE", cell.attempt.nonce},
                                             {"EP_NAME", cell.attempt.name},
                                             {"EP_ADDRESS", cell.attempt.address},
                                             {"EP_PORT", std::to_string(cell.attempt.port)},
                                             {"EP_TARGET", cell.target.fixture},
                                             {"EP_LINE", line},
                                             {"PS1", "[" + cell.profile + "] \\w \\$ "},
                                             {"HOME", "/"}};
  const auto outer = environment();
  for (const char* name : {"PATH", "TERM", "LANG", "LC_ALL"})
    if (const auto found = outer.find(name); found != outer.end()) made[name] = found->second;
  return made;
}

void introduce(const plan::Cell& cell, const scenario::Identity& who, const std::string& line) {
  std::cout << "\nThis shell is in the pod of " << cell.profile << ", as uid " << who.uid
            << "; its policies are in force. " << cell.scenario << '/' << cell.case_id << " sends:\n\n";
  for (const std::string& one : wire_lines(cell.attempt)) std::cout << "    " << one << '\n';
  std::cout << '\n'
            << (line.empty() ? "  (no common program sends these very bytes)" : "  " + line)
            << "\n\n  expected: " << sentence_of(cell)
            << "\n  The line is in $EP_LINE too. 'exit' ends the shell and takes the world down.\n\n"
            << std::flush;
}

// In this process's own group: an interactive shell takes the terminal by itself, and gives it back.
Result<void> run_in_terminal(std::vector<std::string> argv, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> made;
    for (std::string& text : texts) made.push_back(text.data());
    made.push_back(nullptr);
    return made;
  };
  const auto words = pointers(argv);
  const auto settings = pointers(variables);
  pid_t pid = 0;
  if (const int code = ::posix_spawnp(&pid, words[0], nullptr, nullptr, words.data(), settings.data()); code != 0) {
    errno = code;
    return tl::unexpected(system_error(ErrorKind::environment, "posix_spawnp('" + argv[0] + "')"));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // A shell that was killed leaves the terminal with its own group.
  struct sigaction ignored {};
  ignored.sa_handler = SIG_IGN;
  struct sigaction before {};
  ::sigaction(SIGTTOU, &ignored, &before);
  ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  ::sigaction(SIGTTOU, &before, nullptr);
  return {};
}

void tell_witnesses(backend::World& world, const plan::Cell& cell, std::chrono::microseconds since) {
  if (const auto journal = world.receipts()) {
    std::size_t count = 0;
    for (const target::Receipt& receipt : journal->receipts) {
      if (receipt.nonce != cell.attempt.nonce) continue;
      std::cout << (count++ == 0 ? "\nreceived meanwhile, with this nonce:\n" : "") << "  "
                << report::receipt_text(receipt) << '\n';
    }
    if (count == 0) std::cout << "\nreceived meanwhile, with this nonce: nothing\n";
  } else {
    complain(to_string(journal.error()));
  }
  const auto records = world.mesh_records();
  if (!records) return complain(to_string(records.error()));
  std::cout << "logged meanwhile:\n";
  for (const policy::MeshRecord& record : *records)
    if (record.at >= since && (record.proxy == cell.profile || record.proxy == cell.via))
      std::cout << "  " << report::printable(report::record_text(record)) << '\n';
}

}  // namespace

Result<void> can_open_shell() {
  if (is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO)) return {};
  return fail(ErrorKind::usage, "--shell needs a terminal: standard input and output must be one");
}

Result<void> open_shell(const scenario::Suite& suite, const RunOptions& options, const std::string& seed,
                        const Narrowing& narrowing) {
  run::Options how;
  how.run_id = random_hex(4);
  how.interrupted = interrupted;
  auto backend = make_backend(options.world, how.run_id);
  if (!backend) return tl::unexpected(backend.error());
  const auto capabilities = (*backend)->detect();
  if (!capabilities) return tl::unexpected(capabilities.error());
  auto plan = plan::make(suite, options.selection, *capabilities, seed);
  if (!plan) return tl::unexpected(plan.error());
  narrow(*plan, suite, narrowing);
  if (plan->cells.empty()) return fail(ErrorKind::usage, "there is no cell to open a shell for");
  const plan::Cell& cell = plan->cells.front();
  Progress progress(Progress::style_for(options.quiet), terminal_width(STDERR_FILENO), "for the shell, ");
  how.on_phase = [&](run::Phase phase, const std::string& detail) { progress.tell(phase, detail); };
  auto ready = run::bring_up(suite, plan->profiles, **backend, how);
  progress.end();
  if (!ready) return tl::unexpected(ready.error());
  const auto pods = ready->world->pod_processes();
  const auto pod = pods.find(cell.profile);
  if (pod == pods.end())
    return fail(ErrorKind::environment, "the pods of backend " + (*backend)->name() + " are not on this machine");
  const scenario::Identity who = identity_of(*plan, cell);
  const std::string line = manual_line(cell.attempt);
  introduce(cell, who, line);
  const auto since = clock_now();
  auto ended = run_in_terminal(
      {"nsenter", "--target", std::to_string(process_within(pod->second)), "--net", "--mount", "--pid", "--setuid",
       std::to_string(who.uid), "--setgid", std::to_string(who.gid), "--", "bash", "--norc", "--noprofile", "-i"},
      environment_of(cell, line));
  if (ended) tell_witnesses(*ready->world, cell, since);
  auto closed = ready->world->close();
  return ended ? closed : ended;
}

}  // namespace egressproof::cli
