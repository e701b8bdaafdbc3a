#include "runner/backend/cluster/port_forward.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace egressproof::backend::cluster {

std::map<int, int> parse_forwarded(std::string_view output) {
  constexpr std::string_view begin = "Forwarding from 127.0.0.1:";
  std::map<int, int> ports;
  for (std::size_t at = output.find(begin); at != std::string_view::npos; at = output.find(begin, at + 1)) {
    const std::string line(output.substr(at + begin.size(), output.find('\n', at) - at - begin.size()));
    const std::size_t arrow = line.find(" -> ");
    if (arrow == std::string::npos) continue;  // still being written
    const int local = std::atoi(line.c_str());
    const int remote = std::atoi(line.c_str() + arrow + 4);
    if (local > 0 && remote > 0) ports[remote] = local;
  }
  return ports;
}

Result<PortForward> PortForward::start(const Kubectl& kubectl, const std::string& ns, const std::string& pod,
                                       std::vector<int> ports) {
  std::vector<std::string> args{"port-forward", "--namespace", ns, "--address", "127.0.0.1", "pod/" + pod};
  for (const int port : ports) args.push_back(":" + std::to_string(port));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(system_error(ErrorKind::environment, "pipe2()"));
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  process::Command command = kubectl.command(args);
  command.out = command.err = theirs.get();
  auto child = process::Child::start(command);
  if (!child) return tl::unexpected(child.error());
  return PortForward(ns + "/" + pod, std::move(ports), std::move(*child), std::move(ours));
}

Result<bool> PortForward::ready() {
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(output_.get(), buffer.data(), buffer.size())) > 0;)
    told_.append(buffer.data(), static_cast<std::size_t>(got));
  local_ = parse_forwarded(told_);
  if (std::all_of(ports_.begin(), ports_.end(), [&](int port) { return local_.count(port) != 0; })) return true;
  if (const std::string how = ended(); !how.empty()) return fail(ErrorKind::environment, how);
  return false;
}

std::string PortForward::url(int port) const {
  const auto found = local_.find(port);
  return found == local_.end() ? std::string() : "http://127.0.0.1:" + std::to_string(found->second);
}

std::string PortForward::ended() {
  const auto how = child_.ended();
  if (!how) return {};
  return "kubectl port-forward of pod " + pod_ + " ended: " + process::to_string(*how) +
         (told_.empty() ? "" : "; it said: " + told_.substr(told_.size() > 500 ? told_.size() - 500 : 0));
}

}  // namespace egressproof::backend::cluster
