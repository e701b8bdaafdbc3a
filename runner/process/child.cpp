#include "runner/process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/process/args.hpp>
#include <boost/process/child.hpp>
#include <boost/process/env.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/search_path.hpp>
#include <boost/process/start_dir.hpp>
#include <csignal>
#include <future>

#include "base/unique_fd.h"

namespace egressproof::process {
namespace bp = boost::process;

namespace {

UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

Termination termination(int status) {
  if (WIFSIGNALED(status)) return Signaled{WTERMSIG(status)};
  return Exited{WEXITSTATUS(status)};
}

// All children are forked by one thread that lives as long as the process, for two reasons. PR_SET_PDEATHSIG fires at
// the end of the *thread* that forked: a child must not die with a caller's short-lived thread. And Boost.Process makes
// its error pipe close-on-exec only after creating it: two forks at a time could leak one's pipe into the other's
// child.
template <class Work>
auto on_forking_thread(Work work) {
  static auto* const thread = new boost::asio::thread_pool(1);  // never joined: ends with the process
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto done = task.get_future();
  boost::asio::post(*thread, std::move(task));
  return done.get();
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
    const auto deadline = std::chrono::steady_clock::now() + limit;
    pollfd entry{pidfd.get(), POLLIN, 0};
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
      if (ready > 0) break;
      if (ready == 0 || errno != EINTR) return false;
    }
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
  return on_forking_thread([&command] { return fork_and_exec(command); });
}

Result<Child> Child::fork_and_exec(const Command& command) {
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
    ::setpgid(impl->pid, impl->pid);
    impl->pidfd = open_pidfd(impl->pid);
    if (!impl->pidfd.valid()) {
      Error error = system_error(ErrorKind::environment, "pidfd_open(" + std::to_string(impl->pid) + ")");
      ::kill(-impl->pid, SIGKILL);
      ::waitpid(impl->pid, nullptr, 0);
      impl->how = Signaled{SIGKILL};  // so that the owner of `impl` does not wait again
      return tl::unexpected(std::move(error));
    }
    return Child(std::move(impl));
  } catch (const bp::process_error& error) {
    return fail(ErrorKind::environment, "cannot start '" + path.string() + "': " + error.what());
  }
}

pid_t Child::pid() const { return impl_->pid; }

std::optional<Termination> Child::wait(std::chrono::milliseconds limit) {
  impl_->reap(limit);
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
