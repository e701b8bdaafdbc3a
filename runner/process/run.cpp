#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/unique_fd.h"
#include "runner/process/child.h"

namespace egressproof::process {
namespace {

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(system_error(ErrorKind::environment, "pipe2()"));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Appends what is there; closes at the end of file.
void drain(UniqueFd& fd, std::string& into) {
  std::array<char, 16384> buffer{};
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got > 0)
    into.append(buffer.data(), static_cast<std::size_t>(got));
  else
    fd.reset();
}

}  // namespace

Result<Finished> run(Command command, std::chrono::milliseconds limit, std::string_view input) {
  auto in = make_pipe();
  auto out = make_pipe();
  auto err = make_pipe();
  if (!in) return tl::unexpected(in.error());
  if (!out) return tl::unexpected(out.error());
  if (!err) return tl::unexpected(err.error());
  command.in = in->read.get();
  command.out = out->write.get();
  command.err = err->write.get();
  auto child = Child::start(command);
  if (!child) return tl::unexpected(child.error());
  in->read.reset();
  out->write.reset();
  err->write.reset();
  ::signal(SIGPIPE, SIG_IGN);  // a child that does not read its input is not our end

  Finished finished{TimedOut{limit}, {}, {}};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  if (input.empty()) in->write.reset();
  while (in->write.valid() || out->read.valid() || err->read.valid()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return finished;  // the child's owner kills it
    std::array<pollfd, 3> entries{pollfd{in->write.get(), POLLOUT, 0}, pollfd{out->read.get(), POLLIN, 0},
                                  pollfd{err->read.get(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return tl::unexpected(system_error(ErrorKind::environment, "poll()"));
    if (entries[1].revents != 0) drain(out->read, finished.out);
    if (entries[2].revents != 0) drain(err->read, finished.err);
    if (entries[0].revents != 0) {
      const ssize_t sent = ::write(in->write.get(), input.data(), std::min<std::size_t>(input.size(), 4096));
      if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 || input.empty()) in->write.reset();
    }
  }
  // Its streams are closed: its end is moments away.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (const auto how = child->wait(std::max(left, std::chrono::milliseconds(0)))) finished.how = *how;
  return finished;
}

Result<std::string> run_checked(const Command& command, std::chrono::milliseconds limit, std::string_view input) {
  auto finished = run(command, limit, input);
  if (!finished) return tl::unexpected(finished.error());
  const auto* exited = std::get_if<Exited>(&finished->how);
  if (exited != nullptr && exited->code == 0) return std::move(finished->out);
  std::string line;
  for (const std::string& word : command.argv) line += (line.empty() ? "" : " ") + word;
  std::string told = finished->err.empty() ? finished->out : finished->err;
  if (told.size() > 800) told = "..." + told.substr(told.size() - 800);
  while (!told.empty() && told.back() == '\n') told.pop_back();
  return fail(ErrorKind::environment,
              "'" + line + "': " + to_string(finished->how) + (told.empty() ? "" : ": " + told));
}

}  // namespace egressproof::process
