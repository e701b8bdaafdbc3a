#include "runner/process/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <poll.h>
#include <algorithm>
#include <boost/process/args.hpp>
#include <boost/process/child.hpp>
#include <boost/process/env.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/search_path.hpp>
#include <boost/process/start_dir.hpp>
#include <csignal>

#include "base/unique_fd.h"

namespace egressproof::process {
namespace bp = boost::process;

namespace {

UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

Termination termination(int status) {
  if (WIFSIGNALED(status)) return Signaled{WTERMSIG(status)};
  return Exited{WEXITSTATUS(status)};
}

}  // namespace

std::string to_string(const Termination& how) {
  if (const auto* exited = std::get_if<Exited>(&how)) return "exit code " + std::to_string(exited->code);
  if (const auto* signaled = std::get_if<Signaled>(&how)) return "signal " + std::to_string(signaled->signal);
  return "no end within " + std::to_string(std::get<TimedOut>(how).limit.count()) + " ms";
}

struct Child::Impl {
  pid_t pid = -1;
  UniqueFd pidfd;
  std::optional<Termination> how;

  // Waits at most `limit`; true when reaped.
  bool reap(std::chrono::milliseconds limit) {
    if (how) return true;
    pollfd entry{pidfd.get(), POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(limit.count())) <= 0) return false;
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid) return false;
    how = termination(status);
    return true;
  }
  void kill_group(int number) const {
    if (!how) ::kill(-pid, number);
  }
};

Child::Child(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Child::Child(Child&&) noexcept = default;

Child& Child::operator=(Child&& other) noexcept {
  std::swap(impl_, other.impl_);  // other's destructor ends what this one had
  return *this;
}

Child::~Child() {
  if (!impl_) return;
  impl_->kill_group(SIGCONT);
  impl_->kill_group(SIGKILL);
  while (!impl_->reap(std::chrono::seconds(1))) {
  }
}

Result<Child> Child::start(const Command& command) {
  const std::string program = command.argv.empty() ? "" : command.argv.front();
  boost::filesystem::path path = program;
  if (program.find('/') == std::string::npos) path = bp::search_path(program);
  if (path.empty())
    return fail(ErrorKind::environment, "program '" + program + "' is not installed (not found in PATH)");
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const int in = command.in < 0 ? null.get() : command.in;
  const int out = command.out < 0 ? null.get() : command.out;
  const int err = command.err < 0 ? null.get() : command.err;
  const pid_t parent = ::getpid();
  bp::environment env;
  env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const auto& [name, value] : command.env) env[name] = value;
  // Runs between fork and exec: system calls only.
  const auto setup = [in, out, err, parent](auto&) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(125);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
  };
  try {
    const std::vector<std::string> arguments(command.argv.begin() + 1, command.argv.end());
    const std::string folder = command.chdir.empty() ? "." : command.chdir.string();
    bp::child child(bp::exe = path.string(), bp::args = arguments, env, bp::start_dir = folder,
                    bp::extend::on_exec_setup = setup);
    auto impl = std::make_unique<Impl>();
    impl->pid = child.id();
    child.detach();  // reaped by Impl, which can also time out and tell signals from exits
    impl->pidfd = open_pidfd(impl->pid);
    ::setpgid(impl->pid, impl->pid);
    return Child(std::move(impl));
  } catch (const bp::process_error& error) {
    return fail(ErrorKind::environment, "cannot start '" + path.string() + "': " + error.what());
  }
}

pid_t Child::pid() const { return impl_->pid; }

std::optional<Termination> Child::ended() {
  impl_->reap(std::chrono::milliseconds(0));
  return impl_->how;
}

void Child::signal(int number) {
  impl_->reap(std::chrono::milliseconds(0));
  impl_->kill_group(number);
}

Termination Child::stop(std::chrono::milliseconds grace) {
  signal(SIGTERM);
  if (!impl_->reap(grace)) {
    impl_->kill_group(SIGCONT);
    impl_->kill_group(SIGKILL);
    while (!impl_->reap(std::chrono::seconds(1))) {
    }
  }
  return *impl_->how;
}

}  // namespace egressproof::process
