#include "runner/backend/lab/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace egressproof::backend::lab {
namespace {

// In a thread of its own: a namespace is entered for good, and the thread's end is the way back.
template <class Work>
void in_own_thread(Work work) {
  std::thread(work).join();
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
  UniqueFd made;
  Error error;
  in_own_thread([&] {
    if (::setns(fd_.get(), CLONE_NEWNET) != 0) {
      error = system_error(ErrorKind::environment, "setns(CLONE_NEWNET)");
      return;
    }
    made.reset(::socket(domain, type | SOCK_CLOEXEC, protocol));
    if (!made.valid()) error = system_error(ErrorKind::environment, "socket()");
  });
  if (!made.valid()) return tl::unexpected(error);
  return made;
}

}  // namespace egressproof::backend::lab
