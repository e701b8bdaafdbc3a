// egressproof-sandbox: enters namespaces, drops privileges and runs one program; what a container runtime does for a
// pod.
//
//   egressproof-sandbox [--netns PATH] [--pid] [--bind SOURCE:TARGET]... [--chdir DIR] [--uid N] [--gid N]
//                       [--capability NET_RAW|NET_ADMIN]... [--nice N] -- PROGRAM ARG...
//
// --pid gives the program a PID namespace of its own: when this process ends, for whatever reason, the kernel kills the
// program and everything that it started. This process itself dies with its parent (PR_SET_PDEATHSIG), so that nothing
// survives a SIGKILL of the runner. SIGHUP ends it all at once: the program is killed, and this process ends only when
// the last process of the namespace is gone. Other signals are passed on. A program of its own because the runner has
// threads: after fork() in it, only async-signal-safe calls are allowed.
//
// --nice gives it another priority of the processor, where this process may: whoever may not runs all the same.
// With --capability the program has those capabilities, whatever its uid, and no others.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int exit_setup = 125;  // as in docker: the sandbox itself failed

struct Options {
  std::string netns, chdir;
  std::vector<std::pair<std::string, std::string>> binds;
  bool pid = false;
  int uid = -1, gid = -1;
  int nice = 0;
  std::vector<unsigned> capabilities;  // empty: those of the uid
  std::vector<char*> argv;
};

[[noreturn]] void die(const std::string& call) {
  std::fprintf(stderr, "egressproof-sandbox: %s: %s\n", call.c_str(), std::strerror(errno));
  std::_Exit(exit_setup);
}

[[noreturn]] void usage(const std::string& what) {
  std::fprintf(stderr, "egressproof-sandbox: %s\n", what.c_str());
  std::_Exit(exit_setup);
}

unsigned capability_of(const std::string& name) {
  if (name == "NET_RAW") return CAP_NET_RAW;
  if (name == "NET_ADMIN") return CAP_NET_ADMIN;
  usage("unknown capability " + name);
}

Options parse(int argc, char** argv) {
  Options options;
  int i = 1;
  const auto value = [&](std::string_view flag) -> std::string {
    if (i + 1 >= argc) usage("missing value of " + std::string(flag));
    return argv[++i];
  };
  for (; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--") break;
    if (flag == "--netns") {
      options.netns = value(flag);
    } else if (flag == "--pid") {
      options.pid = true;
    } else if (flag == "--chdir") {
      options.chdir = value(flag);
    } else if (flag == "--uid") {
      options.uid = std::atoi(value(flag).c_str());
    } else if (flag == "--gid") {
      options.gid = std::atoi(value(flag).c_str());
    } else if (flag == "--nice") {
      options.nice = std::atoi(value(flag).c_str());
    } else if (flag == "--capability") {
      options.capabilities.push_back(capability_of(value(flag)));
    } else if (flag == "--bind") {
      const std::string both = value(flag);
      const std::size_t colon = both.find(':');
      if (colon == std::string::npos) usage("--bind wants SOURCE:TARGET");
      options.binds.emplace_back(both.substr(0, colon), both.substr(colon + 1));
    } else {
      usage("unknown flag " + std::string(flag));
    }
  }
  for (++i; i < argc; ++i) options.argv.push_back(argv[i]);
  if (options.argv.empty()) usage("no program given");
  options.argv.push_back(nullptr);
  return options;
}

void enter(const Options& options) {
  if (!options.netns.empty()) {
    const int fd = ::open(options.netns.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) die("open('" + options.netns + "')");
    if (::setns(fd, CLONE_NEWNET) != 0) die("setns('" + options.netns + "', CLONE_NEWNET)");
    ::close(fd);
  }
  if (!options.binds.empty() || options.pid) {
    if (::unshare(CLONE_NEWNS) != 0) die("unshare(CLONE_NEWNS)");
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die("mount('/', MS_PRIVATE)");
    for (const auto& [source, target] : options.binds)
      if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
        die(std::string("mount('").append(source).append("', '").append(target).append("', MS_BIND)"));
  }
  if (options.pid && ::unshare(CLONE_NEWPID) != 0) die("unshare(CLONE_NEWPID)");
}

// The bounding set limits what a program of root gets, the ambient set is what one of another uid keeps.
void limit_capabilities(const std::vector<unsigned>& kept) {
  std::uint64_t wanted = 0;
  for (const unsigned capability : kept) wanted |= std::uint64_t{1} << capability;
  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if ((wanted >> capability & 1) == 0 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      die("prctl(PR_CAPBSET_DROP)");
}

void take_capabilities(const std::vector<unsigned>& kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  for (const unsigned capability : kept) {
    __user_cap_data_struct& half = sets[capability / 32];
    half.effective |= 1U << capability % 32;
    half.permitted = half.inheritable = half.effective;
  }
  if (::syscall(SYS_capset, &header, sets) != 0) die("capset");
  for (const unsigned capability : kept)
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) die("prctl(PR_CAP_AMBIENT_RAISE)");
}

[[noreturn]] void become(const Options& options, pid_t parent) {
  if (options.pid && ::mount("proc", "/proc", "proc", 0, nullptr) != 0) die("mount('/proc')");
  if (!options.chdir.empty() && ::chdir(options.chdir.c_str()) != 0) die("chdir('" + options.chdir + "')");
  if (options.nice != 0) static_cast<void>(::setpriority(PRIO_PROCESS, 0, options.nice));
  if (options.gid >= 0) {
    const auto gid = static_cast<gid_t>(options.gid);
    if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0) die("setresgid");
  }
  if (!options.capabilities.empty()) {
    limit_capabilities(options.capabilities);
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) die("prctl(PR_SET_KEEPCAPS)");
  }
  if (options.uid >= 0) {
    const auto uid = static_cast<uid_t>(options.uid);
    if (::setresuid(uid, uid, uid) != 0) die("setresuid");
  }
  if (!options.capabilities.empty()) take_capabilities(options.capabilities);
  // After the change of identity, which clears it. In a PID namespace of its own the parent is seen as 0.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) die("prctl(PR_SET_PDEATHSIG)");
  if (!options.pid && ::getppid() != parent) std::_Exit(exit_setup);
  ::execvp(options.argv[0], options.argv.data());
  die("execvp('" + std::string(options.argv[0]) + "')");
}

constexpr int forwarded_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
volatile sig_atomic_t child_pid = 0;

void forward(int number) { ::kill(child_pid, number == SIGHUP ? SIGKILL : number); }

}  // namespace

int main(int argc, char** argv) {
  const pid_t parent = ::getppid();
  const Options options = parse(argc, argv);
  enter(options);
  if (!options.pid) become(options, parent);

  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) die("prctl(PR_SET_PDEATHSIG)");
  if (::getppid() != parent) std::_Exit(exit_setup);
  sigset_t forwarded;
  sigset_t before;
  ::sigemptyset(&forwarded);
  for (const int number : forwarded_signals) ::sigaddset(&forwarded, number);
  ::sigprocmask(SIG_BLOCK, &forwarded, &before);  // until it is known whom to forward to
  const pid_t child = ::fork();
  if (child < 0) die("fork");
  if (child == 0) {
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    become(options, parent);
  }
  child_pid = child;
  for (const int number : forwarded_signals) std::signal(number, forward);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) die("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
