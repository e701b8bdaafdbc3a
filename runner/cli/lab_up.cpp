#include "runner/cli/lab_up.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>

#include "base/crypto.h"
#include "base/files.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/unique_fd.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/progress.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/run/pipeline.h"

namespace egressproof::cli {
namespace {

constexpr int health_every_ms = 1000;

// Called once, with what the user should read, when the world is in force.
using OnReady = std::function<void(const std::string&)>;

Result<std::vector<scenario::Profile>> picked(const scenario::Suite& suite, const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const scenario::Profile& profile : suite.profiles) known.push_back(profile.name);
  for (const std::string& name : names) {
    if (std::count(known.begin(), known.end(), name) != 0) continue;
    const auto close = nearest(name, known);
    return fail(ErrorKind::usage, "no profile '" + name + "'" + (close ? " (did you mean '" + *close + "'?)" : ""));
  }
  // Policies are about all workloads of a namespace.
  std::set<std::string> namespaces;
  for (const scenario::Profile& profile : suite.profiles)
    if (std::count(names.begin(), names.end(), profile.name) != 0) namespaces.insert(profile.ns);
  std::vector<scenario::Profile> profiles;
  for (const scenario::Profile& profile : suite.profiles)
    if (names.empty() || profile.vantage || namespaces.contains(profile.ns)) profiles.push_back(profile);
  return profiles;
}

std::string enter_command(int pid) { return "nsenter --target " + std::to_string(pid) + " --net"; }

// For people, and the same for `lab status` in the work folder.
Result<std::string> describe(const run::Ready& ready, const std::string& run_id,
                             const std::vector<scenario::Profile>& profiles) {
  auto processes = ready.world->pod_processes();
  std::ostringstream text;
  Json pods = Json::array();
  text << "lab " << run_id << " is up and in force: " << ready.applied.because << '\n';
  for (const auto* turns : {&ready.applied.enforcement, &ready.applied.admission})
    for (const policy::CanaryTurn& turn : *turns)
      if (!turn.turned) text << "NOT IN FORCE: profile " << turn.profile << '\n';
  if (!ready.world->work_folder().empty()) text << "logs and configuration: " << ready.world->work_folder() << '\n';
  for (const scenario::Profile& profile : profiles) {
    Json pod = {{"profile", profile.name}, {"namespace", profile.ns}, {"title", profile.title}};
    text << "  " << profile.name << "  " << profile.title;
    if (const auto found = processes.find(profile.name); found != processes.end()) {
      pod["enter"] = enter_command(found->second);
      text << "\n      " << enter_command(found->second);
    }
    text << '\n';
    pods.push_back(std::move(pod));
  }
  text << "end it with: egressproof lab down " << run_id << '\n';
  if (!ready.world->work_folder().empty()) {
    const Json state = {{"run_id", run_id}, {"pid", ::getpid()}, {"pods", pods}};
    const auto file = std::filesystem::path(ready.world->work_folder()) / state_file;
    if (auto written = write_file_atomically(file, state.dump(2) + "\n"); !written)
      return tl::unexpected(written.error());
  }
  return text.str();
}

int serve(const UpOptions& options, const OnReady& on_ready) {
  catch_interrupts();
  run::Options how;
  how.run_id = random_hex(4);
  how.interrupted = interrupted;
  auto backend = make_backend(options.world, how.run_id);
  if (!backend) return fail_with(backend.error());
  const auto suite = load_suite(options.paths);
  if (!suite) return fail_with(suite.error());
  const auto profiles = picked(*suite, options.profiles);
  if (!profiles) return fail_with(profiles.error());
  if (auto detected = (*backend)->detect(); !detected) return fail_with(detected.error());
  Progress progress(Progress::style_for(options.quiet), terminal_width(STDERR_FILENO));
  how.on_phase = [&](run::Phase phase, const std::string& detail) { progress.tell(phase, detail); };
  auto ready = run::bring_up(*suite, *profiles, **backend, how);
  progress.end();
  if (!ready) {
    const int code = fail_with(ready.error());
    return interrupted() == 0 ? code : run::exit_signal_base + interrupted();
  }
  const auto text = describe(*ready, how.run_id, *profiles);
  if (!text) return fail_with(text.error());
  on_ready(*text);
  std::vector<std::string> told;
  while (interrupted() == 0) {
    ::poll(nullptr, 0, health_every_ms);
    for (const std::string& problem : ready->world->health()) {
      if (std::find(told.begin(), told.end(), problem) != told.end()) continue;
      complain(problem);
      told.push_back(problem);
    }
  }
  if (auto closed = ready->world->close(); !closed) return fail_with(closed.error());
  return run::exit_matched;
}

// Reads to the end of the stream; an interrupt is handed on to the supervisor.
std::string read_all(const UniqueFd& fd, pid_t supervisor) {
  std::string all;
  bool passed_on = false;
  for (;;) {
    if (interrupted() != 0 && !passed_on) {
      ::kill(supervisor, SIGTERM);
      passed_on = true;
    }
    pollfd entry{fd.get(), POLLIN, 0};
    if (::poll(&entry, 1, 100) <= 0) continue;
    char buffer[4096];
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got == 0) return all;
    if (got > 0) all.append(buffer, static_cast<std::size_t>(got));
  }
}

// The supervisor is a process of its own session; its end tears the world down. Standard error stays the caller's until
// the world is ready.
int detached(const UpOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_with(system_error(ErrorKind::environment, "pipe2()"));
  UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  std::cout.flush();
  const pid_t supervisor = ::fork();
  if (supervisor < 0) return fail_with(system_error(ErrorKind::environment, "fork()"));
  if (supervisor == 0) {
    from.reset();
    ::setsid();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    ::dup2(null.get(), STDIN_FILENO);
    ::dup2(null.get(), STDOUT_FILENO);
    const int code = serve(options, [&](const std::string& text) {
      [[maybe_unused]] const auto written = ::write(to.get(), text.data(), text.size());
      to.reset();
      ::dup2(null.get(), STDERR_FILENO);
    });
    ::_exit(code);
  }
  to.reset();
  catch_interrupts();
  const std::string text = read_all(from, supervisor);
  if (!text.empty()) {
    std::cout << text;
    return run::exit_matched;
  }
  int status = 0;
  ::waitpid(supervisor, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : run::exit_internal;
}

}  // namespace

void add_up_options(CLI::App& app, UpOptions& options) {
  app.add_option("PATHS", options.paths, "scenario files and folders; default: the folder 'scenarios'");
  add_profiles(app, options.profiles, "a column; may be repeated; default: all");
  add_world_options(app, options.world);
  app.add_flag("--detach", options.detach, "return once it is in force; end it with 'lab down'");
  app.add_flag("-q,--quiet", options.quiet, "no progress");
}

int lab_up(const UpOptions& options) {
  if (options.detach) return detached(options);
  return serve(options, [](const std::string& text) { std::cout << text << std::flush; });
}

}  // namespace egressproof::cli
