#include "runner/backend/lab/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/files.h"

namespace egressproof::backend::lab {
namespace {

// In a thread of its own: a namespace is entered for good, and the thread's end is the way back.
template <class Work>
void in_own_thread(Work work) {
  std::thread(work).join();
}

template <class T, class Work>
Result<T> in_namespace(int fd, Work work) {
  Result<T> result = fail(ErrorKind::internal, "nothing done in the namespace");
  in_own_thread([&] {
    if (::setns(fd, CLONE_NEWNET) != 0)
      result = tl::unexpected(system_error(ErrorKind::environment, "setns(CLONE_NEWNET)"));
    else
      result = work();
  });
  return result;
}

}  // namespace

Result<Netns> Netns::create() {
  UniqueFd fd;
  Error error;
  in_own_thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      error = system_error(ErrorKind::environment, "unshare(CLONE_NEWNET)");
      return;
    }
    fd.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) error = system_error(ErrorKind::environment, "open('/proc/thread-self/ns/net')");
  });
  if (!fd.valid()) return tl::unexpected(error);
  return Netns(std::move(fd));
}

std::string Netns::path() const { return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get()); }

Result<UniqueFd> Netns::socket(int domain, int type, int protocol) const {
  return in_namespace<UniqueFd>(fd_.get(), [&]() -> Result<UniqueFd> {
    UniqueFd made(::socket(domain, type | SOCK_CLOEXEC, protocol));
    if (!made.valid()) return tl::unexpected(system_error(ErrorKind::environment, "socket()"));
    return made;
  });
}

Result<std::string> Netns::read_proc(const std::string& name) const {
  return in_namespace<std::string>(fd_.get(), [&] { return read_file("/proc/thread-self/net/" + name); });
}

}  // namespace egressproof::backend::lab
